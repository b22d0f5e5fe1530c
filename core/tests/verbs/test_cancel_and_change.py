"""`cancel` and `change` in every state a contract may be in: DESIGN, semantics 2."""

from __future__ import annotations

from typing import Any

import pytest
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.store.states import Outcome
from svahub.verbs import Action

from .signed import ACTIVE, CAMERAS, CANCELLED, ONE, ask, everything, only, operations, sign, sold


def test_cancel_ends_every_item_or_the_one_named(office: TenantHub) -> None:
    sign(office, items=CAMERAS)
    ask(office, Action.CANCEL, item="2")
    assert sold(office) == {("1", 1): ACTIVE, ("2", 1): CANCELLED}
    ask(office, Action.CANCEL)
    assert sold(office) == {("1", 1): CANCELLED, ("2", 1): CANCELLED}


def test_cancel_outranks_all(office: TenantHub) -> None:
    sign(office, block_reasons=["legal"])
    ask(office, Action.CANCEL)
    assert sold(office) == {("1", 1): CANCELLED}
    for action in (Action.BLOCK, Action.UNBLOCK, Action.CHANGE):
        with pytest.raises(Refused):
            ask(office, action, plan="clinic-2" if action is Action.CHANGE else None)
    assert operations(office)[-1] == ("cancel", Outcome.QUEUED)


def test_a_second_cancel_asks_nothing_new(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.CANCEL)
    before = everything(office)
    ask(office, Action.CANCEL)
    assert everything(office) == before


def test_change_asks_for_another_plan_or_quantity(office: TenantHub) -> None:
    sign(office)
    sign(office, "C2", items=CAMERAS)
    (effect,) = ask(office, Action.CHANGE, plan="clinic-2").effects
    assert (effect.before and effect.before.plan, effect.after.plan) == ("clinic-1", "clinic-2")
    ask(office, Action.CHANGE, "C2", item="2", quantity=4)
    assert (only(office, "1", "C2").quantity, only(office, "2", "C2").quantity) == (1, 4)
    assert operations(office)[-1] == ("change", Outcome.QUEUED)


@pytest.mark.parametrize(
    ("items", "asked", "sentence"),
    [
        (ONE, {}, "Say what to change"),
        (ONE, {"plan": "clinic-22"}, "Did you mean 'clinic-2'"),
        (ONE, {"plan": "cameras-1"}, "No plan of 'clinic'"),
        (ONE, {"quantity": 3}, "Clinic sells one for each subscription, not 3."),
        (ONE, {"quantity": 0}, "at least 1"),
        (CAMERAS, {"quantity": 3}, "several items: name one with --item"),
        (CAMERAS, {"item": "1", "plan": "cameras-2"}, "Cameras cannot change the plan"),
        ([{"code": "1", "product_code": "NET"}], {"quantity": 3}, "not sold: use activate"),
    ],
)
def test_change_refuses_what_cannot_be(
    office: TenantHub, items: list[dict[str, Any]], asked: dict[str, Any], sentence: str
) -> None:
    sign(office, items=items)
    before = everything(office)
    with pytest.raises(Refused, match=sentence):
        ask(office, Action.CHANGE, **asked)
    assert everything(office) == before


def test_change_of_what_is_pending_or_cancelled_is_refused(office: TenantHub) -> None:
    sign(office, status="pending")
    with pytest.raises(Refused, match="not sold: use activate"):
        ask(office, Action.CHANGE, plan="clinic-2")
    ask(office, Action.ACTIVATE)
    ask(office, Action.CANCEL)
    with pytest.raises(Refused, match="not sold: use activate"):
        ask(office, Action.CHANGE, plan="clinic-2")
