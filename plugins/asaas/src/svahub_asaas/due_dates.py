"""When a subscription is due next: pure. No month is charged twice, and none that is still to come is passed over.

Asaas takes one date, and goes on from there cycle by cycle; a day that a month does not have is its last.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta

from svahub_asaas.settings import Cycle

MONTHS = {Cycle.MONTHLY: 1, Cycle.BIMONTHLY: 2, Cycle.QUARTERLY: 3, Cycle.SEMIANNUALLY: 6, Cycle.YEARLY: 12}
WEEKS = {Cycle.WEEKLY: 1, Cycle.BIWEEKLY: 2}


def first_due(day: int, today: date) -> date:
    """Return the first due date that has not passed."""
    due = _in_month_of(today, day)
    return due if due >= today else _in_month_of(today, day, later=1)


def following(due: date, cycle: Cycle, day: int) -> date:
    """Return the due date of the charge after one."""
    if cycle in WEEKS:
        return due + timedelta(weeks=WEEKS[cycle])
    return _in_month_of(due, day, later=MONTHS[cycle])


def next_due(day: int, cycle: Cycle, today: date, charged: Iterable[date], planned: date | None = None) -> date:
    """Return the first due date after those that have been charged; `planned` is Asaas's own idea of it.

    Due dates that have passed without a charge, as the subscription was stopped, are not made up for.
    """
    last = max(charged, default=None)
    after = [] if last is None else [following(last, cycle, day)]
    if planned is not None:
        after.append(on_day(planned, cycle, day))
    due = max(after, default=today - timedelta(days=1))
    if due >= today:
        return due
    if cycle in WEEKS and after:
        return due + -(-(today - due) // timedelta(weeks=WEEKS[cycle])) * timedelta(weeks=WEEKS[cycle])
    return first_due(day, today)


def on_day(due: date, cycle: Cycle, day: int) -> date:
    """Return a due date on the day of the month that it should have; what recurs by the week has none."""
    return due if cycle in WEEKS else _in_month_of(due, day)


def since(today: date, cycle: Cycle) -> date:
    """Return the day from which on a charge may be for a cycle that is not over yet."""
    return _in_month_of(today, 1, later=-MONTHS.get(cycle, 1))


def _in_month_of(any_day: date, day: int, later: int = 0) -> date:
    years, month = divmod(any_day.month - 1 + later, 12)
    year, number = any_day.year + years, month + 1
    return date(year, number, min(day, monthrange(year, number)[1]))
