"""Checks of comparisons: whether what providers have is compared with ours now and then, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from svahub.areas.reconciling import Plan
from svahub.clock import local
from svahub.doctor.findings import Finding, warning
from svahub.doctor.premises import Premises
from svahub.hub import TenantHub
from svahub.reconciling.comparing import TO_MEND
from svahub.store.states import ReconcileState

OLD = timedelta(days=14)


def compared(premises: Premises) -> Iterator[Finding]:
    """Say which integrations were not compared for two weeks, and where the last plan found what nobody has mended."""
    for office in premises.offices:
        now, since = office.bench.now(), {row.name: row.created_at for row in office.bench.integrations()}
        for name in office.reconciling.comparable():
            plans = office.reconciling.list(name, limit=10)
            last = next((plan for plan in plans if plan.finished_at is not None), None)
            looked = last.started_at if last else since[name]
            if looked + OLD < now and office.integrations.show(name).live_subscriptions:
                yield _old(office, name, last)
            elif last is not None and (finding := _open(office, last)):
                yield finding


def _old(office: TenantHub, name: str, last: Plan | None) -> Finding:
    when = f"was compared last at {local(last.started_at, office.bench.zone)}" if last else "was never compared"
    return warning(f"{name!r} {when}", f"run `svahub reconcile run {name}`", office.name)


def _open(office: TenantHub, last: Plan) -> Finding | None:
    differing = sum(last.counts.get(agreement.value, 0) for agreement in TO_MEND)
    if not differing or last.state == ReconcileState.APPLIED.value:
        return None
    found = f"{differing} of {last.integration!r} differ at the provider, as plan {last.plan} has seen"
    return warning(found, f"see `svahub reconcile show {last.plan}`; {last.next}", office.name)
