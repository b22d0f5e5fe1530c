"""Checks of what is installed: versions, plugins."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

from svahub import hookspecs
from svahub.doctor.findings import Finding, error, ok
from svahub.doctor.premises import Premises


def versions(_premises: Premises) -> Iterator[Finding]:
    """Say what runs."""
    contract = hookspecs.CONTRACT_VERSION
    yield ok(f"svahub {version('svahub')} on Python {platform.python_version()}, contract version {contract}")


def plugins(premises: Premises) -> Iterator[Finding]:
    """Say which plugins are installed, and which of them are broken."""
    listing = premises.registry.listing()
    sound = dict.fromkeys(f"{p.name} {p.version or ''}".strip() for p in listing if not p.broken)
    for listed in listing:
        if listed.broken:
            package = listed.distribution or listed.name
            yield error(f"{listed.name} ({package}) is broken: {listed.broken}", f"upgrade or uninstall {package}")
    if sound:
        yield ok(", ".join(sound))
    elif not listing:
        yield error("no plugin is installed", "install one: pip install 'svahub[NAME]'")


def missing_plugins(premises: Premises) -> Iterator[Finding]:
    """Say which integrations have no plugin to call them with."""
    for office, view in premises.integrations:
        if view.status.startswith("missing: "):
            remedy = view.status.removeprefix("missing: ")
            waiting = f"its {view.live_subscriptions} live subscriptions wait"
            yield error(f"the plugin {view.provider!r} of {view.name!r} is missing: {waiting}", remedy, office.name)
