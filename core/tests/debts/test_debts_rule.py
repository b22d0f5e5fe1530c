"""The debt rule: nobody is blocked before the grace is past, nor on a day that is free; who has paid is unblocked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svahub.debt_rule import Policy, blocks_on, calendar, merged, sold_items, states, wanted
from svahub.intentions import Level
from svahub.models import Desired, Observed, Reason
from svahub.store.rows import ContractRow, DebtRow, ItemRow, ReasonRow, SubscriptionRow
from svahub.store.states import ContractStatus, Phase

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DUE = date(2026, 11, 2)
SOLD = {"1": ("tv", "games"), "2": ("telemedicine", "clinic"), "3": ("billing", "bank")}
"""By item: what was sold, and at which integration."""


def level(*reasons: ReasonRow, desired: Desired = Desired.ACTIVE) -> Level:
    contract = ContractRow("default", "C1", "P1", ContractStatus.ACTIVE, 10, None, None, NOW)
    items = [ItemRow("default", "C1", code, code, None, None, 1, None, {}, None, 1, False) for code in SOLD]
    return Level(contract, items, reasons, [sold(code, desired) for code in SOLD])


def sold(code: str, desired: Desired) -> SubscriptionRow:
    kind, integration = SOLD[code]
    whole: dict[str, Any] = dict.fromkeys(SubscriptionRow._fields)
    return SubscriptionRow(
        **whole | {
            "key": code, "tenant": "default", "contract_id": "C1", "item_code": code, "sale": 1, "product_type": kind,
            "integration": integration, "desired": desired, "observed": Observed.ACTIVE, "phase": Phase.SETTLED,
        }
    )  # fmt: skip


def debt(since: date = DUE, by: str = "bank", settled: bool = False, reference: str = "pay_1") -> DebtRow:
    return DebtRow("default", by, reference, "C1", since, Decimal("99.90"), NOW, NOW if settled else None)


def overdue(code: str, source: str) -> ReasonRow:
    return ReasonRow("default", "C1", code, Reason.OVERDUE, source, None, NOW)


def blocked(policy: Policy | None, *debts: DebtRow, on: date = date(2027, 1, 4)) -> set[str]:
    return {f"{reason.item_code} {reason.source}" for reason in wanted(level(), debts, policy, on, NOW)}


days = st.dates(date(2024, 1, 1), date(2030, 12, 31))
policies = st.builds(
    Policy,
    st.integers(0, 60),
    st.none() | st.frozensets(st.sampled_from(["tv", "telemedicine", "billing", "other"])),
    st.frozensets(st.sampled_from(["bank", "clinic"])),
    st.booleans(),
    st.sampled_from([None, "SP", "BA"]),
)
debts = st.builds(debt, days, st.sampled_from(["bank", "till"]), st.booleans())
quick = settings(max_examples=50, deadline=None)


@quick
@given(days, policies)
def test_nobody_is_blocked_before_the_grace_is_past_and_then_on_the_first_day_that_is_not_free(
    since: date, policy: Policy
) -> None:
    day, ends = blocks_on(since, policy, policy.free), since + timedelta(days=policy.grace_days)
    assert day > ends
    assert not policy.free(day)
    passed = [ends + timedelta(days=n) for n in range(1, (day - ends).days)]
    assert all(map(policy.free, passed))


@quick
@given(st.lists(debts, max_size=4), policies, days)
def test_who_is_blocked_stays_so_until_a_debt_is_settled(owed: list[DebtRow], policy: Policy, day: date) -> None:
    today, later = (wanted(level(), owed, policy, on, NOW) for on in (day, day + timedelta(days=9)))
    assert today <= later
    less = [replace(one, settled_at=NOW) for one in owed[:1]] + owed[1:]
    assert wanted(level(), less, policy, day, NOW) <= today
    assert wanted(level(), [replace(one, settled_at=NOW) for one in owed], policy, day, NOW) == set()


@quick
@given(st.lists(debts, max_size=4), policies, days, st.integers(0, 60))
def test_a_longer_grace_blocks_nobody_more(owed: list[DebtRow], policy: Policy, day: date, more: int) -> None:
    patient = replace(policy, grace_days=policy.grace_days + more)
    assert wanted(level(), owed, patient, day, NOW) <= wanted(level(), owed, policy, day, NOW)


@quick
@given(st.lists(debts, max_size=4), policies, days)
def test_to_judge_again_changes_nothing(owed: list[DebtRow], policy: Policy, day: date) -> None:
    others = [overdue("", "import"), ReasonRow("default", "C1", "1", Reason.STAFF, "operator:ana", None, NOW)]
    before = level(overdue("1", "billing:till"), overdue("3", "billing:bank"), *others)
    due = wanted(before, owed, policy, day, NOW)
    gone, added = merged(before, due, forget_import=False)
    after = replace(before, reasons=[reason for reason in before.reasons if reason not in gone] + added)
    assert set(others) <= set(after.reasons)
    assert merged(after, due, forget_import=False) == ([], [])


@quick
@given(st.permutations([debt(), debt(reference="pay_2", by="till"), debt(settled=True, reference="pay_3")]), policies)
def test_the_order_in_which_debts_came_does_not_matter(owed: list[DebtRow], policy: Policy) -> None:
    one = wanted(level(), owed, policy, date(2027, 3, 1), NOW)
    assert one == wanted(level(), sorted(owed, key=lambda row: row.reference), policy, date(2027, 3, 1), NOW)


# -- what is blocked ---------------------------------------------------------------------------------------------------


def test_without_a_policy_nobody_is_blocked() -> None:
    assert blocked(None, debt()) == set()


def test_the_integration_that_raised_the_debt_is_spared_unless_the_policy_names_it() -> None:
    assert blocked(Policy(10), debt()) == {"1 billing:bank", "2 billing:bank"}
    named = Policy(10, integrations=frozenset({"bank"}))
    assert blocked(named, debt()) == {"1 billing:bank", "2 billing:bank", "3 billing:bank"}
    assert "3 billing:till" in blocked(Policy(10), debt(by="till"))


def test_only_the_product_types_of_the_policy_are_blocked() -> None:
    assert blocked(Policy(10, frozenset({"tv"})), debt()) == {"1 billing:bank"}
    assert blocked(Policy(10, frozenset()), debt()) == set()


def test_what_is_cancelled_or_gone_is_not_blocked() -> None:
    ended = level(desired=Desired.CANCELLED)
    gone = replace(level(), items=[replace(item, removed=True) for item in level().items])
    assert [*sold_items(ended), *sold_items(gone)] == []


def test_the_reason_of_a_file_goes_with_the_last_debt_and_an_operators_stays() -> None:
    before = level(overdue("", "import"), overdue("1", "billing:bank"), overdue("", "operator:ana"))
    gone, _ = merged(before, set(), forget_import=True)
    assert {reason.source for reason in gone} == {"import", "billing:bank"}


# -- days --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "policy", "day"),
    [
        (date(2026, 11, 2), Policy(0), date(2026, 11, 3)),
        (date(2026, 11, 2), Policy(10), date(2026, 11, 13)),
        (date(2026, 11, 10), Policy(10, business_days_only=True), date(2026, 11, 23)),  # 21 is a Saturday
        (date(2026, 11, 9), Policy(10, business_days_only=True), date(2026, 11, 23)),  # 20 is a holiday, then a weekend
        (date(2026, 6, 28), Policy(10, business_days_only=True), date(2026, 7, 9)),
        (date(2026, 6, 28), Policy(10, business_days_only=True, state="SP"), date(2026, 7, 10)),
        (date(2026, 12, 21), Policy(10, business_days_only=True), date(2027, 1, 4)),  # New Year, then a weekend
    ],
)
def test_the_day_of_a_block(since: date, policy: Policy, day: date) -> None:
    assert blocks_on(since, policy, policy.free) == day


def test_a_states_holidays_count_only_where_they_are_asked_for() -> None:
    revolution = date(2026, 7, 9)
    assert (calendar(None)(revolution), calendar("SP")(revolution), calendar("BA")(revolution)) == (False, True, False)


def test_the_states_are_those_of_brazil() -> None:
    assert len(states()) == 27
    assert all(len(name) == 2 for name in states())
