"""One request on its connection, and every way in which a simulator answers it, badly or not at all."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from svahub.testing.faults import Fault
from svahub.testing.http import Answer, Message, Problem, Request, Scope
from svahub.testing.server import TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from svahub.testing.faults import Timings
    from svahub.testing.server import Corked

CHUNK = b" " * 2**20
SLICES = 20
UNHEARD = {"somethingNew": {"id": "new", "status": "NEW"}, "something_new": ["new"]}
UNHEARD_VALUE = "SOMETHING_NEW"
KINDS = frozenset({"status", "type", "kind", "state"})
UNANSWERED = 0
"""The status of a request that got no answer."""


async def read(scope: Scope, receive: Callable[[], Awaitable[Message]], base_path: str) -> Request:
    """Return the request with its whole body; its path is below `base_path` where it can be."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return Request(
        scope["method"], scope["path"].removeprefix(base_path), scope["query_string"], scope["headers"], body
    )


@dataclass(slots=True)
class Exchange:
    """The connection's side of one request."""

    scope: Scope
    receive: Callable[[], Awaitable[Message]]
    send: Callable[[Message], Awaitable[None]]

    @property
    def transport(self) -> Corked:
        """The connection itself."""
        transport: Corked = self.scope["extensions"][TRANSPORT]
        return transport

    async def deliver(self, answer: Answer) -> None:
        """Send the answer as it is."""
        content = answer.content()
        with self.transport.corked():
            await self.send(_start(answer, len(content)))
            await self.send({"type": "http.response.body", "body": content})

    async def deliver_malformed(self, answer: Answer) -> None:
        """Send a body that ends in the middle of its JSON, as if it were whole."""
        content = answer.content()[:-1] + b',"'
        await self.send(_start(answer, len(content)))
        await self.send({"type": "http.response.body", "body": content})

    async def deliver_truncated(self, answer: Answer) -> None:
        """Announce the whole body, send half of it, and close."""
        content = answer.content() or b"{}"
        await self.send(_start(answer, len(content)))
        await self.send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        self.transport.close()
        await self.silence()

    async def deliver_huge(self, answer: Answer, size: int) -> None:
        """Send megabytes of white space before the body, without announcing its length."""
        await self.send(_start(answer, None))
        for _ in range(size // len(CHUNK)):
            await self.send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        await self.send({"type": "http.response.body", "body": answer.content()})

    async def deliver_dripping(self, answer: Answer, seconds: float) -> None:
        """Send the body in slices, with a pause before each."""
        content = answer.content() or b"{}"
        size = max(1, len(content) // SLICES)
        await self.send(_start(answer, len(content)))
        for begin in range(0, len(content), size):
            await asyncio.sleep(seconds)
            more = begin + size < len(content)
            await self.send({"type": "http.response.body", "body": content[begin : begin + size], "more_body": more})

    async def cut(self) -> None:
        """Close the connection without an answer."""
        self.transport.abort()
        await self.silence()

    async def silence(self) -> None:
        """Say nothing until the connection is gone."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


def _start(answer: Answer, length: int | None) -> Message:
    told = {"content-type": "application/json"} | {name.lower(): value for name, value in answer.headers.items()}
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def refusal(fault: Fault, timings: Timings, elsewhere: str, request: Request) -> Problem | None:
    """Return what the provider says instead of doing what it was asked; None if it says nothing at all."""
    match fault:
        case Fault.RATE_LIMIT:
            return Problem(429, "too_many_requests", "too many requests")
        case Fault.RATE_LIMIT_RETRY_AFTER:
            wait = {"Retry-After": str(timings.retry_after_seconds)}
            return Problem(429, "too_many_requests", "too many requests", wait)
        case Fault.ERROR_BEFORE:
            return server_error()
        case Fault.UNAUTHORIZED:
            return Problem(401, "unauthorized", "what was presented has expired")
        case Fault.REPEATING:
            told = request.body or request.query_string
            return Problem(422, "refused", f"this is not taken: {told.decode(errors='replace')}")
        case Fault.REDIRECT:
            return Problem(302, "moved", "it is elsewhere", {"Location": elsewhere})
    return None


def server_error() -> Problem:
    """Return the provider's failure of its own."""
    return Problem(500, "internal_error", "something went wrong")


def spoiled(
    fault: Fault, exchange: Exchange, answer: Answer, *, huge_bytes: int, drip_seconds: float
) -> Awaitable[Any]:
    """Return how the answer to an applied request goes wrong on its way."""
    match fault:
        case Fault.DROP_AFTER:
            return exchange.cut()
        case Fault.TIMEOUT_AFTER:
            return exchange.silence()
        case Fault.MALFORMED:
            return exchange.deliver_malformed(answer)
        case Fault.TRUNCATED:
            return exchange.deliver_truncated(answer)
        case Fault.HUGE:
            return exchange.deliver_huge(answer, huge_bytes)
        case Fault.DRIP:
            return exchange.deliver_dripping(answer, drip_seconds)
        case Fault.UNKNOWN_FIELDS | Fault.UNKNOWN_VALUES:
            return exchange.deliver(replace(answer, body=grown(fault, json.loads(answer.content() or b"null"))))
    return exchange.deliver(answer)


def grown(fault: Fault, body: Any) -> Any:
    """Return a body as the provider's next version writes it: with fields, or kinds of things, that were not there."""
    if isinstance(body, list):
        return [grown(fault, one) for one in body]
    if not isinstance(body, dict):
        return body
    whole = {name: grown(fault, value) for name, value in body.items()}
    if fault is Fault.UNKNOWN_FIELDS:
        return whole | UNHEARD
    return {name: UNHEARD_VALUE if _is_a_kind(name, value) else value for name, value in whole.items()}


def _is_a_kind(name: str, value: object) -> bool:
    return isinstance(value, str) and name.lower() in KINDS


def one_page_back(query: dict[str, str]) -> dict[str, str]:
    """Return what asks for the page before the one that `query` asks for, by a page's number or by an offset."""
    if query.get("page", "").isdecimal():
        return query | {"page": str(max(1, int(query["page"]) - 1))}
    if query.get("offset", "").isdecimal() and query.get("limit", "").isdecimal():
        return query | {"offset": str(max(0, int(query["offset"]) - int(query["limit"])))}
    return query
