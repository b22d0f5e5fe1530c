"""Debts and payments in any order: what is blocked is what the open debts say."""

from __future__ import annotations

from datetime import date
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub.debt_rule import wanted
from svahub.hub import TenantHub
from svahub.intentions import levels

from .owing import DUE, MONDAY, TEN_DAYS, blocked, contract, owe, settled, tell

REFERENCES = ("pay_1", "pay_2", "pay_3")
numbers = count(100)


@pytest.fixture
def furnished(office: TenantHub) -> TenantHub:
    office.debts.set_policy(TEN_DAYS)
    return office


told_in_some_order = st.lists(
    st.tuples(
        st.sampled_from(REFERENCES), st.sampled_from(["old", "new", "paid"]), st.sampled_from(["clinic", "cameras"])
    ),
    min_size=1, max_size=10,
)  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told_in_some_order)
def test_what_is_blocked_is_what_the_open_debts_say_however_they_came(
    furnished: TenantHub, sayings: list[tuple[str, str, str]]
) -> None:
    office, id = furnished, f"H{next(numbers)}"
    office.contracts.take_in([contract(id)])
    for reference, how, by in sayings:
        name = f"{id} {reference}"
        one = settled(name, id) if how == "paid" else owe(name, id, DUE if how == "old" else date(2026, 11, 20))
        tell(office, one, by=by)
    last = {(reference, by): how for reference, how, by in sayings}
    is_open = {(f"{id} {reference}", by) for (reference, by), how in last.items() if how != "paid"}
    owed = [*office.debts.list(id)]
    assert {(row.reference, row.integration) for row in owed} == is_open
    with office.hub.store.read() as connection:
        level = levels(connection, office.name, [id])[id]
    due = wanted(level, owed, TEN_DAYS, MONDAY.date(), MONDAY)
    assert {(r.item_code, r.source) for r in level.reasons} == {(r.item_code, r.source) for r in due}
    assert blocked(office, id) == {reason.item_code for reason in due}
