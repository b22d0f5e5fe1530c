"""What a person decides after a store came back, or after a call of which nobody knows the outcome: every way works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from svahub import Aspect, BlockScope, Desired, Observed, RemoteSubscription, RemoteUser, errors
from svahub.areas import backups, copies
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.store import Store
from svahub.store.states import Outcome, State
from svahub.verbs import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NO = errors.Rejected("E1", "no")
DOWN = errors.Unreachable(errors.Cause.SERVER_ERROR, "down")


@pytest.fixture
def come_back(tmp_path: Path) -> Iterator[Callable[[Any], None]]:
    """Return what makes a backup of an ISP's store, and what restores it in its place."""
    opened: list[Store] = []

    def keep(isp: Any) -> Callable[[], None]:
        backups.backup(isp.hub.store, tmp_path / "backup", actor="eva")

        def restore() -> None:
            store = Store(f"sqlite:///{tmp_path / 'restored.db'}", isp.clock)
            opened.append(store)
            backups.restore(tmp_path / "backup", store, isp.hub.registry, actor="eva")
            isp.hub = Hub(store, isp.hub.registry, draw=lambda: 0.5)
            isp.office = isp.hub.tenant("default")

        return restore

    yield keep
    for store in opened:
        store.close()


def patient(isp: Any, rounds: int = 6) -> None:
    for _ in range(rounds):
        isp.work()
        isp.clock.advance(hours=2)


# -- what was settled before the restore and parks after it ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["finding", "basic"])
@pytest.mark.parametrize("trouble", [NO, pytest.param(DOWN, marks=pytest.mark.deep)])
def test_what_parks_after_a_restore_is_listed_and_retried(
    open_isp: Any, come_back: Any, request: pytest.FixtureRequest, kind: str, trouble: errors.ProviderError
) -> None:
    isp = open_isp(request.getfixturevalue(kind), retry_budget=3)
    isp.sell()
    isp.work()
    come_back(isp)()
    isp.remote.troubles.extend([trouble] * 9)
    patient(isp)
    assert isp.one.state is State.PARKED
    isp.remote.troubles.clear()
    isp.office.operations.retry(isp.parked().id, actor="eva")
    patient(isp)
    assert (isp.one.state, isp.one.observed) == (State.SETTLED, Observed.ACTIVE)
    assert [o.outcome for o in isp.office.operations.list()] == [Outcome.SUCCEEDED]
    assert isp.remote.calls.count("create") == 1


def test_what_parks_after_a_restore_can_be_discarded(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK)
    isp.work()
    come_back(isp)()
    isp.remote.users.clear()
    patient(isp)
    isp.office.operations.discard(isp.parked().id, actor="eva", note="gone")
    isp.work()
    assert (isp.one.desired, isp.one.state) == (Desired.CANCELLED, State.SETTLED)


