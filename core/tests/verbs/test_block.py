"""`block` and `unblock` in every state a contract may be in, whole or one item of several: DESIGN, semantics 2."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.intentions import expire_reasons
from svahub.models import Reason
from svahub.store import tables
from svahub.store.states import Priority
from svahub.verbs import Action

from .signed import ACTIVE, BLOCKED, CAMERAS, CANCELLED, TWO, ask, everything, only, operations, settle, sign, sold

if TYPE_CHECKING:
    from svahub.testing.clocks import HandClock


def reasons(office: TenantHub, id: str = "C1") -> set[tuple[str, Reason, str]]:
    with office.hub.store.read() as connection:
        found = connection.execute(select(tables.block_reasons)).all()
    return {(r.item_code, r.reason, r.source) for r in found if (r.tenant, r.contract_id) == (office.name, id)}


# -- block and unblock -------------------------------------------------------------------------------------------------


def test_block_is_by_staff_unless_another_reason_is_named(office: TenantHub) -> None:
    sign(office)
    (effect,) = ask(office, Action.BLOCK, actor="eva").effects
    assert (effect.before and effect.before.desired, effect.after.desired) == (ACTIVE, BLOCKED)
    ask(office, Action.BLOCK, actor="eva", reason=Reason.CUSTOMER_REQUEST)
    assert reasons(office) == {("", why, "operator:eva") for why in (Reason.STAFF, Reason.CUSTOMER_REQUEST)}


def test_a_second_block_for_the_same_reason_asks_nothing_new(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK)
    ask(office, Action.BLOCK)
    assert [verb for verb, _ in operations(office)] == ["create_user", "block"]


def test_a_block_that_changes_only_the_reasons_leaves_an_operation_too(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK)
    ask(office, Action.BLOCK, until=office.hub.clock.now() + timedelta(days=1), note="CPF 529.982.247-25")
    ask(office, Action.BLOCK, reason=Reason.OVERDUE)
    ask(office, Action.UNBLOCK, reason=Reason.OVERDUE)
    assert [verb for verb, _ in operations(office)] == ["create_user", "block", "block", "block", "unblock"]
    told = [(operation.reason, operation.note) for operation in office.operations.list()]
    assert told[1:] == [("staff", None), ("staff", "CPF ***.982.247-**"), ("overdue", None), ("overdue", None)]
    assert office.contracts.show("C1").block_reasons[0].until is not None


def test_an_item_of_a_contract_that_is_blocked_as_a_whole_cannot_be_unblocked_alone(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK)
    with pytest.raises(Refused, match="blocked as a whole"):
        ask(office, Action.UNBLOCK, item="1")


def test_block_is_refused_for_what_is_cancelled(office: TenantHub) -> None:
    sign(office, items=CAMERAS)
    ask(office, Action.CANCEL, item="1")
    with pytest.raises(Refused, match="Item 1 of contract C1 is cancelled"):
        ask(office, Action.BLOCK, item="1")
    ask(office, Action.CANCEL)
    for action in (Action.BLOCK, Action.UNBLOCK):
        with pytest.raises(Refused, match="Contract C1 is cancelled"):
            ask(office, action)


def test_block_until_a_day_that_is_past_is_refused(office: TenantHub) -> None:
    sign(office)
    with pytest.raises(Refused, match="in the past"):
        ask(office, Action.BLOCK, until=office.hub.clock.now())


def test_a_block_with_an_end_ends_by_itself(office: TenantHub, clock: HandClock) -> None:
    sign(office)
    sign(office, "C2")
    ask(office, Action.BLOCK, until=clock.now() + timedelta(days=2))
    ask(office, Action.BLOCK, "C2", until=clock.now() + timedelta(days=1), reason=Reason.LEGAL)
    ask(office, Action.BLOCK, "C2")
    clock.advance(days=1)
    assert expire_reasons(office.hub.store) == 1
    assert (sold(office), sold(office, "C2")) == ({("1", 1): BLOCKED}, {("1", 1): BLOCKED})
    clock.advance(days=1)
    assert expire_reasons(office.hub.store) == 1
    assert (sold(office), sold(office, "C2")) == ({("1", 1): ACTIVE}, {("1", 1): BLOCKED})
    last = list(office.operations.list(contract="C1"))[-1]
    assert (last.verb, last.actor, last.reason) == ("unblock", "svahub", "expired")
    assert expire_reasons(office.hub.store) == 0


def test_unblock_takes_the_only_reason_away(office: TenantHub) -> None:
    sign(office, block_reasons=["overdue"])
    issued = ask(office, Action.UNBLOCK)
    assert (issued.remarks, sold(office), reasons(office)) == ((), {("1", 1): ACTIVE}, set())
    assert only(office).priority == Priority.PAID


def test_unblock_takes_the_reason_named_and_tells_of_the_others(office: TenantHub) -> None:
    sign(office, block_reasons=["overdue"])
    ask(office, Action.BLOCK, actor="eva")
    issued = ask(office, Action.UNBLOCK, reason=Reason.OVERDUE)
    assert issued.remarks == ("still blocked: staff by operator:eva",)
    assert sold(office) == {("1", 1): BLOCKED}


def test_unblock_wants_one_of_several_reasons_named(office: TenantHub) -> None:
    sign(office, block_reasons=["overdue"])
    ask(office, Action.BLOCK)
    with pytest.raises(Refused, match=r"several reasons \(overdue, staff\): name one with --reason"):
        ask(office, Action.UNBLOCK)


def test_unblock_takes_one_reason_from_all_its_sources(office: TenantHub) -> None:
    sign(office, block_reasons=["overdue"])
    ask(office, Action.BLOCK, reason=Reason.OVERDUE)
    ask(office, Action.UNBLOCK)
    assert sold(office) == {("1", 1): ACTIVE}


def test_unblock_for_a_reason_that_is_not_there_names_those_that_are(office: TenantHub) -> None:
    sign(office, block_reasons=["overdue"])
    with pytest.raises(UnknownName, match=r"'fraud'.*There is: overdue"):
        ask(office, Action.UNBLOCK, reason=Reason.FRAUD)


def test_unblock_of_what_is_not_blocked_says_so(office: TenantHub) -> None:
    sign(office)
    before = everything(office)
    assert ask(office, Action.UNBLOCK).remarks == ("not blocked",)
    assert everything(office) == before


@pytest.mark.parametrize("reason", [Reason.FRAUD, Reason.LEGAL])
def test_fraud_and_legal_go_only_by_their_own_source_or_an_admin(office: TenantHub, reason: Reason) -> None:
    sign(office)
    for who in ({"actor": "eva"}, {"actor": "rui", "admin": True}):
        ask(office, Action.BLOCK, reason=reason, actor="eva")
        with pytest.raises(Refused, match=f"{reason.value} was set by operator:eva and goes only by that source"):
            ask(office, Action.UNBLOCK, actor="rui")
        ask(office, Action.UNBLOCK, **who)
        assert sold(office) == {("1", 1): ACTIVE}


def test_of_fraud_by_several_ones_own_goes(office: TenantHub) -> None:
    sign(office, block_reasons=["fraud"])
    ask(office, Action.BLOCK, reason=Reason.FRAUD, actor="eva")
    issued = ask(office, Action.UNBLOCK, actor="eva")
    assert issued.remarks == ("still blocked: fraud by import",)
    assert reasons(office) == {("", Reason.FRAUD, "import")}


# -- one item of several -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settled", [True, False])
def test_one_item_of_a_user_that_is_blocked_whole_cannot_be_blocked(office: TenantHub, settled: bool) -> None:
    sign(office, items=TWO)
    sign(office, "C2")
    if settled:
        settle(office)
    with pytest.raises(Refused) as refusal:
        ask(office, Action.BLOCK, item="1")
    assert str(refusal.value) == (
        "Clinic blocks whole users, not one item of several: C1/2, C2/1 would be blocked too. "
        "Block the whole contract, or cancel the item."
    )


def test_it_can_when_the_others_are_blocked_or_gone(office: TenantHub) -> None:
    sign(office, items=TWO)
    settle(office)
    ask(office, Action.CANCEL, item="2")
    ask(office, Action.BLOCK, item="1")
    assert sold(office) == {("1", 1): BLOCKED, ("2", 1): CANCELLED}
    sign(office, "C2")
    ask(office, Action.BLOCK, "C2")
    ask(office, Action.UNBLOCK, item="1")
    ask(office, Action.BLOCK, item="1")
    assert reasons(office) == {("1", Reason.STAFF, "operator:operator")}


def test_where_single_items_can_be_blocked_one_is(office: TenantHub) -> None:
    sign(office, items=CAMERAS)
    settle(office)
    issued = ask(office, Action.BLOCK, item="1")
    assert [e.after.item_code for e in issued.effects] == ["1"]
    assert sold(office) == {("1", 1): BLOCKED, ("2", 1): ACTIVE}
    ask(office, Action.UNBLOCK, item="1")
    assert sold(office) == {("1", 1): ACTIVE, ("2", 1): ACTIVE}
