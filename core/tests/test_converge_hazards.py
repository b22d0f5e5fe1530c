"""What converge does when an answer is late, lost, half true or senseless: nothing twice, nothing forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from svahub import Aspect, BlockReason, Observed, Plan, RemoteSubscription, RemoteUser, Subscription, errors, hookimpl
from svahub.fleet import holding
from svahub.intake import ContractRow
from svahub.steps import carry_out
from svahub.store.states import State
from svahub.verbs import Action

Opening = Callable[..., Any]


@pytest.fixture
def forgetful(finding: type[Any]) -> type[Any]:
    """Return a provider whose plugin breaks on the answer to its first create."""

    class Forgetful(finding):
        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            user: RemoteUser = super().create_user(subscription)
            if self.remote.calls.count("create") == 1:
                raise KeyError("the answer lacks its login")
            return user

    return Forgetful


def work_again(isp: Any, times: int, seconds: float) -> None:
    for _ in range(times):
        isp.work()
        isp.clock.advance(seconds=seconds)


def retry(isp: Any) -> None:
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()


# -- accepted now, answered later --------------------------------------------------------------------------------------


def test_a_change_that_was_accepted_and_polled_is_applied_once(open_isp: Opening, later: type[Any]) -> None:
    isp = open_isp(later)
    isp.sell()
    isp.work()
    isp.ask(Action.CHANGE, plan="p2")
    for _ in range(4):
        isp.remote.troubles.append(errors.Pending("h1"))
        work_again(isp, 1, 16)
        work_again(isp, 1, 400)
    assert isp.remote.calls == ["create", "change ['plan']", "poll h1"]


def test_what_was_changed_while_a_create_was_pending_is_sent_afterwards(open_isp: Opening, later: type[Any]) -> None:
    class Slow(later):
        @hookimpl
        def poll(self, subscription: Subscription, handle: str) -> RemoteUser:
            self.remote.calls.append(f"poll {handle}")
            entry = RemoteSubscription("p1", Observed.ACTIVE, subscription.key, quantity=1)
            return RemoteUser("u1", Observed.ACTIVE, subscription.account.key, (entry,))

    isp = open_isp(Slow)
    isp.sell()
    isp.remote.troubles.append(errors.Pending("h1"))
    isp.work()
    isp.ask(Action.CHANGE, quantity=3)
    work_again(isp, 2, 20)
    assert isp.remote.calls == ["create", "poll h1", "change ['quantity']"]
    assert isp.one.state is State.SETTLED


def test_a_bug_in_poll_does_not_forget_the_accepted_create(open_isp: Opening, later: type[Any]) -> None:
    class Lost(later):
        @hookimpl
        def poll(self, subscription: Subscription, handle: str) -> RemoteUser:
            raise KeyError(handle)

    isp = open_isp(Lost)
    isp.sell()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.Pending("h1"))
    work_again(isp, 2, 16)
    retry(isp)
    assert isp.remote.calls.count("create") == 1


# -- plugins that break ------------------------------------------------------------------------------------------------


def test_a_retry_after_a_bug_in_create_looks_before_it_creates(open_isp: Opening, forgetful: type[Any]) -> None:
    isp = open_isp(forgetful)
    isp.sell()
    isp.work()
    retry(isp)
    assert isp.remote.calls == ["create", "find"]


def test_a_cancel_after_a_bug_in_create_leaves_no_user(open_isp: Opening, forgetful: type[Any]) -> None:
    isp = open_isp(forgetful)
    isp.sell()
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    assert (isp.one.state, isp.remote.users) == (State.SETTLED, {})


def test_what_would_end_a_thread_does_not_hang_the_worker(open_isp: Opening, finding: type[Any]) -> None:
    class Cancelled(finding):
        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            raise asyncio.CancelledError

    isp = open_isp(Cancelled)
    isp.sell()
    worker = Thread(target=isp.work, daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive()
    assert "PluginBug" in isp.parked().cause


def test_a_plans_price_finer_than_cents_is_a_clear_error(open_isp: Opening, finding: type[Any]) -> None:
    class Fine(finding):
        @hookimpl
        def sync_plans(self) -> list[Plan]:
            return [Plan("p1", "One", price=Decimal("9.999"))]

    with pytest.raises(errors.SvahubError):
        open_isp(Fine)


# -- outcomes that are not known ---------------------------------------------------------------------------------------


def test_a_retry_of_a_create_given_up_while_uncertain_looks_first(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding, retry_budget=3)
    isp.sell()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.remote.troubles.extend([errors.Unreachable(errors.Cause.TIMEOUT)] * 2)
    work_again(isp, 5, 400)
    assert isp.one.state is State.PARKED
    retry(isp)
    assert isp.remote.calls.count("create") == 1


def test_a_retry_of_an_uncertain_change_that_nobody_can_look_up_sends_it_again(
    open_isp: Opening, finding: type[Any], basic: type[Any]
) -> None:
    changing = type("Changing", (basic,), {"changes": finding.changes, "change": finding.change})
    isp = open_isp(changing)
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.ask(Action.CHANGE, quantity=3)
    work_again(isp, 2, 400)
    assert isp.one.state is State.PARKED
    retry(isp)
    assert isp.remote.calls == ["create", "change ['quantity']", "change ['quantity']"]
    assert isp.one.state is State.SETTLED


def test_a_change_that_is_never_answered_is_given_up_after_its_budget(open_isp: Opening, finding: type[Any]) -> None:
    class Silent(finding):
        @hookimpl
        def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
            self.remote.calls.append("change")
            raise errors.OutcomeUnknown("no answer")

    isp = open_isp(Silent, retry_budget=4)
    isp.sell()
    isp.work()
    isp.ask(Action.CHANGE, quantity=3)
    work_again(isp, 60, 2)
    assert isp.one.state is State.PARKED
    assert isp.remote.calls.count("change") <= 4


def test_not_found_from_a_look_is_no_stronger_than_none(open_isp: Opening, finding: type[Any]) -> None:
    class Missing(finding):
        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser:
            self.remote.calls.append("find")
            raise errors.NotFound("404")

    isp = open_isp(Missing, recreate=True)
    isp.sell()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.work()
    assert isp.remote.calls == ["create", "find"]


def test_a_price_that_a_look_does_not_tell_is_not_taken_for_the_wanted_one(
    open_isp: Opening, finding: type[Any]
) -> None:
    isp = open_isp(type("Pricey", (finding,), {"changes": frozenset({Aspect.PRICE})}))
    isp.sell(price="10.00")
    (work,), _ = isp.desk().take(1)
    with holding(work.held):
        carry_out(work.relay, work.decision, work.subscription, frozenset())  # then its process dies
    isp.clock.advance(seconds=60)
    isp.sell(price="12.00")
    isp.work()
    assert isp.remote.calls == ["create", "find", "change ['price']"]
    assert isp.one.state is State.SETTLED


def test_a_change_taken_back_is_not_believed_undone_while_a_look_may_lag(open_isp: Opening, finding: type[Any]) -> None:
    class Lagging(finding):
        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser | None:
            user: RemoteUser = super().find_user(subscription)
            old = RemoteSubscription("p1", Observed.ACTIVE, subscription.key, quantity=1)
            return replace(user, subscriptions=(old,)) if self.remote.calls.count("find") == 1 else user

    isp = open_isp(Lagging)
    isp.sell()
    isp.work()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("lost"))
    isp.ask(Action.CHANGE, plan="p2")
    isp.work()
    isp.ask(Action.CHANGE, plan="p1")
    work_again(isp, 4, 15)
    (user,) = isp.remote.users.values()
    assert (user.subscriptions[0].plan, isp.one.state) == ("p1", State.SETTLED)


def test_what_a_change_may_have_added_is_not_forgotten_by_a_block_and_an_unblock(
    open_isp: Opening, finding: type[Any]
) -> None:
    class Lagging(finding):
        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser | None:
            user: RemoteUser = super().find_user(subscription)
            old = RemoteSubscription("p1", Observed.ACTIVE, subscription.key, quantity=1)
            return replace(user, subscriptions=(old,)) if self.remote.calls.count("find") == 1 else user

        @hookimpl
        def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
            """Touch no quantity."""

        @hookimpl
        def unblock(self, subscription: Subscription) -> None:
            """Touch no quantity."""

    isp = open_isp(Lagging)
    isp.sell()
    isp.work()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("lost"))
    isp.ask(Action.CHANGE, quantity=3)
    isp.work()
    isp.ask(Action.CHANGE, quantity=1)
    isp.ask(Action.BLOCK)
    isp.work()
    isp.ask(Action.UNBLOCK)
    work_again(isp, 4, 15)
    (user,) = isp.remote.users.values()
    assert (user.subscriptions[0].quantity, isp.one.state) == (1, State.SETTLED)


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize(("price", "day"), [("20.00", 10), ("10.00", 20)])
def test_a_price_or_day_that_may_have_been_changed_is_put_back(
    open_isp: Opening, finding: type[Any], price: str, day: int, looked: bool
) -> None:
    class Charging(finding):
        changes = frozenset({Aspect.PRICE, Aspect.DUE_DAY})

        def put(self, s: Subscription, status: Observed) -> RemoteUser:
            self.remote.charged = (s.price, s.due_day)
            user: RemoteUser = super().put(s, status)
            return user

    def says(price: str, day: int) -> None:
        level = {
            "contract_id": "C1",
            "customer": {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"},
            "due_day": day,
            "items": [{"code": "1", "product_code": "X", "plan": "p1", "price": price}],
        }
        assert not isp.office.contracts.take_in([ContractRow.model_validate(level)]).errors
        isp.work()

    isp = open_isp(Charging)
    says("10.00", 10)
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("lost"))
    says(price, day)
    assert isp.remote.charged == (Decimal(price), day)
    if looked:
        isp.clock.advance(seconds=15)
        isp.work()  # a look, and then the wait until the change is tried again
        assert (isp.one.state, isp.remote.calls[-1]) == (State.WAITING, "find")
    says("10.00", 10)
    work_again(isp, 4, 15)
    assert (isp.remote.charged, isp.one.state) == ((Decimal("10.00"), 10), State.SETTLED)


def test_a_quantity_that_a_look_does_not_tell_is_not_added_again(open_isp: Opening, finding: type[Any]) -> None:
    class Uncounted(finding):
        @hookimpl
        def find_user(self, subscription: Subscription) -> RemoteUser | None:
            user = super().find_user(subscription)
            entry = RemoteSubscription("p1", Observed.ACTIVE, subscription.key)
            return user and RemoteUser(user.remote_id, user.status, user.reference, (entry,))

    isp = open_isp(Uncounted)
    isp.sell()
    isp.work()
    isp.remote.applies_before_trouble = True
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.ask(Action.CHANGE, quantity=3)
    work_again(isp, 2, 400)
    assert isp.remote.calls.count("change ['quantity']") == 1


def test_a_cancel_after_a_partial_create_ends_the_user(open_isp: Opening, finding: type[Any]) -> None:
    class Halfway(finding):
        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            user = RemoteUser("user-1", Observed.ACTIVE, subscription.account.key)
            self.remote.users[subscription.key] = user
            raise errors.Partial(user, errors.Rejected("the second call"))

    isp = open_isp(Halfway)
    isp.sell()
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    assert "cancel" in isp.remote.calls
    assert (isp.remote.users, isp.one.observed) == ({}, Observed.CANCELLED)


# -- providers that ask for patience -----------------------------------------------------------------------------------


def test_rate_limits_without_a_time_back_off(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.extend([errors.RateLimited()] * 400)
    work_again(isp, 300, 1)
    assert len(isp.remote.calls) < 40


def test_a_rate_limit_of_no_seconds_does_not_spin(open_isp: Opening, finding: type[Any]) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.remote.troubles.extend([errors.RateLimited(0)] * 400)
    with isp.hub.work(threads=1) as worker:
        for _ in range(60):
            worker.turn()
    assert len(isp.remote.calls) < 10
