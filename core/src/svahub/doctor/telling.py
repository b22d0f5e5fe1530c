"""Checks of the outbox: whether other systems can be told here, and whether they take what they are told."""

from __future__ import annotations

from collections.abc import Iterator

from svahub.areas.outbox import TargetStatus
from svahub.clock import local
from svahub.dispatching import valid_secrets
from svahub.doctor.findings import Finding, error, warning
from svahub.doctor.premises import Premises
from svahub.doctor.work import LATE_SECONDS
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.store import targets


def targets_secrets(premises: Premises) -> Iterator[Finding]:
    """Say whether the secrets with which messages are signed can be read."""
    for office in premises.offices:
        with premises.opened.read() as connection:
            rows = targets.of_tenant(connection, office.name)
        for row in rows:
            try:
                valid_secrets(row, office.bench.now())
            except Refused as refusal:
                remedy = f"mend it where `svahub work` runs too; or give another: `svahub outbox rotate {row.name}`"
                yield error(f"the secret of the target {row.name!r}: {refusal}", remedy, office.name)


def outbox(premises: Premises) -> Iterator[Finding]:
    """Say whether other systems take what they are told, and soon; what is parked is told of with the rest of that."""
    for office in premises.offices:
        for status in office.outbox.status(limit=0).targets:
            if status.failing:
                found = f"{status.target!r} does not take what it is told: {status.waiting} messages wait"
                yield warning(found, f"see `svahub outbox status --target {status.target}`", office.name)
            elif _late(status):
                yield error(_since(office, status), "run `svahub work`, or `svahub serve --with-work`", office.name)


def _late(status: TargetStatus) -> bool:
    is_sent = status.waiting and not status.parked and status.paused_until is None
    return bool(is_sent) and (status.lag_seconds or 0) >= LATE_SECONDS


def _since(office: TenantHub, status: TargetStatus) -> str:
    assert status.oldest_at is not None  # something waits
    since = local(status.oldest_at, office.bench.zone)
    return f"{status.waiting} messages to {status.target!r} are not sent, the oldest since {since}"
