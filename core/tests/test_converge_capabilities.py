"""How converge treats providers that can do more, or less, than the first one: by a provider made for the test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from svahub import (
    Aspect,
    BlockReason,
    BlockScope,
    ChangesSubscriptions,
    Deduplication,
    Environment,
    FindsUsers,
    IntegrationSettings,
    Lifecycle,
    Observed,
    Plan,
    Polls,
    RemoteSubscription,
    RemoteUser,
    Subscription,
    errors,
    hookimpl,
)
from svahub.areas.subscriptions import SubscriptionView
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.registry import ProviderKind, Registry
from svahub.store import Store, versions
from svahub.store.rows import LinkRow
from svahub.store.states import Certainty, Outcome, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command


@dataclass
class Remote:
    """What the provider has, what was asked of it, and what it raises next."""

    users: dict[str, RemoteUser] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    troubles: deque[errors.ProviderError | None] = field(default_factory=deque)
    applies_before_trouble: bool = False

    def asked(self, call: str, apply: Callable[[], Any]) -> Any:
        self.calls.append(call)
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is None:
            return apply()
        if self.applies_before_trouble:
            apply()
        raise trouble


class Basic(Lifecycle):
    """The lifecycle and nothing else; a user for each subscription."""

    title = "Basic"
    contract_version = 1
    deduplication = Deduplication.NONE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 10
    hosts: ClassVar = {Environment.STAGING: ("https://basic.example.com",)}
    Settings = IntegrationSettings
    remote: Remote

    def __init__(self, settings: IntegrationSettings, client: object) -> None:
        self.settings = settings

    def put(self, s: Subscription, status: Observed) -> RemoteUser:
        entry = RemoteSubscription(s.plan.remote_id if s.plan else None, status, s.key, quantity=s.quantity)
        user = RemoteUser(f"user-{len(self.remote.users) + 1}", status, s.account.key, (entry,))
        self.remote.users[s.key] = user
        return user

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        made: RemoteUser = self.remote.asked("create", lambda: self.put(subscription, Observed.ACTIVE))
        return made

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        self.remote.asked(
            f"block {sorted(r.reason.value for r in reasons)}", lambda: self.put(subscription, Observed.BLOCKED)
        )

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        self.remote.asked("unblock", lambda: self.put(subscription, Observed.ACTIVE))

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        self.remote.asked("cancel", lambda: self.remote.users.pop(subscription.key))

    @hookimpl
    def sync_plans(self) -> Iterable[Plan]:
        return [Plan("p1", "One"), Plan("p2", "Two")]


class ByKey(Basic):
    """Deduplicates by an idempotency key: a create may be sent again."""

    deduplication = Deduplication.IDEMPOTENCY_KEY


class Finding(Basic, FindsUsers, ChangesSubscriptions):
    """Finds users, and changes quantities."""

    deduplication = Deduplication.REFERENCE
    changes = frozenset({Aspect.QUANTITY, Aspect.PLAN})

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        found: RemoteUser | None = self.remote.asked("find", lambda: self.remote.users.get(subscription.key))
        return found

    @hookimpl
    def change(self, subscription: Subscription, what: frozenset[Aspect]) -> None:
        self.remote.asked(f"change {sorted(w.value for w in what)}", lambda: self.put(subscription, Observed.ACTIVE))


class Later(Finding, Polls):
    """Accepts now and answers later."""

    @hookimpl
    def poll(self, subscription: Subscription, handle: str) -> RemoteUser | None:
        polled: RemoteUser | None = self.remote.asked(f"poll {handle}", lambda: self.put(subscription, Observed.ACTIVE))
        return polled


class Installed(Registry):
    """A registry in which one class is installed."""

    def __init__(self, cls: type[Any]) -> None:
        super().__init__()
        self._cls = cls

    def installed(self, provider: str) -> bool:
        return True

    def provider(self, name: str) -> ProviderKind:
        return ProviderKind(name, self._cls, "svahub-basic", "1")


@dataclass
class Isp:
    """One ISP at the made-up provider."""

    hub: Hub
    office: TenantHub
    remote: Remote
    clock: HandClock

    def sell(self, quantity: int = 1) -> None:
        level = {
            "contract_id": "C1",
            "customer": {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"},
            "items": [{"code": "1", "product_code": "X", "plan": "p1", "quantity": quantity}],
        }
        assert not self.office.contracts.take_in([ContractRow.model_validate(level)]).errors

    def ask(self, action: Action, **more: Any) -> None:
        self.office.verbs.issue(Command(action, "C1", **more))

    def work(self) -> None:
        with self.hub.work(threads=1) as worker:
            worker.drain()

    @property
    def one(self) -> SubscriptionView:
        *_, newest = self.office.subscriptions.list()
        return newest

    def parked(self) -> Any:
        (operation,) = self.office.operations.list(Outcome.PARKED)
        return operation


@pytest.fixture
def open_isp(sqlite_url: str) -> Iterator[Callable[[type[Basic]], Isp]]:
    opened: list[Store] = []

    def make(base: type[Basic], **settings: Any) -> Isp:
        clock, remote = HandClock(), Remote()
        cls = type("Made", (base,), {"remote": remote})
        store = Store(sqlite_url, clock)
        opened.append(store)
        versions.upgrade(store)
        hub = Hub(store, Installed(cls), draw=lambda: 0.5)
        hub.add_tenant("default")
        office = hub.tenant("default")
        office.integrations.add("basic", "basic", Environment.STAGING, settings=settings)
        office.catalogue.sync("basic")
        with store.write() as connection:
            from svahub.store import catalogue

            catalogue.put_link(connection, LinkRow("default", "X", "anything", "basic", "p1"))
        return Isp(hub, office, remote, clock)

    yield make
    for store in opened:
        store.close()


Opening = Callable[..., Isp]


def test_a_step_without_earlier_attempt_is_not_looked_up(open_isp: Opening) -> None:
    isp = open_isp(Finding)
    isp.sell()
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create"], State.SETTLED)


def test_an_unknown_create_at_a_provider_without_lookup_waits_for_a_person(open_isp: Opening) -> None:
    isp = open_isp(Basic)
    isp.sell()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create"], State.PARKED)
    assert f"retry {isp.parked().id}" in isp.parked().advice
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create", "create"], State.SETTLED)


def test_an_unknown_create_with_an_idempotency_key_is_sent_again(open_isp: Opening) -> None:
    isp = open_isp(ByKey)
    isp.sell()
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.work()
    assert (isp.remote.calls, isp.one.state) == (["create", "create"], State.SETTLED)


def test_levels_of_unknown_outcome_are_sent_again_as_wanted_now(open_isp: Opening) -> None:
    isp = open_isp(Finding)
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
def test_a_change_of_quantity_of_unknown_outcome_is_looked_up_first(open_isp: Opening, applied: bool) -> None:
    isp = open_isp(Finding)
    isp.sell()
    isp.work()
    isp.remote.applies_before_trouble = applied
    isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
    isp.ask(Action.CHANGE, quantity=3)
    for _ in range(3):
        isp.work()
        isp.clock.advance(seconds=400)
    again = [] if applied else ["change ['quantity']"]
    assert isp.remote.calls == ["create", "change ['quantity']", "find", *again]
    assert isp.one.state is State.SETTLED


def test_a_pending_result_is_polled_until_it_is_there(open_isp: Opening) -> None:
    isp = open_isp(Later)
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


def test_a_cancel_asked_while_a_create_is_pending_follows_it(open_isp: Opening) -> None:
    isp = open_isp(Later)
    isp.sell()
    isp.remote.troubles.append(errors.Pending("h1"))
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    assert isp.remote.calls == ["create", "poll h1", "cancel"]
    assert (isp.remote.users, isp.one.observed) == ({}, Observed.CANCELLED)


def test_a_lost_handle_makes_the_outcome_unknown_and_the_user_is_looked_up(open_isp: Opening) -> None:
    isp = open_isp(Later)
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


def test_no_licences_park_with_buy_more_and_retry_works_afterwards(open_isp: Opening) -> None:
    isp = open_isp(Finding)
    isp.sell()
    isp.remote.troubles.append(errors.NoLicences("none left"))
    isp.work()
    assert "buy more" in isp.parked().advice
    isp.office.operations.retry(isp.parked().id, actor="eva")
    isp.work()
    assert isp.one.state is State.SETTLED


def test_a_person_is_sent_to_the_page_the_provider_names(open_isp: Opening) -> None:
    isp = open_isp(Finding)
    isp.sell()
    isp.remote.troubles.append(errors.NeedsPerson("accept the terms", "https://basic.example.com/terms"))
    isp.work()
    assert "https://basic.example.com/terms" in isp.parked().advice


def test_a_partial_create_keeps_the_user_and_tries_the_rest_again(open_isp: Opening) -> None:
    isp = open_isp(Finding)
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


def test_busy_and_maintenance_wait_and_are_tried_again(open_isp: Opening) -> None:
    isp = open_isp(Finding)
    isp.sell()
    isp.remote.troubles.extend([errors.Busy("later"), errors.Maintenance("tonight")])
    for _ in range(3):
        isp.work()
        isp.clock.advance(seconds=400)
    assert (isp.remote.calls, isp.one.state) == (["create"] * 3, State.SETTLED)


def test_what_a_plugin_breaks_is_parked_as_its_bug(open_isp: Opening) -> None:
    class Broken(Basic):
        @hookimpl
        def create_user(self, subscription: Subscription) -> RemoteUser:
            raise KeyError(subscription.account.customer.document)

    isp = open_isp(Broken)
    isp.sell()
    isp.work()
    assert "PluginBug" in isp.parked().cause
    assert "52998224725" not in str(isp.office.operations.show(isp.parked().id))


def test_discard_makes_what_is_observed_what_is_desired(open_isp: Opening) -> None:
    isp = open_isp(Finding)
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.Conflict("not now"))
    isp.ask(Action.BLOCK)
    isp.work()
    isp.office.operations.discard(isp.parked().id, actor="eva", note="agreed by phone")
    isp.work()
    assert (isp.one.desired.value, isp.one.observed.value, isp.one.state) == ("ACTIVE", "ACTIVE", State.SETTLED)
