"""Requests, answers and routes of a simulated provider, kept lean: benchmarks run against them. No socket here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

Scope = Mapping[str, Any]
Message = dict[str, Any]
T = TypeVar("T")


class Problem(Exception):
    """The provider refuses a request; `more` goes into the envelope beside code and message."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: str):
        self.status, self.code, self.message = status, code, message
        self.headers, self.more = headers or {}, more
        super().__init__(f"{status} {code}: {message}")


@dataclass(slots=True)
class Answer:
    """What the provider says; `body` becomes JSON, None an empty body, and bytes stay what they are."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the body as it is sent."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass
class Request:
    """One request below the base path, and what strikes it: its write lags (seconds), its page is `short`.

    `struck` are the names of all the faults that it meets.
    """

    method: str
    path: str
    query_string: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    lag: float = 0.0
    short: bool = False
    struck: frozenset[str] = frozenset()

    def header(self, name: str) -> str:
        """Return a header's value, "" without it."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), "")

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    def json(self) -> Any:
        """Return the body, its fractions as Decimal; raise Problem(400) for other than JSON."""
        if self.header("content-type").partition(";")[0].strip().lower() != "application/json":
            raise Problem(400, "not_json", "the content type has to be application/json")
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse_constant)
        except ValueError as error:
            raise Problem(400, "malformed_json", "the body is not JSON") from error

    def object(self) -> dict[str, Any]:
        """Return the body, a JSON object; raise Problem(422) for anything else that is JSON."""
        body = self.json()
        if not isinstance(body, dict):
            raise Problem(422, "invalid_body", "the body has to be an object")
        return body

    def form(self) -> dict[str, str]:
        """Return the fields of a form; raise Problem(400) for another content type."""
        if self.header("content-type").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            raise Problem(400, "not_a_form", "the content type has to be application/x-www-form-urlencoded")
        return dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))


def listed(request: Request, rows: Sequence[Mapping[str, Any]], total: int, **more: int) -> Answer:
    """Return a page of a listing as many providers write it; one that is to be short lacks its last row."""
    return Answer(200, {"data": rows[:-1] if request.short else rows, "total": total, **more})


def one_page(request: Request, rows: Sequence[T], size: int) -> tuple[Sequence[T], bool]:
    """Return the next page of the rows that are left, and whether more follow; a short one leaves its last row to them.

    For listings by cursor, which count nothing: a page with fewer rows than were asked for is no last one. A short page
    keeps one row, so that the cursor goes on.
    """
    shown = rows[: max(1, min(size, len(rows)) - request.short)]
    return shown, len(shown) < len(rows)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


Handler = Callable[..., Answer]


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Mark a method as the answer to a route; each `{name}` in the path is passed to it by keyword, after the request.

    The path is below the simulator's base path.
    """

    def mark(handler: Handler) -> Handler:
        handler.__dict__["route"] = (method, path)
        return handler

    return mark


@dataclass(frozen=True, slots=True)
class Match:
    """The handler that answers a request; `route` names it without the request's own ids."""

    route: str
    handler: Handler
    parameters: dict[str, str]

    def answer(self, request: Request) -> Answer:
        """Return what the handler says."""
        return self.handler(request, **self.parameters)


class Routes:
    """Finds the method of an owner that answers a request, among those of the same number of path segments."""

    def __init__(self, owner: object) -> None:
        self._by_length: dict[int, list[tuple[str, list[str], Handler]]] = {}
        self.add(owner)

    def add(self, owner: object) -> None:
        """Take the marked methods of one more owner."""
        for name in dir(type(owner)):
            method, path = getattr(getattr(type(owner), name), "route", (None, ""))
            if method is not None:
                segments = path.split("/")
                self._by_length.setdefault(len(segments), []).append((method, segments, getattr(owner, name)))
        for patterns in self._by_length.values():
            patterns.sort(key=_parameter_count)  # /plans/all goes before /plans/{plan_id}

    def known(self) -> set[tuple[str, str]]:
        """Return the method and path of every route."""
        patterns = (pattern for several in self._by_length.values() for pattern in several)
        return {(method, "/".join(segments)) for method, segments, _ in patterns}

    def find(self, method: str, path: str) -> Match:
        """Return the match; raise Problem(404) for an unknown path, Problem(405) for another method."""
        segments, known = path.split("/"), False
        for candidate, pattern, handler in self._by_length.get(len(segments), ()):
            parameters = _parameters(pattern, segments)
            if parameters is not None:
                if candidate == method:
                    return Match(f"{method} {'/'.join(pattern)}", handler, parameters)
                known = True
        if known:
            raise Problem(405, "method_not_allowed", "this path does not take that method")
        raise Problem(404, "no_such_route", "there is no such path")


def _parameter_count(pattern: tuple[str, list[str], Handler]) -> int:
    return sum(segment.startswith("{") for segment in pattern[1])


def _parameters(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    found = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            found[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return found
