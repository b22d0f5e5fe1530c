"""How converge treats providers that can do more, or less, than the first one: by a provider made for the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from svahub import Observed, RemoteUser, Subscription, errors, hookimpl
from svahub.store.states import Certainty, State
from svahub.verbs import Action

Opening = Callable[..., Any]


def test_a_step_without_earlier_attempt_is_not_looked_up(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create"], State.SETTLED)


def test_an_unknown_create_at_a_provider_without_lookup_waits_for_a_person(open_isp: Opening, basic: type[Any]) -> None:
    isp = open_isp(basic)
    isp.sell()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create"], State.PARKED)
    assert f"retry {isp.parked().id}" in isp.parked().advice
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create", "create"], State.SETTLED)


def test_an_unknown_create_with_an_idempotency_key_is_sent_again(open_isp: Opening, by_key: type[Any]) -> None:
    isp = open_isp(by_key)
    isp.sell()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create", "create"], State.SETTLED)


def test_levels_of_unknown_outcome_are_sent_again_as_wanted_now(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.ask(Action.BLOCK)
    isp.work()
    isp.ask(Action.UNBLOCK)
    isp.clock.advance(seconds=400)
    isp.work()
    assert isp.remote.calls == ["create", "block ['staff']", "unblock"]
    assert (isp.one.observed, isp.one.state) == (Observed.ACTIVE, State.SETTLED)


@pytest.mark.parametrize("applied", [True, False])
def test_a_change_of_quantity_of_unknown_outcome_is_looked_up_first(
    open_isp: Opening, finding: type[Any], applied: bool
) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.remote.applies_before_trouble = applied
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.ask(Action.CHANGE, quantity=3)
    for _ in range(3):
        isp.work()
        isp.clock.advance(seconds=400)
    again = [] if applied else ["find", "change ['quantity']"]  # fewer than were asked for: a lookup may lag
    assert isp.remote.calls == ["create", "change ['quantity']", "find", *again]
    assert isp.one.state is State.SETTLED


def test_a_pending_result_is_polled_until_it_is_there(open_isp: Opening, later: type[Any]) -> None:
    isp = open_isp(later)
    isp.sell()
    isp.remote.troubles.extend([errors.Pending("h1"), errors.Pending("h1")])
    isp.work()
    assert (isp.one.state, isp.remote.calls) == (State.PENDING, ["create"])
    isp.clock.advance(seconds=16)
    isp.work()
    isp.clock.advance(seconds=16)
    isp.work()
    assert isp.remote.calls == ["create", "poll h1", "poll h1"]
    assert (isp.one.observed, isp.one.state) == (Observed.ACTIVE, State.SETTLED)


def test_a_cancel_asked_while_a_create_is_pending_follows_it(open_isp: Opening, later: type[Any]) -> None:
    isp = open_isp(later)
    isp.sell()
    isp.remote.troubles.append(errors.Pending("h1"))
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    assert isp.remote.calls == ["create", "poll h1", "cancel"]
    assert (isp.remote.users, isp.one.observed) == ({}, Observed.CANCELLED)


def test_a_lost_handle_makes_the_outcome_unknown_and_the_user_is_looked_up(open_isp: Opening, later: type[Any]) -> None:
    isp = open_isp(later)
    isp.sell()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.Pending("h1"))
    isp.work()
    isp.remote.applies_before_trouble = False
    isp.remote.troubles.append(errors.NotFound("no such job"))
    isp.clock.advance(seconds=16)
    isp.work()
    assert isp.remote.calls == ["create", "poll h1", "find"]
    assert isp.one.state is State.SETTLED


def test_no_licences_park_with_buy_more_and_retry_works_afterwards(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.append(errors.NoLicences("none left"))
    isp.work()
    assert "buy more" in isp.parked().advice
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert isp.one.state is State.SETTLED


def test_a_person_is_sent_to_the_page_the_provider_names(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.append(errors.NeedsPerson("accept the terms", "https://basic.example.com/terms"))
    isp.work()
    assert "https://basic.example.com/terms" in isp.parked().advice


def test_a_partial_create_keeps_the_user_and_tries_the_rest_again(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    user = RemoteUser("user-0", Observed.ACTIVE)
    isp.remote.troubles.append(errors.Partial(user, errors.Busy("the second call")))
    isp.work()
    assert isp.one.state is State.WAITING
    (attempt,) = isp.office.subscriptions.show("C1/1").attempts
    assert attempt.certainty is Certainty.PARTIAL
    isp.clock.advance(seconds=400)
    isp.work()
    assert isp.one.state is State.SETTLED


def test_busy_and_maintenance_wait_and_are_tried_again(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.extend([errors.Busy("later"), errors.Maintenance("tonight")])
    for _ in range(3):
        isp.work()
        isp.clock.advance(seconds=400)
    assert (isp.remote.calls, isp.one.state) == (["create"] * 3, State.SETTLED)


def test_what_a_plugin_breaks_is_parked_as_its_bug(open_isp: Opening, basic: type[Any]) -> None:
    class Broken(basic):
        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            raise KeyError(subscription.account.customer.document)

    isp = open_isp(Broken)
    isp.sell()
    isp.work()
    assert "PluginBug" in isp.parked().cause
    assert "52998224725" not in str(isp.office.operations.show(isp.parked().id))


def test_discard_makes_what_is_observed_what_is_desired(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.Conflict("not now"))
    isp.ask(Action.BLOCK)
    isp.work()
    isp.office.operations.discard(isp.parked().id, actor="eva", note="agreed by phone")
    isp.work()
    assert (isp.one.desired.value, isp.one.observed.value, isp.one.state) == ("ACTIVE", "ACTIVE", State.SETTLED)
