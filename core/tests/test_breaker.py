"""A provider that answers nobody is probed until it answers; an outage, however long, parks nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from svahub import BlockReason, ChecksConnection, Subscription, errors, hookimpl
from svahub.breaker import Breakers, answers
from svahub.cli import main
from svahub.cli.exits import ExitCode
from svahub.fleet import Held
from svahub.models import Observed, RemoteUser
from svahub.settings import IntegrationSettings
from svahub.store import breakers
from svahub.store.queue import Lane
from svahub.store.states import BreakerState, EventKind, Outcome, State
from svahub.verbs import Action

Opening = Callable[..., Any]
GONE = errors.Unreachable(errors.Cause.TIMEOUT)
UNKNOWN = errors.OutcomeUnknown("no answer to POST after it was sent")
MOST = 3
"""After so many failures in a row the provider of these tests is only probed; the clock's draw is a half."""


@pytest.fixture
def calling(finding: type[Any]) -> type[Any]:
    """Return a provider that asks leave to send, as one does that calls through the client; and can be tested."""

    class Calling(finding, ChecksConnection):
        outage: errors.ProviderError | None = None
        lost: tuple[str, ...] = ()

        def __init__(self, settings: Any, client: Any) -> None:
            super().__init__(settings, client)
            self.client = client

        def send(self, call: str, contract: str = "") -> None:
            self.client.permit(1.0)
            self.remote.calls.append(f"{call} {contract}".strip())
            if self.outage is not None:
                raise self.outage
            if contract in self.lost:
                raise GONE

        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            self.send("create", subscription.contract_id)
            return self.put(subscription, Observed.ACTIVE)

        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser | None:
            self.send("find", subscription.contract_id)
            return self.remote.users.get(subscription.key)

        @hookimpl
        def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
            self.send("block", subscription.contract_id)

        @hookimpl
        def unblock(self, subscription: Subscription) -> None:
            self.send("unblock", subscription.contract_id)

        @hookimpl
        def check_connection(self) -> None:
            self.send("check")

    return Calling


@pytest.fixture
def isp(open_isp: Opening, calling: type[Any]) -> Any:
    return open_isp(calling, breaker_failures=MOST, retry_budget=MOST + 2, retry_base=0.001)


def sell(isp: Any, *numbers: int) -> None:
    for number in numbers:
        isp.sell(f"C{number}", f"P{number}")


def states(isp: Any) -> set[State]:
    return {view.state for view in isp.office.subscriptions.list()}


def silence(isp: Any) -> Any:
    (found,) = isp.office.health.status().silent
    return found


def calls(isp: Any) -> list[str]:
    """Return what was called since it was last asked."""
    made = list(isp.remote.calls)
    isp.remote.calls.clear()
    return made


# -- which results show what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [GONE, UNKNOWN, errors.Maintenance("until six")])
def test_after_so_many_failures_in_a_row_nothing_more_is_called(
    isp: Any, calling: type[Any], failure: errors.ProviderError
) -> None:
    calling.outage = failure
    sell(isp, *range(20))
    isp.work()
    assert len(calls(isp)) == MOST
    isp.work()
    assert calls(isp) == []
    assert states(isp) == {State.WAITING}
    assert silence(isp).state is BreakerState.OPEN


@pytest.mark.parametrize(
    "failure", [errors.Rejected("no"), errors.Busy("later"), errors.NotFound("404"), errors.Conflict("409")]
)
def test_who_refuses_answers(isp: Any, calling: type[Any], failure: errors.ProviderError) -> None:
    calling.outage = failure
    sell(isp, *range(2 * MOST))
    isp.work()
    assert len(calls(isp)) >= 2 * MOST
    assert isp.office.health.status().silent == ()


@pytest.mark.parametrize("shown", [None, errors.Pending("h"), errors.RateLimited(1), errors.AuthenticationFailed()])
def test_these_show_that_it_answers(shown: object) -> None:
    assert answers(shown) is True


@pytest.mark.parametrize("shown", [errors.NotSent("paused"), errors.PluginBug("?")])
def test_these_show_nothing(shown: object) -> None:
    assert answers(shown) is None


