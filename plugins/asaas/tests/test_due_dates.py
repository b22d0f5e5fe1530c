"""No month is charged twice and none is passed over, whenever a subscription is stopped and goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub import Aspect, errors
from svahub.testing import Fault
from svahub_asaas.due_dates import first_due, following, next_due
from svahub_asaas.settings import Cycle

DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
DUE_DAYS = st.sampled_from([1, 5, 10, 28, 29, 30, 31])
NUMBERS = count(1)
BY_MONTHS = [cycle for cycle in Cycle if cycle not in {Cycle.WEEKLY, Cycle.BIWEEKLY}]


def month(day: date) -> int:
    return day.year * 12 + day.month


def is_last(day: date) -> bool:
    return (day + timedelta(days=1)).month != day.month


@given(day=DUE_DAYS, today=DAYS)
def test_the_first_due_date_is_the_next_of_its_day_or_a_months_last(day: int, today: date) -> None:
    due = first_due(day, today)
    assert due >= today
    assert due.day == day or (due.day < day and is_last(due))
    assert due < today + timedelta(days=32)


@pytest.mark.deep
@given(
    day=DUE_DAYS, start=DAYS, charged=st.integers(0, 15), later=st.integers(-40, 500), cycle=st.sampled_from(BY_MONTHS)
)
def test_what_goes_on_is_due_right_after_what_was_charged(
    day: int, start: date, charged: int, later: int, cycle: Cycle
) -> None:
    dues = [first_due(day, start)]
    for _ in range(charged):
        dues.append(following(dues[-1], cycle, day))
    today = dues[-1] + timedelta(days=later)
    due = next_due(day, cycle, today, reversed(dues))
    assert due >= today
    assert due.day == day or (due.day < day and is_last(due))
    assert due >= following(dues[-1], cycle, day) or due < dues[0], "a cycle is charged twice"
    after = following(dues[-1], cycle, day)
    assert due == (after if after >= today else first_due(day, today)), "a cycle is passed over"


@given(
    start=DAYS,
    weeks=st.integers(0, 9),
    later=st.integers(-20, 100),
    cycle=st.sampled_from([Cycle.WEEKLY, Cycle.BIWEEKLY]),
)
def test_what_recurs_by_the_week_stays_on_its_weekday(start: date, weeks: int, later: int, cycle: Cycle) -> None:
    last = start + timedelta(weeks=weeks)
    today = last + timedelta(days=later)
    due = next_due(10, cycle, today, [start, last])
    assert due >= today
    assert due > last
    assert (due - last).days % (7 if cycle is Cycle.WEEKLY else 14) == 0
    assert due - today < timedelta(weeks=2) or due == following(last, cycle, 10)


@given(day=DUE_DAYS, today=DAYS, ahead=st.integers(0, 90))
def test_asaas_own_next_date_is_never_undercut(day: int, today: date, ahead: int) -> None:
    planned = today + timedelta(days=ahead)
    due = next_due(day, Cycle.MONTHLY, today, [], planned)
    assert month(due) >= month(planned)


def test_december_is_followed_by_january() -> None:
    assert following(date(2026, 12, 31), Cycle.MONTHLY, 31) == date(2027, 1, 31)
    assert first_due(5, date(2026, 12, 6)) == date(2027, 1, 5)
    assert following(date(2026, 11, 30), Cycle.QUARTERLY, 31) == date(2027, 2, 28)


# -- at Asaas itself


def dues(till: Any) -> list[date]:
    return sorted(date.fromisoformat(one["originalDueDate"]) for one in till.kept("payments") if not one["deleted"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    day=DUE_DAYS,
    spans=st.lists(st.tuples(st.integers(0, 75), st.integers(0, 75)), min_size=1, max_size=3),
)
def test_however_often_it_is_blocked_no_month_has_two_charges_and_none_is_missed_while_it_is_not(
    till: Any, day: int, spans: list[tuple[int, int]]
) -> None:
    began = till.provider.today()
    sold = till.made(f"s{next(NUMBERS)}", due_day=day)
    stopped: list[tuple[date, date]] = []
    for active, blocked in spans:
        till.pass_days(active)
        till.provider.block(sold, frozenset())
        since = till.provider.today()
        till.pass_days(blocked)
        till.provider.unblock(sold)
        stopped.append((since, till.provider.today()))
    till.pass_days(1)
    charged = [
        date.fromisoformat(one["originalDueDate"])
        for one in till.kept("payments")
        if one["subscription"] == sold.remote_id
    ]
    till.provider.cancel(sold)
    months = [month(due) for due in charged]
    assert len(months) == len(set(months)), "a month has two charges"
    for due in every_due_date(day, began, till.provider.today()):
        free = any(since <= due <= until for since, until in stopped)
        assert month(due) in months or free, f"nothing was charged for {due}"


def every_due_date(day: int, began: date, until: date) -> list[date]:
    found, due = [], first_due(day, began)
    while due <= until:
        found.append(due)
        due = following(due, Cycle.MONTHLY, day)
    return found


def test_unblocked_before_the_due_date_of_a_charge_that_is_made_the_next_month_is_next(till: Any) -> None:
    sold = till.made()
    till.pass_days(10)  # to 3 December: that of 10 December was made with it, that of January is made ahead
    till.provider.block(sold, frozenset())
    till.provider.unblock(sold)
    till.pass_days(1)
    assert dues(till) == [date(2026, 12, 10), date(2027, 1, 10)]
    assert till.kept("subscriptions")[0]["nextDueDate"] == "2027-02-10"


def test_a_charge_whose_due_date_was_moved_still_is_for_its_own_month(till: Any) -> None:
    sold = till.made()
    (charge,) = till.kept("payments")
    till.by_hand("PUT", f"/payments/{charge['id']}", {"billingType": "PIX", "value": 49.9, "dueDate": "2027-01-04"})
    till.provider.block(sold, frozenset())
    till.provider.unblock(sold)
    assert till.kept("subscriptions")[0]["nextDueDate"] == "2027-01-10"


def test_months_that_passed_while_it_was_blocked_are_not_made_up_for(till: Any) -> None:
    sold = till.made()
    till.provider.block(sold, frozenset())
    till.pass_days(100)
    till.provider.unblock(sold)
    assert till.kept("subscriptions")[0]["nextDueDate"] == "2027-03-10"


def test_what_is_charged_by_the_year_is_not_due_again_within_it(till: Any) -> None:
    sold = till.made(attributes={"cycle": "YEARLY"})
    till.provider.block(sold, frozenset())
    till.pass_days(60)
    till.provider.unblock(sold)
    assert till.kept("subscriptions")[0]["nextDueDate"] == "2027-12-10"


def test_one_that_begins_in_a_short_month_goes_on_from_its_own_day(till: Any) -> None:
    till.made(due_day=31)
    assert till.calls()[-1] == "PUT subscriptions"
    till.pass_days(70)
    assert [due.isoformat() for due in dues(till)] == ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]


def test_the_due_day_can_move_without_a_second_charge_for_a_month(till: Any) -> None:
    sold = till.made()
    for day in (25, 3, 31):
        till.provider.change(replace(sold, due_day=day), frozenset({Aspect.DUE_DAY}))
        till.pass_days(20)
    months = [month(due) for due in dues(till)]
    assert months == list(range(months[0], months[0] + len(months)))


# -- sold again


def again(till: Any, sold: Any, **more: Any) -> Any:
    return till.made("s2", account=sold.account, siblings=(sold,), **more)


def test_what_is_sold_again_is_not_charged_for_a_month_that_the_earlier_sale_left_open(till: Any) -> None:
    sold = till.made()
    till.provider.cancel(sold)
    again(till, sold)
    assert dues(till) == [date(2026, 12, 10), date(2027, 1, 10)]


def test_another_item_of_the_customer_is_charged_for_the_same_month(till: Any) -> None:
    sold = till.made()
    again(till, sold, item_code="2")
    assert dues(till) == [date(2026, 12, 10)] * 2


def test_what_vanished_and_is_made_again_is_not_charged_for_a_month_that_was_paid(till: Any) -> None:
    sold = till.made()
    till.simulator.pay(till.kept("payments")[0]["id"])
    till.by_hand("DELETE", f"/customers/{sold.account.remote_id}")
    till.made()
    assert dues(till) == [date(2026, 12, 10), date(2027, 1, 10)]


def test_a_day_that_could_not_be_kept_leaves_the_subscription_made_once(till: Any) -> None:
    till.simulator.faults.next(Fault.ERROR_BEFORE, method="PUT", path="/subscriptions")
    with pytest.raises(errors.Partial) as caught:
        till.provider.create_user(till.sold(due_day=31))
    assert caught.value.remote_user.subscription("s1").remote_id == till.kept("subscriptions")[0]["id"]
