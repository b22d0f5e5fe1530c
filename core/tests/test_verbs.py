"""What operators ask, in every state a contract may be in: DESIGN, semantics 2."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.intentions import expire_reasons
from svahub.models import Applied, Desired, Observed, Reason
from svahub.store import tables
from svahub.store.rows import applied_column
from svahub.store.states import ContractStatus, Outcome, Phase, Priority
from svahub.verbs import Action, Command, Issued

if TYPE_CHECKING:
    from svahub.store.rows import SubscriptionRow
    from svahub.testing.clocks import HandClock

ACTIVE, BLOCKED, CANCELLED = Desired.ACTIVE, Desired.BLOCKED, Desired.CANCELLED
ONE = [{"code": "1", "product_code": "TM"}]
TWO = [*ONE, {"code": "2", "product_code": "TM", "plan": "clinic-2"}]
CAMERAS = [{"code": "1", "product_code": "CAM"}, {"code": "2", "product_code": "CAM"}]


@pytest.fixture
def office(office_on_the_usual: TenantHub) -> TenantHub:
    return office_on_the_usual


def sign(office: TenantHub, id: str = "C1", items: list[dict[str, Any]] = ONE, **fields: Any) -> None:
    person = {"id": "ana", "name": "Pessoa Inventada", "document": "52998224725"}
    row = ContractRow.model_validate({"contract_id": id, "customer": person, "items": items, **fields})
    report = office.contracts.take_in([row])
    assert not report.errors


def ask(office: TenantHub, action: Action, contract: str = "C1", *, dry_run: bool = False, **more: Any) -> Issued:
    return office.verbs.issue(Command(action, contract, **more), dry_run=dry_run)


def settle(office: TenantHub, observed: Observed | None = None) -> None:
    """Let the provider follow, or have something else."""
    s, o = tables.subscriptions, tables.operations
    with office.hub.store.write() as connection:
        for row in connection.execute(select(s.c.key, s.c.desired, s.c.plan, s.c.quantity)).all():
            applied = applied_column(Applied(row.plan, row.quantity))
            values = {"observed": observed or Observed(row.desired), "phase": Phase.SETTLED, "applied": applied}
            connection.execute(update(s).where(s.c.key == row.key).values(values))
        connection.execute(update(o).where(o.c.outcome == Outcome.QUEUED).values(outcome=Outcome.SUCCEEDED))


def only(office: TenantHub, item: str = "1", id: str = "C1") -> SubscriptionRow:
    return office.subscriptions.one(f"{id}/{item}")


def sold(office: TenantHub, id: str = "C1") -> dict[tuple[str, int], Desired]:
    return {(s.item_code, s.sale): s.desired for s in office.subscriptions.list(contract=id)}


def reasons(office: TenantHub, id: str = "C1") -> set[tuple[str, Reason, str]]:
    with office.hub.store.read() as connection:
        found = connection.execute(select(tables.block_reasons)).all()
    return {(r.item_code, r.reason, r.source) for r in found if (r.tenant, r.contract_id) == (office.name, id)}


def operations(office: TenantHub) -> list[tuple[str, Outcome]]:
    return [(o.verb, o.outcome) for o in office.operations.list()]


def everything(office: TenantHub) -> dict[str, set[str]]:
    with office.hub.store.read() as connection:
        return {t.name: {str(r) for r in connection.execute(select(t))} for t in tables.metadata.sorted_tables}


# -- activate ----------------------------------------------------------------------------------------------------------


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


# -- cancel and change -------------------------------------------------------------------------------------------------


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


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", Action)
def test_a_contract_that_is_not_there_is_answered_with_those_near(office: TenantHub, action: Action) -> None:
    sign(office, "C-100")
    with pytest.raises(UnknownName, match=r"No contract 'C-1000'\. Did you mean 'C-100'\?"):
        ask(office, action, "C-1000")


@pytest.mark.parametrize("action", Action)
def test_an_item_that_is_not_there_is_answered_with_those_that_are(office: TenantHub, action: Action) -> None:
    sign(office, items=TWO)
    with pytest.raises(UnknownName, match=r"No item '3'.*There is: 1, 2"):
        ask(office, action, item="3", plan="clinic-1")


def test_one_tenant_does_not_see_another(office: TenantHub) -> None:
    other = office.hub.tenant("other")
    sign(office)
    (mine,) = office.operations.list()
    with pytest.raises(UnknownName):
        ask(other, Action.BLOCK)
    with pytest.raises(UnknownName):
        other.operations.show(mine.id)
    with pytest.raises(UnknownName):
        other.operations.retry(mine.id, actor="eva")
    with pytest.raises(UnknownName):
        other.subscriptions.one(only(office).key)
    sign(other)
    ask(other, Action.CANCEL, idempotency_key="k")
    assert (sold(office), sold(other)) == ({("1", 1): ACTIVE}, {("1", 1): CANCELLED})
    assert not ask(office, Action.BLOCK, idempotency_key="k").replayed
    assert only(office).key != only(other).key