def test_one_answer_in_between_begins_the_count_anew(isp: Any, calling: type[Any]) -> None:
    calling.lost = ("C0", "C1", "C3", "C4")
    sell(isp, *range(6))
    isp.work()
    assert isp.office.health.status().silent == ()
    assert isp.of("C5").state is State.SETTLED


# -- probes ------------------------------------------------------------------------------------------------------------


def test_it_is_probed_by_one_account_at_a_time_each_time_another_at_growing_intervals(
    isp: Any, calling: type[Any]
) -> None:
    calling.outage = GONE
    sell(isp, *range(6))
    isp.work()
    calls(isp)
    probed, waited = [], []
    for _ in range(3):
        waited.append((silence(isp).next_probe_at - isp.clock.now()).total_seconds())
        isp.clock.advance(seconds=waited[-1] - 0.01)
        isp.work()
        assert calls(isp) == []
        isp.clock.advance(seconds=0.02)
        isp.work()
        probed += calls(isp)
    assert waited == [2.5, pytest.approx(5, abs=0.1), pytest.approx(10, abs=0.1)]
    assert probed == ["create C3", "create C4", "create C5"]


def test_the_intervals_end_to_grow(isp: Any, calling: type[Any]) -> None:
    calling.outage = GONE
    sell(isp, 1)
    for _ in range(10):
        isp.clock.advance(seconds=121)
        isp.work()
    assert silence(isp).next_probe_at - isp.clock.now() == timedelta(seconds=60)


def test_an_answer_to_a_probe_lets_all_go_on(isp: Any, calling: type[Any]) -> None:
    calling.outage = GONE
    sell(isp, *range(6))
    isp.work()
    calling.outage = None
    isp.clock.advance(seconds=10)
    isp.work()
    assert states(isp) == {State.SETTLED}
    assert isp.office.health.status().silent == ()
    told = [event.kind for batch in isp.office.events.until_now(0) for event in batch]
    assert [kind for kind in told if kind in {EventKind.SILENT, EventKind.ANSWERS}] == ["silent", "answers"]


def test_of_all_workers_one_probes_and_another_only_after_that_was_lost(isp: Any, calling: type[Any]) -> None:
    calling.outage = GONE
    sell(isp, *range(6))
    isp.work()
    isp.clock.advance(seconds=3)
    first, second = isp.desk(), isp.desk()
    assert first.take(10)[1] == 1
    assert second.take(10) == ([], 0)
    assert silence(isp).state is BreakerState.PROBING
    isp.clock.advance(seconds=14)
    assert second.take(10) == ([], 0)
    isp.clock.advance(seconds=2)
    assert second.take(10)[1] == 1


def test_a_test_that_is_answered_lets_all_go_on_at_once(isp: Any, calling: type[Any]) -> None:
    calling.outage = GONE
    sell(isp, *range(6))
    isp.work()
    assert not isp.office.integrations.test("basic").ok
    assert silence(isp).state is BreakerState.OPEN
    calling.outage = None
    assert isp.office.integrations.test("basic").ok
    isp.clock.advance(seconds=4)
    isp.work()
    assert states(isp) == {State.SETTLED}


def test_a_worker_that_held_the_provider_for_silent_goes_on_when_another_has_found_it_answering(
    isp: Any, calling: type[Any]
) -> None:
    calling.outage = GONE
    sell(isp, *range(6))
    with isp.hub.work(threads=1) as worker:
        worker.drain()
        calling.outage = None
        assert isp.office.integrations.test("basic").ok
        isp.clock.advance(seconds=4)
        worker.drain()
    assert states(isp) == {State.SETTLED}


@pytest.mark.parametrize("last", [[GONE], [GONE, None]], ids=["ended by another", "answered at last"])
def test_a_silence_that_has_ended_before_this_process_read_of_it_ends_here(isp: Any, last: list[Any]) -> None:
    store, lane, now, ours = isp.hub.store, Lane("default", "basic"), isp.clock.now(), Breakers()
    opened = SimpleNamespace(settings=IntegrationSettings.model_validate({}))
    asked: Any = SimpleNamespace(lane=lane, opened=opened, held=Held(0.0, calls=1))
    for _ in range(MOST):
        ours.heed(lane, GONE, MOST)
    assert not ours.may_be_called(lane, now)
    with store.write() as connection:
        ours.note(connection, [(asked, result) for result in last], now, lambda: 0.5)
    with store.write() as connection:
        breakers.forget(connection, lane)
    with store.read() as connection:
        ours.know(breakers.every(connection))
    assert ours.may_be_called(lane, now)
    assert not ours.hold_back(lane)


