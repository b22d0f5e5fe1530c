"""What a plugin's own tables hold before a step, and what they are told of it after, also when a part was reached."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from svahub import Aspect, KeepsRecords, Observed, RemoteSubscription, RemoteUser, Subscription, errors, hookimpl
from svahub.store.states import State
from svahub.verbs import Action


@pytest.fixture
def remembering(basic: Any) -> Any:
    """Return a provider whose plugin recalls `memory`, or raises it."""

    class Remembering(basic, KeepsRecords):  # type: ignore[misc]
        memory: ClassVar[Any] = {"sold": "before"}
        told: ClassVar[list[Any]] = []

        @hookimpl
        def recall(self, transaction: Any, subject: Any) -> Any:
            if isinstance(self.memory, Exception):
                raise self.memory
            return self.memory

        @hookimpl
        def recorded(self, transaction: Any, subject: Any, result: Any) -> None: ...

        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            self.told.append(dict(subscription.kept))
            made: RemoteUser = super().create_user(subscription)
            return made

    return Remembering


def test_a_sale_is_given_what_the_plugins_tables_hold(open_isp: Any, remembering: Any) -> None:
    isp = open_isp(remembering)
    isp.sell()
    isp.work()
    assert remembering.told == [{"sold": "before"}]


def test_a_sale_whose_plugin_cannot_tell_is_not_made_and_waits_for_a_person(open_isp: Any, remembering: Any) -> None:
    remembering.memory = ValueError("a bug")
    isp = open_isp(remembering)
    isp.sell()
    isp.work()
    assert remembering.told == []
    assert [one.state for one in isp.office.subscriptions.list()] == [State.PARKED]


# -- several units of which some are reached


@pytest.fixture
def lending(finding: Any) -> Any:
    """Return a provider that lends units, of which it has a `stock`, and whose plugin notes what is said of each."""

    class Lending(finding, KeepsRecords):  # type: ignore[misc]
        stock: ClassVar[list[int]] = [10]
        noted: ClassVar[list[Any]] = []
        recalled: ClassVar[list[str]] = []

        @hookimpl
        def recall(self, transaction: Any, subject: Any) -> Any:
            self.recalled.append(subject.observed.value)
            return {"noted": len(self.noted)}

        @hookimpl
        def recorded(self, transaction: Any, subject: Any, result: Any) -> None:
            self.noted.append(None if result is None else dict(result.subscriptions[0].details))

        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            self.remote.calls.append("create")
            return self.lent(subscription)

        @hookimpl
        def change(self, subscription: Subscription, what: frozenset[Aspect]) -> RemoteUser:
            self.remote.calls.append(f"change from {subscription.applied.quantity}")
            return self.lent(subscription)

        def lent(self, s: Subscription) -> RemoteUser:
            lent = min(s.quantity, self.stock[0])
            entry = RemoteSubscription("p1", Observed.ACTIVE, s.key, "sub-1", lent, {"units": lent})
            user = RemoteUser("user-1", Observed.ACTIVE, s.account.key, (entry,))
            if lent < s.quantity:
                raise errors.Partial(user, errors.NoLicences("no more"))
            return user

    return Lending


def test_of_units_that_were_sold_in_part_only_the_missing_ones_are_asked_for(open_isp: Any, lending: Any) -> None:
    lending.stock[0] = 2
    isp = open_isp(lending)
    isp.sell(quantity=3)
    isp.work()
    assert (isp.one.state, isp.one.observed, lending.noted) == (State.PARKED, Observed.ACTIVE, [{"units": 2}])
    lending.stock[0] = 3
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert isp.remote.calls == ["create", "change from 2"]
    assert (isp.one.state, lending.noted[-1]) == (State.SETTLED, {"units": 3})


def test_a_wish_for_no_more_than_the_part_that_is_there_leaves_nothing_to_do(open_isp: Any, lending: Any) -> None:
    lending.stock[0] = 2
    isp = open_isp(lending)
    isp.sell(quantity=1)
    isp.work()
    isp.ask(Action.CHANGE, quantity=3)
    isp.work()
    isp.ask(Action.CHANGE, quantity=2)
    isp.work()
    assert isp.remote.calls == ["create", "change from 1"]
    assert isp.one.state is State.SETTLED


def test_a_subscription_without_any_of_its_units_is_changed_not_created_again(open_isp: Any, lending: Any) -> None:
    lending.stock[0] = 0
    isp = open_isp(lending)
    isp.sell(quantity=2)
    isp.work()
    lending.stock[0] = 2
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert isp.remote.calls == ["create", "change from 0"]


def test_every_step_is_given_what_the_plugins_tables_hold(open_isp: Any, lending: Any) -> None:
    isp = open_isp(lending)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK)
    isp.work()
    assert lending.recalled == ["ABSENT", "ACTIVE"]
