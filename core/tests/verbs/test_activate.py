"""`activate` in every state a contract may be in: DESIGN, semantics 2."""

from __future__ import annotations

import pytest
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.models import Observed
from svahub.store.states import ContractStatus, Priority
from svahub.verbs import Action

from .signed import ACTIVE, BLOCKED, CAMERAS, CANCELLED, ONE, ask, everything, only, settle, sign, sold


def test_activate_sells_what_a_pending_contract_has(office: TenantHub) -> None:
    sign(office, status="pending", items=[*ONE, {"code": "2", "product_code": "NET"}])
    issued = ask(office, Action.ACTIVATE, actor="eva", note="signed today")
    (effect,) = issued.effects
    assert (effect.before, effect.after.desired, effect.after.priority) == (None, ACTIVE, Priority.ACTIVATION)
    assert issued.remarks == ("not served (no product link): 2", "no consent on record: 1")
    (operation,) = office.operations.list()
    assert (operation.verb, operation.actor, operation.note) == ("create_user", "operator:eva", "signed today")
    assert office.contracts.show("C1").status is ContractStatus.ACTIVE


def test_activate_does_nothing_to_what_is_active(office: TenantHub) -> None:
    sign(office)
    before = everything(office)
    (effect,) = ask(office, Action.ACTIVATE).effects
    assert effect.before == effect.after
    assert everything(office) == before


@pytest.mark.parametrize("settled", [True, False])
def test_activate_sells_a_cancelled_contract_anew(office: TenantHub, settled: bool) -> None:
    sign(office, items=CAMERAS)
    ask(office, Action.CANCEL)
    if settled:
        settle(office)
    ask(office, Action.ACTIVATE)
    assert sold(office) == {("1", 1): CANCELLED, ("1", 2): ACTIVE, ("2", 1): CANCELLED, ("2", 2): ACTIVE}
    assert len({s.key for s in office.subscriptions.list()}) == 4


def test_what_is_sold_anew_while_a_reason_is_left_says_that_it_is_blocked(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK)
    ask(office, Action.CANCEL)
    issued = ask(office, Action.ACTIVATE)
    assert issued.remarks[-1] == (
        "blocked from the start (staff by operator:operator; `svahub unblock C1` takes a reason away): 1"
    )
    ask(office, Action.UNBLOCK)
    assert only(office).desired is ACTIVE


def test_activate_sells_one_cancelled_item_anew_when_it_is_named(office: TenantHub) -> None:
    sign(office, items=CAMERAS)
    ask(office, Action.CANCEL, item="1")
    assert ask(office, Action.ACTIVATE).effects[0].after.desired is CANCELLED
    ask(office, Action.ACTIVATE, item="1")
    assert sold(office) == {("1", 1): CANCELLED, ("1", 2): ACTIVE, ("2", 1): ACTIVE}


def test_activate_is_refused_for_what_is_blocked(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK, actor="eva")
    with pytest.raises(Refused, match=r"C1 is blocked \(staff by operator:eva\): use unblock"):
        ask(office, Action.ACTIVATE)


def test_activate_sells_again_what_ended_at_the_provider(office: TenantHub) -> None:
    sign(office)
    settle(office, Observed.CANCELLED)
    ask(office, Action.ACTIVATE)
    assert sold(office) == {("1", 1): CANCELLED, ("1", 2): ACTIVE}


def test_a_pending_contract_in_debt_is_sold_blocked(office: TenantHub) -> None:
    sign(office, status="pending", block_reasons=["overdue"])
    ask(office, Action.ACTIVATE)
    assert sold(office) == {("1", 1): BLOCKED}
