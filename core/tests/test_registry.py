"""What a call to a provider may bring: only what the contract says, from that provider and no other."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel
from svahub import (
    Account,
    BlockReason,
    Customer,
    Desired,
    DocumentKind,
    FindsUsers,
    IntegrationSettings,
    Lifecycle,
    ListsUsers,
    Observed,
    Plan,
    Polls,
    RemoteSubscription,
    RemoteUser,
    ResumesListings,
    Subscription,
    hookimpl,
)
from svahub.errors import NotFound, Pending, PluginBug, Unsupported
from svahub.registry import MissingPlugin, ProviderKind, Registry
from svahub.relay import Relay

CPF = "52998224725"
PERSON = Customer("c1", "Maria Silva", CPF, DocumentKind.CPF)
SOLD = Subscription("s1", "C1", "1", "anything", Account("a1", PERSON), Desired.ACTIVE, Observed.ABSENT)
USER = RemoteUser("u1", Observed.ACTIVE)


class Recorded(Lifecycle, FindsUsers, ListsUsers, Polls, ResumesListings):
    """A provider that notes its calls and answers as it is told to."""

    title = "Recorded"

    def __init__(self, answer: Callable[[], Any] = lambda: USER) -> None:
        self.calls: list[str] = []
        self.answer = answer

    def _called(self, hook: str) -> Any:
        self.calls.append(hook)
        return self.answer()

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        return self._called("create_user")

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        self._called("block")

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        self._called("unblock")

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        self._called("cancel")

    @hookimpl
    def sync_plans(self) -> Iterator[Plan]:
        return self._called("sync_plans")

    @hookimpl
    def find_user(self, subscription: Subscription) -> RemoteUser | None:
        return self._called("find_user")

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        return self._called("list_users")

    @hookimpl
    def list_users_after(self, status: Observed | None, after: str) -> Iterator[RemoteUser]:
        return self._called("list_users_after")

    @hookimpl
    def poll(self, subscription: Subscription, handle: str) -> RemoteUser | None:
        return self._called("poll")


class Wrapper:
    """What a third party lays around every provider."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    @hookimpl(wrapper=True)
    def create_user(self, subscription: Subscription) -> Iterator[None]:
        try:
            result = yield
        except Exception as error:
            self.seen.append((subscription.key, type(error)))
            raise
        self.seen.append((subscription.key, result))
        return result


def relay(provider: Any, *wrappers: Any) -> Relay:
    return Relay(ProviderKind("recorded", type(provider)), provider, wrappers)


