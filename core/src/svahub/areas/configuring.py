"""Changing an integration that is there: its address, settings and secrets, checked as when it was registered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from svahub import entries, secrets
from svahub.areas.bench import Bench
from svahub.errors import Refused
from svahub.opening import base_url, settings_of
from svahub.settings import IntegrationSettings, SourceSettings
from svahub.store import integrations, sources
from svahub.store.rows import IntegrationRow

COMMAND = "integration set"
MOMENT = timedelta(microseconds=1)


def reconfigured(
    bench: Bench,
    name: str,
    address: str | None,
    settings: Mapping[str, Any],
    unset: Collection[str],
    secret: Mapping[str, str],
    *,
    dry_run: bool,
) -> IntegrationRow:
    """Change what is named and return the row; Refused when what comes out does not fit the plugin."""
    if address is None and not (settings or unset or secret):
        raise Refused(f"Say what to change: svahub integration set {name} --base-url URL, --set K=V or --secret K=REF.")
    row = bench.integration(name)
    kind = bench.registry.provider(row.provider)
    fresh = {field: secrets.kept(held) for field, held in secret.items()}
    beside = bench.integrations()
    new = replace(
        row,
        base_url=row.base_url if address is None else base_url(kind, row.environment, address, beside),
        settings=merged(_without(row, unset), settings),
        secrets={f: held for f, held in row.secrets.items() if f not in unset} | fresh,
    )
    checked = settings_of(kind, new)
    return _written(bench, row, new, fresh, checked, dry_run=dry_run)


def _without(row: IntegrationRow, names: Collection[str]) -> dict[str, Any]:
    """Return settings without some, which may be secrets instead; Refused when one is not set at all."""
    left = row.settings
    for name in names:
        if name in row.secrets:
            continue
        left = _taken(left, name.split("."), name)
    return left


def _taken(settings: Mapping[str, Any], path: list[str], name: str) -> dict[str, Any]:
    first, *rest = path
    inner = settings.get(first)
    if first not in settings or (rest and not isinstance(inner, dict)):
        raise Refused(f"{name} is not set: the plugin's own default stands.")
    others = {key: value for key, value in settings.items() if key != first}
    return others | {first: _taken(inner, rest, name)} if rest and isinstance(inner, dict) else others


def merged(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with others in their place; of nested ones only those that are given."""
    whole = dict(settings)
    for name, value in given.items():
        there = whole.get(name)
        both = isinstance(there, dict) and isinstance(value, dict)
        whole[name] = merged(there, value) if both and isinstance(there, dict) else value
    return whole


def _written(
    bench: Bench,
    row: IntegrationRow,
    new: IntegrationRow,
    fresh: Mapping[str, str],
    checked: IntegrationSettings,
    *,
    dry_run: bool,
) -> IntegrationRow:
    told = {
        "base_url": new.base_url if new.base_url != row.base_url else None,
        "settings": sorted(k for k in {*row.settings, *new.settings} if row.settings.get(k) != new.settings.get(k)),
        "references": [f"{secrets.shown(held)} as {field}" for field, held in sorted(fresh.items())],
        "without": sorted(row.secrets.keys() - new.secrets.keys()),
    }
    with bench.writing(COMMAND, entries.of_integration(row.name), dry_run=dry_run, **told) as connection:
        values: dict[str, Any] = {"base_url": new.base_url, "settings": new.settings}
        if new.secrets != row.secrets or fresh:
            now = bench.store.now(connection)
            at = max(now, row.secrets_at + MOMENT) if row.secrets_at else now
            since = {f: (at if f in fresh else row.secret_since(f)).isoformat() for f in new.secrets}
            values |= {"secrets": new.secrets, "secrets_at": at, "secret_dates": since}
            values["former_secrets"] = row.secrets if row.secrets != new.secrets else row.former_secrets
        if not integrations.configure(connection, row, values):
            raise Refused(f"Somebody else has changed {row.name!r} meanwhile. Look at it, then run the command again.")
        if isinstance(checked, SourceSettings):
            now, wants = bench.store.now(connection), sorted(checked.wants())
            sources.configure(connection, row.tenant, row.name, wants, now, watched=checked.watch)
    return replace(new, **{name: value for name, value in values.items() if name not in {"settings", "base_url"}})
