"""Checks of an installation, a function each: what is wrong with it, and how to mend it.

A check takes the premises and yields what it found. To add one, write it beside its like and name it below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from svahub.doctor import accounts, campaigns, comparing, database, installation, sources, telling, work
from svahub.doctor.findings import Finding, Verdict, error
from svahub.doctor.premises import Premises
from svahub.errors import Refused, SvahubError

Check = Callable[[Premises], Iterable[Finding]]

ANYWHERE: tuple[Check, ...] = (
    installation.versions,
    installation.plugins,
    accounts.key_file,
    database.room,
)
"""What can be checked of a store that cannot be read, or without one."""

INSIDE: tuple[Check, ...] = (
    database.tables,
    database.plugins_tables,
    database.access,
    database.durability,
    installation.missing_plugins,
    accounts.readable_secrets,
    accounts.old_secrets,
    accounts.shared_tokens,
    accounts.settings,
    accounts.providers,
    accounts.stopped,
    database.clock,
    work.queue,
    work.attempts,
    work.parked,
    work.inbox,
    sources.sources,
    telling.targets_secrets,
    telling.outbox,
    comparing.compared,
    campaigns.paused,
    work.debts,
    work.schedules,
    database.audit,
)
"""What is checked in a store that can be used, `providers` before what it may mend."""


def examine(premises: Premises) -> Iterator[Finding]:
    """Yield what every check finds; a check that breaks is itself a finding and stops no other."""
    for check in ANYWHERE:
        yield from carried_out(check, premises)
    state = list(carried_out(database.store, premises))
    yield from state
    if any(finding.verdict is Verdict.ERROR for finding in state):
        left_out = ", ".join(map(_name, INSIDE))
        yield Finding("store", Verdict.WARNING, f"not checked: {left_out}", "mend the store first")
        return
    try:
        _ = premises.offices
    except Refused as refusal:
        yield Finding("tenant", Verdict.ERROR, str(refusal), "name another with --tenant, or use --all-tenants")
        return
    for check in INSIDE:
        yield from carried_out(check, premises)


def carried_out(check: Check, premises: Premises) -> Iterator[Finding]:
    """Yield what one check finds, or that it broke."""
    name = _name(check)
    try:
        for finding in check(premises):
            yield replace(finding, check=name)
    except SvahubError as fault:
        yield replace(error(str(fault), "do as it says, then run `svahub doctor` again"), check=name)
    except Exception as fault:  # noqa: BLE001  # a check that breaks must not keep the others from being made
        broken = f"this check broke ({type(fault).__name__})"  # its text may hold a secret
        yield replace(
            error(broken, "look at the other findings first; if it stays so, tell svahub's authors"), check=name
        )


def _name(check: Check) -> str:
    return str(getattr(check, "__name__", "check")).replace("_", " ")