def raises(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def pydantic_error() -> Exception:
    class Row(BaseModel):
        document: int

    try:
        Row(document="document of Maria Silva")
    except ValueError as error:
        return error
    raise AssertionError


CALLS: dict[str, Callable[[Relay], Any]] = {
    "create_user": lambda r: r.create_user(SOLD),
    "block": lambda r: r.block(SOLD, frozenset()),
    "unblock": lambda r: r.unblock(SOLD),
    "cancel": lambda r: r.cancel(SOLD),
    "sync_plans": lambda r: list(r.sync_plans()),
    "find_user": lambda r: r.find_user(SOLD),
    "list_users": lambda r: list(r.list_users()),
    "list_users_after": lambda r: list(r.list_users_after(None, "u1")),
    "poll": lambda r: r.poll(SOLD, "h"),
}


# -- who is called -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", CALLS)
def test_a_call_reaches_its_own_provider_and_no_other(hook: str) -> None:
    one, other = Recorded(lambda: None), Recorded(lambda: None)
    relay(other)
    with contextlib.suppress(PluginBug):
        CALLS[hook](relay(one))
    assert (one.calls, other.calls) == ([hook], [])


def test_a_none_from_find_user_falls_through_to_nobody() -> None:
    one, other = Recorded(lambda: None), Recorded()
    relay(other)
    assert relay(one).find_user(SOLD) is None
    assert other.calls == []


def test_what_the_provider_does_not_implement_is_refused_without_a_call() -> None:
    provider = Recorded()
    with pytest.raises(Unsupported, match="Recorded offers no resend access"):
        relay(provider).resend_access(SOLD)
    assert provider.calls == []


# -- wrappers ----------------------------------------------------------------------------------------------------------


def test_a_wrapper_surrounds_every_providers_call_and_sees_the_result() -> None:
    wrapper = Wrapper()
    other = replace(USER, remote_id="u2")
    relay(Recorded(), wrapper).create_user(SOLD)
    relay(Recorded(lambda: other), wrapper).create_user(replace(SOLD, key="s2"))
    assert wrapper.seen == [("s1", USER), ("s2", other)]


def test_a_wrapper_sees_the_providers_own_error() -> None:
    wrapper = Wrapper()
    with pytest.raises(NotFound):
        relay(Recorded(raises(NotFound())), wrapper).create_user(SOLD)
    assert wrapper.seen == [("s1", NotFound)]


def test_a_wrapper_that_breaks_is_a_plugins_bug_too() -> None:
    class Breaks:
        @hookimpl(wrapper=True)
        def create_user(self, subscription: Subscription) -> Iterator[None]:
            yield
            raise KeyError(CPF)

    with pytest.raises(PluginBug, match="create_user raised KeyError") as bug:
        relay(Recorded(), Breaks()).create_user(SOLD)
    assert CPF not in str(bug.value)


def test_a_wrapper_cannot_put_something_else_in_the_place_of_the_result() -> None:
    class Replaces:
        @hookimpl(wrapper=True)
        def create_user(self, subscription: Subscription) -> Iterator[None]:
            yield
            return 42

    with pytest.raises(PluginBug, match="create_user returned int"):
        relay(Recorded(), Replaces()).create_user(SOLD)


def test_a_wrapper_module_that_bears_the_providers_name_is_registered_beside_it() -> None:
    module = ModuleType("recorded")
    module.create_user = Wrapper.create_user.__get__(wrapper := Wrapper())  # type: ignore[attr-defined]
    relay(Recorded(), module).create_user(SOLD)
    assert wrapper.seen == [("s1", USER)]


# -- what comes of a call ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", CALLS)
@pytest.mark.parametrize("error", [KeyError(CPF), SystemExit(CPF), AssertionError(CPF), pydantic_error()], ids=repr)
def test_a_foreign_exception_becomes_a_plugin_bug_without_its_text(hook: str, error: BaseException) -> None:
    with pytest.raises(PluginBug) as bug:
        CALLS[hook](relay(Recorded(raises(error))))
    assert str(bug.value) == f"{hook} raised {type(error).__name__}"
    assert bug.value.__cause__ is error


@pytest.mark.parametrize("hook", CALLS)
@pytest.mark.parametrize("error", [NotFound(), Pending("h")], ids=repr)
def test_an_error_of_the_contract_passes_as_it_is(hook: str, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        CALLS[hook](relay(Recorded(raises(error))))
    assert raised.value is error


def test_an_interrupt_by_the_user_is_nobodys_bug() -> None:
    with pytest.raises(KeyboardInterrupt):
        relay(Recorded(raises(KeyboardInterrupt()))).create_user(SOLD)


@pytest.mark.parametrize("hook", ["create_user", "sync_plans", "list_users"])
def test_none_where_something_is_promised_is_a_plugins_bug(hook: str) -> None:
    with pytest.raises(PluginBug, match=f"{hook} returned NoneType"):
        CALLS[hook](relay(Recorded(lambda: None)))


def test_an_empty_catalogue_is_an_answer() -> None:
    assert list(relay(Recorded(list)).sync_plans()) == []


@pytest.mark.parametrize("hook", ["create_user", "find_user", "poll", "sync_plans", "list_users"])
@pytest.mark.parametrize("answer", [42, {"remote_id": "u1"}, "u1", True, Plan("p1", "Plan"), [42], [None]], ids=repr)
def test_a_value_of_another_type_is_a_plugins_bug(hook: str, answer: Any) -> None:
    with pytest.raises(PluginBug):
        CALLS[hook](relay(Recorded(lambda: answer)))


@pytest.mark.parametrize(
    "user",
    [
        RemoteUser("", Observed.ACTIVE),
        RemoteUser(None, Observed.ACTIVE),  # type: ignore[arg-type]
        RemoteUser(5, Observed.ACTIVE),  # type: ignore[arg-type]
        RemoteUser("u" * 201, Observed.ACTIVE),
        RemoteUser("u1", "ACTIVE"),  # type: ignore[arg-type]
        RemoteUser("u1", Observed.ACTIVE, subscriptions=(RemoteSubscription("p", None),)),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("hook", ["create_user", "find_user", "poll"])
def test_a_user_that_the_store_could_not_keep_is_a_plugins_bug(hook: str, user: RemoteUser) -> None:
    with pytest.raises(PluginBug, match=f"{hook} returned a RemoteUser with an unusable"):
        CALLS[hook](relay(Recorded(lambda: user)))


def test_a_stream_that_breaks_midway_brings_what_came_before() -> None:
    def plans() -> Iterator[Plan]:
        yield Plan("p1", "One")
        raise KeyError(CPF)

    stream = relay(Recorded(plans)).sync_plans()
    assert next(stream).remote_id == "p1"
    with pytest.raises(PluginBug, match="sync_plans raised KeyError"):
        next(stream)


# -- what is installed -------------------------------------------------------------------------------------------------


def test_a_provider_that_is_not_installed_is_missing_and_named() -> None:
    with pytest.raises(MissingPlugin, match="'nobody'"):
        Registry().provider("nobody")


def test_naming_what_is_installed_imports_no_plugin() -> None:
    before = set(sys.modules)
    registry = Registry()
    assert not registry.installed("nobody")
    assert not set(sys.modules) - before


def test_every_provider_has_the_cores_own_settings() -> None:
    assert {"adopt", "timeout", "retry_budget"} <= IntegrationSettings.model_fields.keys()
