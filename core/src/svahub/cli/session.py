"""What the global options chose: the store and the tenant, opened when a command first asks for them."""

from __future__ import annotations

import os
from datetime import UTC
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
    from types import TracebackType

    from svahub.hub import Hub, TenantHub
    from svahub.registry import Registry
    from svahub.store import Store

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Session:
    """One run of the command; closes the hub if it opened it."""

    def __init__(self, database: str | None, tenant: str, given: Hub | None = None) -> None:
        self.tenant = tenant
        self._database = database
        self._given = given

    @cached_property
    def database_url(self) -> str:
        """The store's address: the one asked for, or a file in the user's application directory, made on first use."""
        return self._database or _file_of_user()

    @cached_property
    def hub(self) -> Hub:
        """The hub that was given, or one on the store."""
        if self._given is not None:
            return self._given
        from svahub.hub import Hub

        return Hub.open(self.database_url)

    @cached_property
    def store(self) -> Store:
        """The store as it is, even one that no hub opens."""
        if self._given is not None:
            return self._given.store
        from svahub.store import Store

        return Store(self.database_url)

    @cached_property
    def registry(self) -> Registry:
        """What is installed, as the given hub sees it, or read anew."""
        from svahub.registry import Registry

        return self._given.registry if self._given is not None else Registry()

    @cached_property
    def office(self) -> TenantHub:
        """The hub, bound to the tenant and to who asks; raises UnknownName."""
        return self.hub.tenant(self.tenant, self.actor)

    @property
    def zone(self) -> tzinfo:
        """Where people read times: the tenant's zone, once the tenant was opened."""
        return self.office.bench.zone if "office" in self.__dict__ else UTC

    @cached_property
    def actor(self) -> str:
        """Who asks, where a command has no `--actor` of its own."""
        from svahub.cli.options import ACTOR_VARIABLE, os_user

        return os.environ.get(ACTOR_VARIABLE) or os_user()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._given is None:
            for opened in self.__dict__.keys() & {"hub", "store"}:
                getattr(self, opened).close()


def _file_of_user() -> str:
    folder = Path(click.get_app_dir("svahub"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'svahub.db'}"


pass_session = click.make_pass_decorator(Session)


def pass_hub(command: Callable[Concatenate[Hub, P], R]) -> Callable[P, R]:
    """Give a command the hub of all tenants as its first argument."""
    return _given_first(command, lambda session: session.hub)


def pass_office(command: Callable[Concatenate[TenantHub, P], R]) -> Callable[P, R]:
    """Give a command the hub of the chosen tenant as its first argument."""
    return _given_first(command, lambda session: session.office)


def _given_first(command: Callable[Concatenate[T, P], R], of: Callable[[Session], T]) -> Callable[P, R]:
    @wraps(command)
    def with_argument(*args: P.args, **kwargs: P.kwargs) -> R:
        session = click.get_current_context().find_object(Session)
        if session is None:
            raise RuntimeError("this command runs below svahub.cli.main")
        return command(of(session), *args, **kwargs)

    return with_argument