def test_one_account_that_alone_is_never_answered_holds_up_nobody_although_it_is_more_urgent(
    isp: Any, calling: type[Any]
) -> None:
    sell(isp, 0)
    isp.work()
    isp.ask(Action.BLOCK, "C0")
    isp.work()
    calling.lost = ("C0",)
    isp.ask(Action.UNBLOCK, "C0")
    for _ in range(MOST + 1):
        isp.work()
        isp.clock.advance(seconds=1)
    assert silence(isp).state is BreakerState.OPEN
    sell(isp, 1, 2, 3)
    for _ in range(2):
        isp.clock.advance(seconds=6)
        isp.work()
    assert [isp.of(f"C{number}").state for number in (1, 2, 3)] == [State.SETTLED] * 3


# -- nobody's budget ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("failure", "accounts"), [(GONE, 1), (UNKNOWN, 1), (GONE, 8)])
def test_an_outage_of_hours_parks_nobody(
    isp: Any, calling: type[Any], failure: errors.ProviderError, accounts: int
) -> None:
    calling.outage = failure
    sell(isp, *range(accounts))
    for _ in range(20):
        isp.work()
        isp.clock.advance(seconds=700)
    assert MOST + 10 <= len(calls(isp)) <= 40
    assert list(isp.office.operations.list(Outcome.PARKED)) == []
    calling.outage = None
    for _ in range(4):
        isp.clock.advance(seconds=130)
        isp.work()
    assert states(isp) == {State.SETTLED}


def test_what_fails_for_one_alone_still_uses_up_its_budget(isp: Any, calling: type[Any]) -> None:
    calling.lost = ("C0",)
    sell(isp, 0)
    for number in range(1, 3 * MOST):
        sell(isp, number)
        isp.work()
        isp.clock.advance(seconds=1)
    assert isp.of("C0").state is State.PARKED


# -- what people see ---------------------------------------------------------------------------------------------------


def test_status_and_explain_say_since_when_and_when_it_is_probed_next(isp: Any, calling: type[Any]) -> None:
    calling.outage = GONE
    sell(isp, *range(5))
    isp.work()
    status = isp.office.health.status()
    (stuck,) = status.stuck
    assert (stuck.subscriptions, stuck.person) == (5, False)
    assert "has answered nobody since 2026-11-23 09:00" in str(stuck.cause)
    assert "the next probe is due at" in str(stuck.cause)
    assert "`svahub integration test basic`" in stuck.next
    (case,) = isp.office.explanations.of("C4").items
    assert "has answered nobody since" in case.next.sentence
    assert "svahub integration test basic" in case.next.commands


def test_a_verb_that_waits_says_for_whom_and_until_when(
    isp: Any, calling: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(isp, *range(5))
    isp.work()
    calling.outage = GONE
    for number in range(1, 5):
        isp.ask(Action.BLOCK, f"C{number}")
    isp.work()
    isp.ask(Action.BLOCK, "C0")
    (view,) = isp.office.settle([isp.of("C0").key], timeout=1)
    assert (view.state, view.due_at) == (State.WAITING, silence(isp).next_probe_at)
    assert "has answered nobody since" in str(view.cause)


def test_the_command_line_shows_it_as_json(isp: Any, calling: type[Any]) -> None:
    calling.outage = GONE
    sell(isp, *range(5))
    isp.work()
    url = isp.hub.store.url.render_as_string()
    shown = CliRunner().invoke(main, ["--database", url, "status", "--json"])
    assert shown.exit_code in {ExitCode.REACHED, ExitCode.NEEDS_PERSON}, shown.output
    (silent,) = json.loads(shown.stdout)["silent"]
    assert (silent["integration"], silent["state"], silent["probes"]) == ("basic", "open", 0)
