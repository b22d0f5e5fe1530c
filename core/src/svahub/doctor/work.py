"""Checks of the work: how old the queue is and who works on it, what was left open, parked, or not run by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from svahub.areas.health import Status
from svahub.clock import local, span
from svahub.doctor.findings import Finding, error, ok, warning
from svahub.doctor.premises import Premises
from svahub.hub import TenantHub
from svahub.owners import dead
from svahub.store import health
from svahub.store.states import RunOutcome, State

LATE_SECONDS = 120
OVERDUE = timedelta(minutes=10)
SIMULATE = "svahub policy simulate --grace-days DAYS"


def queue(premises: Premises) -> Iterator[Finding]:
    """Say since when something is due that nobody has taken up, and whether anybody works."""
    workers = _workers(premises)
    for office, status in premises.statuses:
        late = _late(office, status)
        if late is None:
            yield ok("nothing is late", office.name)
        elif not workers:
            yield error(f"nobody works, and something is {late}", "run `svahub work`, best as a service", office.name)
        else:
            more = "run one more `svahub work`, or one with more --threads"
            yield warning(f"something is {late}, though somebody works", more, office.name)


def _late(office: TenantHub, status: Status) -> str | None:
    """Return since when something is due that ought to be done, None while it is not late."""
    if status.oldest_due_at is None or (status.oldest_due_seconds or 0) < LATE_SECONDS:
        return None
    return f"due since {local(status.oldest_due_at, office.bench.zone)}: {span(status.oldest_due_seconds or 0)}"


def _workers(premises: Premises) -> int:
    """Count who holds accounts now and is not known to be gone."""
    with premises.opened.read() as connection:
        held = health.leases(connection, premises.opened.now(connection))
    owners = [lease.owner for lease in held]
    return len(set(owners) - set(dead(owners)))


def attempts(premises: Premises) -> Iterator[Finding]:
    """Say which attempts nobody has closed: their outcome is looked up by the next worker."""
    for office in premises.offices:
        with premises.opened.read() as connection:
            count, oldest = health.orphans(connection, office.name, premises.opened.now(connection))
        if count and oldest is not None:
            since = local(oldest, office.bench.zone)
            found = f"{count} were begun and not ended, the oldest at {since}, by workers that have ended"
            yield warning(found, "run `svahub work`: it looks up what became of them", office.name)


def parked(premises: Premises) -> Iterator[Finding]:
    """Say what waits for a person."""
    for office, status in premises.statuses:
        for stuck in status.stuck:
            if stuck.state is State.PARKED:
                found = f"{stuck.what} of {stuck.integration!r} wait for a person: {stuck.cause}"
                yield warning(found, f"decide about each: {stuck.next}", office.name, person=True)


def inbox(premises: Premises) -> Iterator[Finding]:
    """Say whether what providers told is read soon."""
    for office, status in premises.statuses:
        stopped = {stuck.integration for stuck in status.stuck if stuck.state is not State.PARKED}
        for one in status.beside:
            late = one.unread_since is not None and (one.unread_seconds or 0) >= LATE_SECONDS
            if late and one.unread_since is not None and one.integration not in stopped:
                since = local(one.unread_since, office.bench.zone)
                found = f"{one.unread} deliveries to {one.integration!r} are not read, the oldest since {since}"
                yield error(found, "run `svahub work`, or `svahub serve --with-work`", office.name)


def debts(premises: Premises) -> Iterator[Finding]:
    """Say whether anything follows from debts that are open."""
    for office in premises.offices:
        owing = office.debts.count()
        if owing and office.debts.policy() is None:
            found = f"{owing} debts are open, and no policy says whom they block: nobody is blocked"
            yield warning(found, f"see `{SIMULATE}`, then `svahub policy set --grace-days DAYS`", office.name)


def schedules(premises: Premises) -> Iterator[Finding]:
    """Say which schedules failed at their last run, or were not run."""
    for office in premises.offices:
        now = office.bench.now()
        for view in office.schedules.list():
            again = f"mend it, then `svahub schedule run {view.name}`"
            if view.problem:
                yield warning(f"{view.name}: {view.problem}", "upgrade or install its package", office.name)
            elif view.enabled and view.last_outcome in {RunOutcome.FAILED, RunOutcome.LOST}:
                yield error(f"{view.name}: {view.last_outcome.value}: {view.last_message}", again, office.name)
            elif view.next_due_at is not None and not view.running and view.next_due_at + OVERDUE < now:
                found = f"{view.name} is due since {local(view.next_due_at, office.bench.zone)}"
                yield warning(found, "run `svahub work`, best as a service", office.name)
