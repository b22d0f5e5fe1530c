"""Commands that are repeated, overtaken, parked: what is asked once is done once, and a person decides the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, select, update
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.lifecycle import Step
from svahub.models import Applied, Desired, Observed, Reason
from svahub.store import tables
from svahub.store.rows import LOST, applied_column
from svahub.store.states import Certainty, Outcome, Phase
from svahub.verbs import Action, Command, Issued

if TYPE_CHECKING:
    from svahub.store.rows import SubscriptionRow
    from svahub.testing.clocks import HandClock

ACTIVE, BLOCKED, CANCELLED = Desired.ACTIVE, Desired.BLOCKED, Desired.CANCELLED
ONE = [{"code": "1", "product_code": "TM"}]
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


def park(office: TenantHub, **values: Any) -> int:
    """Let the newest operation need a person; return its id."""
    with office.hub.store.write() as connection:
        connection.execute(update(tables.subscriptions).values({"phase": Phase.PARKED, "cause": "no"} | values))
        newest = max(connection.execute(select(tables.operations.c.id)).scalars())
        connection.execute(
            update(tables.operations).where(tables.operations.c.id == newest).values(outcome=Outcome.PARKED)
        )
    return newest


def begin_attempt(office: TenantHub) -> None:
    """Let a worker be in the middle of the present step."""
    row = only(office)
    values = {"account_key": row.account_key, "lease_number": row.generation, "tenant": row.tenant}
    values |= {"subscription_key": row.key, "step": Step.CREATE_USER, "generation": row.generation}
    with office.hub.store.write() as connection:
        connection.execute(insert(tables.attempts), values | {"started_at": office.hub.clock.now()})


def end_attempts(office: TenantHub) -> None:
    done = {"ended_at": office.hub.clock.now(), "certainty": Certainty.SUCCEEDED}
    with office.hub.store.write() as connection:
        connection.execute(update(tables.attempts).values(done))


def only(office: TenantHub, item: str = "1", id: str = "C1") -> SubscriptionRow:
    return office.subscriptions.one(f"{id}/{item}")


def sold(office: TenantHub, id: str = "C1") -> dict[tuple[str, int], Desired]:
    return {(s.item_code, s.sale): s.desired for s in office.subscriptions.list(contract=id)}


def operations(office: TenantHub) -> list[tuple[str, Outcome]]:
    return [(o.verb, o.outcome) for o in office.operations.list()]


def everything(office: TenantHub) -> dict[str, set[str]]:
    with office.hub.store.read() as connection:
        return {t.name: {str(r) for r in connection.execute(select(t))} for t in tables.metadata.sorted_tables}


# -- repeating ---------------------------------------------------------------------------------------------------------


def test_the_same_key_and_command_asks_nothing_new(office: TenantHub) -> None:
    sign(office, items=CAMERAS)
    first = ask(office, Action.BLOCK, idempotency_key="k")
    before = everything(office)
    again = ask(office, Action.BLOCK, idempotency_key="k")
    assert everything(office) == before
    assert again.replayed
    assert [e.after.key for e in again.effects] == [e.after.key for e in first.effects]


def test_it_asks_nothing_new_even_when_others_undid_it(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK, idempotency_key="k")
    ask(office, Action.UNBLOCK)
    assert ask(office, Action.BLOCK, idempotency_key="k").replayed
    assert sold(office) == {("1", 1): ACTIVE}


@pytest.mark.parametrize(
    "other", [{"contract": "C2"}, {"action": Action.CANCEL}, {"reason": Reason.LEGAL}, {"note": "x"}, {"actor": "rui"}]
)
def test_the_same_key_for_another_command_is_refused(office: TenantHub, other: dict[str, Any]) -> None:
    sign(office)
    sign(office, "C2")
    ask(office, Action.BLOCK, idempotency_key="k")
    with pytest.raises(Refused, match="'k' was used for another command"):
        ask(office, **{"action": Action.BLOCK, **other}, idempotency_key="k")


def test_a_key_is_free_after_thirty_days(office: TenantHub, clock: HandClock) -> None:
    sign(office)
    ask(office, Action.BLOCK, idempotency_key="k")
    clock.advance(days=30)
    assert ask(office, Action.BLOCK, idempotency_key="k").replayed
    clock.advance(seconds=1)
    assert not ask(office, Action.CANCEL, idempotency_key="k").replayed
    assert sold(office) == {("1", 1): CANCELLED}


def test_a_command_that_was_refused_leaves_its_key_free(office: TenantHub) -> None:
    sign(office)
    with pytest.raises(Refused):
        ask(office, Action.CHANGE, plan="none", idempotency_key="k")
    assert not ask(office, Action.BLOCK, idempotency_key="k").replayed


@pytest.mark.parametrize(
    "asked",
    [
        {"action": Action.BLOCK, "idempotency_key": "k"},
        {"action": Action.CANCEL},
        {"action": Action.CHANGE, "plan": "clinic-2"},
        {"action": Action.UNBLOCK, "contract": "C2"},
        {"action": Action.ACTIVATE, "contract": "C3"},
    ],
)
def test_a_dry_run_tells_and_writes_nothing(office: TenantHub, asked: dict[str, Any]) -> None:
    sign(office)
    sign(office, "C2", block_reasons=["overdue"])
    sign(office, "C3", status="pending")
    before = everything(office)
    told = ask(office, **asked, dry_run=True)
    assert everything(office) == before
    assert told == ask(office, **asked)


# -- newer intentions --------------------------------------------------------------------------------------------------


def test_a_newer_verb_supersedes_what_is_queued_or_parked(office: TenantHub) -> None:
    sign(office)
    ask(office, Action.BLOCK)
    park(office)
    ask(office, Action.CANCEL)
    created, blocked, cancelled = office.operations.list()
    assert [created.outcome, blocked.outcome, cancelled.outcome] == ["superseded", "superseded", "queued"]
    assert (created.superseded_by, blocked.superseded_by) == (blocked.id, cancelled.id)
    assert only(office).generation == 3
    assert (only(office).phase, only(office).cause) == (Phase.DUE, None)


def test_a_newer_verb_never_supersedes_what_is_running(office: TenantHub) -> None:
    sign(office)
    begin_attempt(office)
    ask(office, Action.BLOCK)
    ask(office, Action.CANCEL)
    assert operations(office) == [
        ("create_user", Outcome.QUEUED), ("block", Outcome.SUPERSEDED), ("cancel", Outcome.QUEUED)
    ]  # fmt: skip
    end_attempts(office)


def test_a_newer_verb_leaves_what_has_ended(office: TenantHub) -> None:
    sign(office)
    settle(office)
    ask(office, Action.BLOCK)
    assert operations(office)[0] == ("create_user", Outcome.SUCCEEDED)


# -- what is parked ----------------------------------------------------------------------------------------------------


def test_retry_gives_a_parked_operation_a_fresh_budget(office: TenantHub) -> None:
    sign(office)
    id = park(office, tries=9, advice="do something")
    office.operations.retry(id, actor="eva")
    row, operation = only(office), office.operations.show(id).operation
    assert (row.phase, row.tries, row.cause, row.advice, row.due_at) == (Phase.DUE, 0, None, None, row.due_at)
    assert (operation.outcome, operation.note) == (Outcome.QUEUED, "retried by eva")


@pytest.mark.parametrize(("cause", "observed"), [("given up", Observed.UNKNOWN), (LOST, Observed.ABSENT)])
def test_retry_of_what_is_uncertain_looks_again_unless_a_person_was_asked_to(
    office: TenantHub, cause: str, observed: Observed
) -> None:
    sign(office, items=CAMERAS[:1])
    id = park(office, observed=Observed.UNKNOWN, uncertain_since=office.hub.clock.now(), cause=cause)
    office.operations.retry(id, actor="eva")
    assert (only(office).observed, only(office).uncertain_since is None) == (observed, observed is Observed.ABSENT)


def test_retry_adopts_only_a_user_that_was_found(office: TenantHub) -> None:
    sign(office)
    id = park(office)
    with pytest.raises(Refused, match="has found no user to adopt"):
        office.operations.retry(id, actor="eva", adopt=True)
    park(office, candidate="u7")
    office.operations.retry(id, actor="eva", adopt=True)
    with office.hub.store.read() as connection:
        assert connection.execute(select(tables.accounts.c.remote_id)).scalars().all() == ["u7"]


@pytest.mark.parametrize(
    ("observed", "desired"),
    [
        (Observed.ACTIVE, ACTIVE),
        (Observed.BLOCKED, BLOCKED),
        (Observed.ABSENT, CANCELLED),
        (Observed.CANCELLED, CANCELLED),
    ],
)
def test_discard_wants_what_is_observed(office: TenantHub, observed: Observed, desired: Desired) -> None:
    sign(office)
    id = park(office, observed=observed)
    office.operations.discard(id, actor="eva", note="enough")
    operation = office.operations.show(id).operation
    assert (sold(office), only(office).generation) == ({("1", 1): desired}, 2)
    assert (operation.outcome, operation.note) == (Outcome.DISCARDED, "discarded by eva: enough")


def test_discard_of_a_change_wants_what_was_applied(office: TenantHub) -> None:
    sign(office)
    settle(office)
    ask(office, Action.CHANGE, plan="clinic-2")
    office.operations.discard(park(office), actor="eva", note="the provider refuses it")
    assert (only(office).plan, only(office).desired) == ("clinic-1", ACTIVE)
    ask(office, Action.BLOCK)
    assert only(office).plan == "clinic-1"


def test_what_is_unknown_cannot_be_discarded(office: TenantHub) -> None:
    sign(office)
    id = park(office, observed=Observed.UNKNOWN)
    with pytest.raises(Refused, match="not known what the provider has"):
        office.operations.discard(id, actor="eva", note="enough")
    assert only(office).desired is ACTIVE


def test_what_has_ended_cannot_be_decided_about(office: TenantHub) -> None:
    sign(office)
    settle(office)
    (operation,) = office.operations.list()
    with pytest.raises(Refused, match="has ended"):
        office.operations.retry(operation.id, actor="eva")
    with pytest.raises(Refused, match="has ended"):
        office.operations.discard(operation.id, actor="eva", note="enough")


def test_what_is_running_or_overtaken_cannot_be_decided_about(office: TenantHub) -> None:
    sign(office)
    begin_attempt(office)
    (first,) = office.operations.list()
    with pytest.raises(Refused, match="is under way now"):
        office.operations.retry(first.id, actor="eva")
    ask(office, Action.BLOCK)
    with pytest.raises(Refused, match=f"was overtaken: decide about the newer one, {first.id + 1}"):
        office.operations.discard(first.id, actor="eva", note="enough")
    end_attempts(office)


def test_an_operation_that_is_not_there_is_unknown(office: TenantHub) -> None:
    with pytest.raises(UnknownName, match=r"No operation '99'.*svahub operations list"):
        office.operations.retry(99, actor="eva")


def test_operations_are_listed_by_outcome_and_contract(office: TenantHub) -> None:
    sign(office)
    sign(office, "C2")
    ask(office, Action.BLOCK, "C2")
    assert [o.contract_id for o in office.operations.list()] == ["C1", "C2", "C2"]
    assert [o.verb for o in office.operations.list(contract="C2")] == ["create_user", "block"]
    assert [o.contract_id for o in office.operations.list(Outcome.SUPERSEDED)] == ["C2"]
    assert list(office.operations.list(contract="C3")) == []


def test_what_was_discarded_is_sold_anew_when_it_is_activated(office: TenantHub) -> None:
    sign(office)
    id = park(office, observed=Observed.ABSENT)
    office.operations.discard(id, actor="eva", note="another person")
    ask(office, Action.ACTIVATE)
    assert sold(office) == {("1", 1): CANCELLED, ("1", 2): ACTIVE}
