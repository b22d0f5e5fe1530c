"""Rotating an integration's secrets: new ones are tested before they are kept, old ones wait in a second slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from svahub import entries, secrets
from svahub.areas.bench import Bench
from svahub.areas.trials import UNSUPPORTED, Tested, tried
from svahub.errors import Refused
from svahub.opening import secret_fields, settings_of
from svahub.registry import ProviderKind
from svahub.store import integrations, journal
from svahub.store.rows import IntegrationRow
from svahub.store.states import IntegrationState
from svahub.telling import of_freed

COMMAND = "integration rotate"
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation has changed; `tested` is False where the provider offers nothing to test with."""

    name: str
    rotated: list[str]
    secrets: dict[str, str]
    tested: bool
    former_kept: bool
    freed: bool
    status: str


def rotated(bench: Bench, name: str, given: Mapping[str, str], *, dry_run: bool) -> Rotated:
    """Put secrets in the place of those of the same fields, once the provider has accepted them.

    A running worker presents the former ones too, until the new ones have worked. Raises Refused, and changes nothing,
    when the test fails or somebody else rotates at the same time.
    """
    row = bench.integration(name)
    kind = bench.registry.provider(row.provider)
    fresh = {field: secrets.kept(held) for field, held in given.items()}
    refuse_unknown(kind, fresh)
    new = replace(row, secrets=row.secrets | fresh, former_secrets=None)
    settings_of(kind, new)
    tested = _accepted(bench, new)
    new = replace(new, former_secrets=_to_keep(bench, row, new))
    freed = _write(bench, row, new, list(fresh), dry_run=dry_run)
    status = IntegrationState.ENABLED if freed else row.state
    shown = {field: secrets.shown(held) for field, held in new.secrets.items()}
    return Rotated(name, sorted(fresh), shown, tested.ok, new.former_secrets is not None, freed, status.value)


def refuse_unknown(kind: ProviderKind, given: Mapping[str, str]) -> None:
    """Raise Refused if a field is no secret of the provider."""
    known = secret_fields(kind)
    if unknown := sorted(given.keys() - known):
        raise Refused(f"{', '.join(unknown)} is no secret of {kind.title} (secrets: {', '.join(sorted(known))}).")


def _accepted(bench: Bench, new: IntegrationRow) -> Tested:
    tested = tried(bench, new)
    if tested.ok or tested.fault == UNSUPPORTED:
        return tested
    raise Refused(
        f"With the new secrets the test of {new.name!r} fails, so nothing was changed. "
        f"At fault: {tested.fault}: {tested.message}."
    )


def _to_keep(bench: Bench, row: IntegrationRow, new: IntegrationRow) -> dict[str, str] | None:
    """Return the secrets to fall back on: those before, unless older ones wait that alone have worked so far.

    A reference whose content has changed is nothing to fall back on: it leads to the new secret.
    """
    before = row.secrets if row.secrets != new.secrets else None
    if before is None or row.former_secrets is None:
        return before or row.former_secrets
    return before if tried(bench, row).ok else row.former_secrets


def _write(bench: Bench, row: IntegrationRow, new: IntegrationRow, fields: list[str], *, dry_run: bool) -> bool:
    """Keep the new secrets; return whether that has freed the integration."""
    references = [f"{secrets.shown(new.secrets[field])} as {field}" for field in sorted(fields)]
    subject = entries.of_integration(row.name)
    with bench.writing(COMMAND, subject, dry_run=dry_run, references=references) as connection:
        at = _after(row, bench.store.now(connection))
        dates = {field: (at if field in fields else row.secret_since(field)).isoformat() for field in new.secrets}
        values = {"secrets": new.secrets, "secrets_at": at, "former_secrets": new.former_secrets, "secret_dates": dates}
        if not integrations.rotate(connection, row, values):
            raise Refused(f"Somebody else has rotated {row.name!r} meanwhile. Look at it, then run the command again.")
        freed = integrations.free(connection, replace(new, secrets_at=at))
        if freed:
            journal.tell(connection, row.tenant, at, [of_freed(row.name, COMMAND)])
    return freed


def _after(row: IntegrationRow, now: datetime) -> datetime:
    """Return an instant that tells these secrets from those before, also where clocks differ."""
    return max(now, row.secrets_at + MOMENT) if row.secrets_at else now
