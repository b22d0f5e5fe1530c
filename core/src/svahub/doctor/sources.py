"""Checks of where contracts come from: whether each source is read, and told what it is to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from svahub.clock import local
from svahub.doctor.findings import Finding, error, ok, warning
from svahub.doctor.premises import Premises
from svahub.store import happenings
from svahub.store.states import IntegrationState, RunOutcome

if TYPE_CHECKING:
    from svahub.areas.sources import SourceView
    from svahub.hub import TenantHub

OVERDUE = timedelta(minutes=10)
SHOWN = 5


def sources(premises: Premises) -> Iterator[Finding]:
    """Say how the last pull of each source ended, and since when one is due."""
    for office in premises.offices:
        now = office.bench.now()
        for view in office.sources.list():
            if view.status == IntegrationState.ENABLED.value:  # of the others, other checks tell
                yield _pulled(office, view, now)
                yield from _waiting(office, view)


def _pulled(office: TenantHub, view: SourceView, now: datetime) -> Finding:
    if view.outcome in {RunOutcome.FAILED, RunOutcome.LOST}:
        again = f"mend it, then `svahub source pull {view.name}`"
        return error(f"{view.name!r} {view.outcome.value}: {view.message}", again, office.name)
    if view.outcome is not RunOutcome.RUNNING and view.next_pull_at and view.next_pull_at + OVERDUE < now:
        since = local(view.next_pull_at, office.bench.zone)
        return error(
            f"{view.name!r} is to be pulled since {since}", "run `svahub work`, best as a service", office.name
        )
    if view.contracts_until is None:
        return warning(f"{view.name!r} was never read to its end", f"run `svahub source pull {view.name}`", office.name)
    return ok(f"{view.name!r} was read up to {local(view.contracts_until, office.bench.zone)}", office.name)


def _waiting(office: TenantHub, view: SourceView) -> Iterator[Finding]:
    with office.hub.store.read() as connection:
        causes = happenings.causes(connection, office.name, view.name)
    for cause in causes:
        found = f"{view.name!r} could not be told of something: {cause}"
        yield warning(found, f"upgrade the plugin {view.type!r}: it is told again within the hour", office.name)
    if view.rejected:
        first = "; ".join(f"contract {id}: {reason}" for id, reason in list(view.rejected.items())[:SHOWN])
        more = f" … and {len(view.rejected) - SHOWN} more" if len(view.rejected) > SHOWN else ""
        found = f"{len(view.rejected)} contracts that {view.name!r} tells of are left out: {first}{more}"
        remedy = f"mend them there; or what is missing here, then `svahub source pull {view.name} --full`"
        yield warning(found, remedy, office.name)
    if view.waiting_debts:
        found = f"{view.waiting_debts} debts that {view.name!r} tells of wait for their contracts"
        remedy = f"see why these are rejected: `svahub source pull {view.name} --full --dry-run`"
        yield warning(found, remedy, office.name)
