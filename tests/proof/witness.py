"""A TeleClínica that remembers every request: of which person it was, what it asked, and from when to when."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from svahub.clock import Clock
from svahub.testing.http import Message, Request, Scope
from svahub_teleclinica.simulator import TeleClinicaSimulator

LEVELS = {"block", "unblock"}


@dataclass(slots=True)
class Call:
    """One request; `user` is its person's CPF."""

    began: float
    method: str = ""
    path: str = ""
    status: int = 0
    user: str | None = None
    ended: float = float("inf")

    @property
    def verb(self) -> str:
        """What it asks, as a step is called; "find" for all that only reads."""
        last = self.path.rpartition("/")[2]
        match self.method:
            case "GET":
                return "find"
            case "POST" if last in LEVELS:
                return last
            case "POST" if last == "users":
                return "create_user"
            case "DELETE" if "/plans/" not in self.path:
                return "cancel"
        return "change"


_call: ContextVar[Call] = ContextVar("call")


class Steady:
    """The provider's clock: time passes there as it does here, and nobody sets it back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.monotonic(), UTC)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Witness(TeleClinicaSimulator):
    """Remembers requests in `calls`; `seen` is called, with their number, before each is answered."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.calls: list[Call] = []
        self.seen: Callable[[int], None] = lambda _number: None
        self._people: dict[str, str] = {}

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        call = Call(time.monotonic())
        _call.set(call)
        try:
            await super().__call__(scope, receive, send)
        finally:
            call.ended = time.monotonic()

    def _note(self, request: Request, route: str, status: int) -> None:
        super()._note(request, route, status)
        call = _call.get()
        call.method, call.path, call.status, call.user = request.method, request.path, status, self._person(request)
        self.calls.append(call)
        self.seen(len(self.calls))

    def _person(self, request: Request) -> str | None:
        parts = request.path.strip("/").split("/")
        if parts[0] != "users":
            return None
        if len(parts) > 1:
            user = self.users.truth.get(parts[1])
            return user.cpf if user else None
        if request.method == "POST":
            body = request.json()
            self._people[body["externalReference"]] = body["cpf"]
            return str(body["cpf"])
        reference = request.query.get("externalReference", "")
        return request.query.get("cpf") or self._people.get(reference) or reference

    def of(self, cpf: str) -> list[Call]:
        """Return a person's requests in the order in which they began."""
        return sorted((c for c in self.calls if c.user == cpf), key=lambda c: c.began)

    def creates(self, cpf: str) -> int:
        """Return how often a user was asked for."""
        return sum(1 for call in self.of(cpf) if call.verb == "create_user")

    @property
    def creates_in_all(self) -> int:
        """How often a user was asked for, whoever it was."""
        return sum(1 for call in self.calls if call.verb == "create_user")

    def overlapping(self) -> list[tuple[Call, Call]]:
        """Return the requests of one person that were under way at once."""
        people: dict[str, list[Call]] = defaultdict(list)
        for call in sorted(self.calls, key=lambda c: c.began):
            if call.user is not None:
                people[call.user].append(call)
        pairs = ((a, b) for calls in people.values() for a, b in pairwise(calls))
        return [(first, second) for first, second in pairs if first.ended > second.began]