@pytest.mark.deep
def test_what_was_discarded_once_can_be_decided_about_again(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.sell(quantity=2)
    isp.remote.troubles.append(NO)
    isp.work()
    isp.office.operations.discard(isp.parked().id, actor="eva", note="one is enough")
    isp.work()
    come_back(isp)()
    isp.remote.troubles.append(NO)
    isp.work()
    isp.office.operations.retry(isp.parked().id, actor="eva")
    patient(isp)
    assert (isp.one.state, isp.one.quantity) == (State.SETTLED, 1)


def test_what_waits_after_a_restore_can_be_tried_sooner(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    come_back(isp)()
    isp.remote.troubles.append(errors.Busy("later"))
    with isp.hub.work(threads=1) as worker:
        worker.turn()
    (operation,) = isp.office.operations.list()
    isp.office.operations.retry(operation.id, actor="eva")
    isp.work()
    assert isp.one.state is State.SETTLED


@pytest.mark.deep
def test_what_parks_after_a_reopen_can_be_retried(open_isp: Any, finding: Any, tmp_path: Path) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    copies.copy(isp.hub.store, f"sqlite:///{tmp_path / 'copy.db'}", actor="eva")
    copies.reopen(isp.hub.store, isp.hub.registry, actor="eva")
    isp.remote.troubles.append(NO)
    isp.work()
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert isp.one.state is State.SETTLED


def test_a_sibling_that_a_lost_call_made_unsure_can_be_retried(open_isp: Any, finding: Any) -> None:
    isp = open_isp(type("Whole", (finding,), {"block_scope": BlockScope.ACCOUNT}))
    isp.sell("C1")
    isp.sell("C2")
    isp.work()
    isp.remote.troubles.extend([errors.OutcomeUnknown("cut"), *[NO] * 3])
    isp.ask(Action.BLOCK, "C1")
    isp.ask(Action.BLOCK, "C2")
    patient(isp)
    assert {isp.of(c).state for c in ("C1", "C2")} == {State.PARKED}
    isp.remote.troubles.clear()
    for operation in list(isp.office.operations.list(Outcome.PARKED)):
        isp.office.operations.retry(operation.id, actor="eva")
    isp.work()
    assert {isp.of(c).state for c in ("C1", "C2")} == {State.SETTLED}


@pytest.mark.deep
def test_only_the_newest_operation_of_what_is_parked_is_open(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK)
    isp.work()
    come_back(isp)()
    isp.remote.troubles.append(NO)
    isp.work()
    sold, blocked = isp.office.operations.list()
    assert (sold.outcome, blocked.outcome) == (Outcome.SUCCEEDED, Outcome.PARKED)
    with pytest.raises(Refused, match="has ended"):
        isp.office.operations.retry(sold.id, actor="eva")


# -- what nobody can look up -------------------------------------------------------------------------------------------


def test_a_create_that_may_have_been_mended_since_is_looked_at_before_it_is_retried(
    open_isp: Any, basic: Any, come_back: Any
) -> None:
    isp = open_isp(basic)
    isp.remote.troubles.append(NO)
    isp.sell()
    isp.work()
    restore = come_back(isp)
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    (user,) = isp.remote.users.values()
    restore()
    assert "it is not known whether" in isp.one.cause
    assert f"`svahub operations confirm {isp.parked().id} --user USER`" in isp.parked().advice
    isp.office.operations.confirm(isp.parked().id, actor="eva", user=user.remote_id)
    isp.work()
    assert (isp.one.state, isp.one.remote_id) == (State.SETTLED, user.remote_id)
    assert isp.remote.calls.count("create") == 2  # the one that was refused, and the one that was not


def test_a_create_that_was_queued_at_the_backup_is_confirmed_and_goes_on_from_there(
    open_isp: Any, basic: Any, come_back: Any
) -> None:
    isp = open_isp(basic)
    isp.sell()
    restore = come_back(isp)
    isp.work()
    restore()
    isp.work()
    id = isp.parked().id
    with pytest.raises(Refused, match="Name the user there: --user USER"):
        isp.office.operations.confirm(id, actor="eva")
    isp.office.operations.confirm(id, actor="eva", user="user-1")
    isp.ask(Action.BLOCK)
    isp.work()
    assert (isp.one.state, isp.one.observed) == (State.SETTLED, Observed.BLOCKED)
    assert isp.remote.calls == ["create", "block ['staff']"]
    assert "confirmed by eva" in isp.office.operations.show(id).operation.note


def test_what_is_missing_is_retried_and_made(open_isp: Any, basic: Any, come_back: Any) -> None:
    isp = open_isp(basic)
    isp.sell()
    come_back(isp)()
    isp.work()
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert (isp.one.state, isp.remote.calls) == (State.SETTLED, ["create"])


def test_a_lost_create_that_is_given_up_asks_for_a_look_before_it_is_made_again(open_isp: Any, basic: Any) -> None:
    isp = open_isp(basic, retry_budget=1)
    isp.remote.troubles.append(errors.OutcomeUnknown("cut"))
    isp.remote.applies_before_trouble = True
    isp.sell()
    isp.work()
    isp.office.operations.retry(isp.parked().id, actor="eva")  # as the advice says: when the provider answers again
    isp.work()
    assert "operations confirm" in isp.parked().advice
    assert isp.remote.calls == ["create"]


def test_a_lost_change_that_is_there_is_confirmed(open_isp: Any, basic: Any, finding: Any) -> None:
    changing = {"changes": frozenset({Aspect.QUANTITY}), "change": finding.change}
    isp = open_isp(type("Changing", (basic,), changing))
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.OutcomeUnknown("cut"))
    isp.sell(quantity=3)
    patient(isp)
    isp.office.operations.confirm(isp.parked().id, actor="eva")
    patient(isp)
    assert (isp.one.state, isp.one.quantity) == (State.SETTLED, 3)
    assert isp.remote.calls.count("change ['quantity']") == 1


def test_only_what_a_person_was_asked_to_look_at_is_confirmed(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(NO)
    isp.sell()
    isp.work()
    with pytest.raises(Refused, match="nothing to confirm"):
        isp.office.operations.confirm(isp.parked().id, actor="eva", user="user-1")


# -- a look that tells no quantity -------------------------------------------------------------------------------------


@pytest.fixture
def silent(open_isp: Any, finding: Any) -> Any:
    """Return an ISP whose change of quantity got lost at a provider whose look tells no quantity."""

    def put(self: Any, s: Any, status: Observed) -> RemoteUser:
        entry = RemoteSubscription(s.plan.remote_id, status, s.key, quantity=None)
        self.remote.users[s.key] = RemoteUser("user-1", status, s.account.key, (entry,))
        return self.remote.users[s.key]

    isp = open_isp(type("Silent", (finding,), {"put": put}))
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.OutcomeUnknown("cut"))
    isp.sell(quantity=3)
    patient(isp)
    assert isp.one.state is State.PARKED
    return isp


def test_what_a_look_does_not_tell_is_sent_again_when_a_person_says_so(silent: Any) -> None:
    silent.office.operations.retry(silent.parked().id, actor="eva")
    patient(silent)
    assert silent.one.state is State.SETTLED
    assert [c for c in silent.remote.calls if c.startswith("change")] == ["change ['quantity']"] * 2


def test_what_a_look_does_not_tell_is_confirmed_by_a_person(silent: Any) -> None:
    silent.office.operations.confirm(silent.parked().id, actor="eva")
    patient(silent)
    assert (silent.one.state, silent.one.quantity) == (State.SETTLED, 3)
    assert [c for c in silent.remote.calls if c.startswith("change")] == ["change ['quantity']"]


def test_what_a_look_does_not_tell_can_be_let_go(silent: Any) -> None:
    silent.office.operations.discard(silent.parked().id, actor="eva", note="it is not there, one is enough")
    patient(silent)
    assert (silent.one.state, silent.one.quantity) == (State.SETTLED, 1)


# -- what ended at the provider after the backup -----------------------------------------------------------------------


@pytest.mark.deep
def test_who_was_cancelled_by_hand_after_the_backup_is_not_made_again(
    open_isp: Any, finding: Any, come_back: Any
) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    restore = come_back(isp)
    isp.ask(Action.CANCEL)
    isp.work()
    restore()
    patient(isp)
    assert (isp.one.state, isp.one.cause) == (State.PARKED, "the user has vanished at the provider")
    assert isp.remote.calls.count("create") == 1
    isp.office.operations.retry(isp.parked().id, actor="eva")
    patient(isp)
    assert (isp.one.state, isp.remote.calls.count("create")) == (State.SETTLED, 2)


def test_an_integration_that_recreates_makes_again_who_is_gone(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding, recreate=True)
    isp.sell()
    isp.work()
    restore = come_back(isp)
    isp.remote.users.clear()
    restore()
    patient(isp)
    assert (isp.one.state, isp.remote.calls.count("create")) == (State.SETTLED, 2)


@pytest.mark.deep
def test_what_was_still_to_be_made_at_the_backup_is_made(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    come_back(isp)()
    patient(isp)
    assert (isp.one.state, isp.remote.calls.count("create")) == (State.SETTLED, 1)


def test_who_is_not_wanted_any_more_and_is_gone_needs_nobody(open_isp: Any, finding: Any, come_back: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.CANCEL)
    restore = come_back(isp)
    isp.work()
    restore()
    patient(isp)
    assert (isp.one.state, isp.one.desired) == (State.SETTLED, Desired.CANCELLED)
