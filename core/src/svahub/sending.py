"""One exchange with a provider, from the gate to the record: sent once, read, understood and recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from pydantic import ValidationError
from pydantic_core import from_json

from svahub import points
from svahub.answers import Answer, failed, refused, unusable
from svahub.authentication import TokenRefused
from svahub.errors import NotApplied, ProviderError, Refusal
from svahub.exchange import SHOWN_BYTES, Exchange, Recorder, current_attempt, shown_body
from svahub.literals import about
from svahub.masking import HIDDEN, mask_headers, mask_query, mask_text, personal_values
from svahub.points import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from svahub.exchange import Mask

    Translate = Callable[[Answer], ProviderError | None]
    Params = Mapping[str, str | int | bool | None]

T = TypeVar("T")

_ALWAYS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "svahub"}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_parsed_url = lru_cache(maxsize=256)(httpx.URL)


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be sent to `url`; `writes` says whether repeating it blindly could do harm.

    What answers a `confidential` call is kept nowhere: it lets whoever has it in.
    """

    method: str
    url: str
    path: str
    writes: bool
    max_bytes: int
    content: bytes = field(default=b"", repr=False)
    content_type: str = ""
    params: Params | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    confidential: bool = False

    @property
    def shown_path(self) -> str:
        """The path and the query, masked."""
        query = mask_query(self.params) if self.params else ""
        return mask_text(self.path) + (f"?{query}" if query else "")

    def request(self, credentials: Mapping[str, str], timeout: float) -> httpx.Request:
        """Return what httpx sends; given a stream it adds no headers, which takes it thrice as long as all the rest."""
        url = _parsed_url(self.url)
        if self.params:
            url = httpx.URL(url, params={name: value for name, value in self.params.items() if value is not None})
        request = httpx.Request(
            self.method,
            url,
            headers={"Host": url.netloc.decode(), **_ALWAYS, **(self.headers or {}), **credentials, **self._framing},
            stream=httpx.ByteStream(self.content),
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)},
        )
        request.read()  # so that fakes of a transport find its content
        return request

    @property
    def _framing(self) -> dict[str, str]:
        if self.content:
            return {"Content-Type": self.content_type, "Content-Length": str(len(self.content))}
        return {"Content-Length": "0"} if self.method in _WITH_BODY else {}


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a plugin says that answers mean; it is asked of successes as well where they are `doubted`."""

    translate: Translate
    doubted: bool


@dataclass(frozen=True, slots=True)
class _Received:
    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Sender:
    """Makes exchanges over one transport; holds nothing that a call changes, so threads share it."""

    transport: httpx.BaseTransport
    timeout: float
    gate: Callable[[float], None]
    recorder: Recorder
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    mask: Mask
    turn: Callable[[], None]

    def exchange(
        self,
        call: Call,
        credentials: Mapping[str, str],
        read: Callable[[bytes], T],
        *,
        translate: Translate,
        doubted: bool = False,
        renewable: bool = False,
    ) -> T:
        """Send `call` once and return its body as `read` reads it.

        With `renewable` credentials a 401 raises TokenRefused; other error answers mean what `translate` says, or
        what HTTP says where that returns None. It is asked about successes too where they are `doubted`.
        """
        with about(*_told(call)):
            return self._exchanged(call, credentials, read, _Meaning(translate, doubted), renewable)

    def _exchanged(
        self,
        call: Call,
        credentials: Mapping[str, str],
        read: Callable[[bytes], T],
        meaning: _Meaning,
        renewable: bool,
    ) -> T:
        self.turn()
        request = call.request(credentials, self.timeout)
        at, started = self.now(), self.monotonic()
        # counted from before the gate: a process that is frozen behind it sends nothing when it is thawed
        request.extensions["deadline"] = started + self.timeout
        self.gate(self.timeout)
        received: _Received | None = None
        failure: ProviderError | None = None
        try:
            received = self._received(call, request)
            if received.status == 401 and renewable:
                raise TokenRefused
            return _understood(call, received, read, meaning, at)
        except ProviderError as error:
            failure = error
            raise
        finally:
            self._record(call, request, received, failure, at, self.monotonic() - started)

    def _received(self, call: Call, request: httpx.Request) -> _Received:
        try:
            points.reached(Point.BEFORE_SEND)
            response = self.transport.handle_request(request)
            points.reached(Point.SENT)
            try:
                content = _body(response, call.max_bytes)
            finally:
                response.close()
        except httpx.HTTPError as error:
            failure = failed(error, call.method, writes=call.writes)
        else:
            if content is None:
                problem = f"it is longer than {call.max_bytes} bytes"
                failure = unusable(call.method, problem, writes=call.writes)
            else:
                return _Received(response.status_code, response.headers, content)
        raise failure  # outside of the handler: a chained httpx error may quote what the provider sent

    def _record(
        self,
        call: Call,
        request: httpx.Request,
        received: _Received | None,
        failure: ProviderError | None,
        at: datetime,
        seconds: float,
    ) -> None:
        self.recorder.record(
            Exchange(
                method=call.method,
                path=call.shown_path,
                status=received.status if received else None,
                milliseconds=seconds * 1000,
                request_headers=mask_headers(request.headers),
                request_body=shown_body(call.content, call.content_type, self.mask),
                response_headers=mask_headers(received.headers) if received else {},
                response_body=_shown_answer(call, received, self.mask) if received else None,
                error=f"{type(failure).__name__}: {failure}" if failure else None,
                at=at,
                attempt=current_attempt(),
                wrote=call.writes and _taken(received, failure),
            )
        )


def _taken(received: _Received | None, failure: ProviderError | None) -> bool:
    """Say whether the provider did what it was asked, or may have: what it answered is no refusal."""
    if failure is not None:
        return not isinstance(failure, NotApplied | Refusal)
    return received is not None and 200 <= received.status < 300


def _told(call: Call) -> Iterable[str]:
    """Return what the call tells of a person: the answer may repeat it anywhere. An attempt says whom it is about."""
    if current_attempt() is not None:
        return ()
    sent, _ = _parsed(call.content)
    return (*personal_values(sent), *personal_values(call.params))


def _shown_answer(call: Call, received: _Received, mask: Mask) -> str | None:
    if call.confidential:
        return HIDDEN
    return shown_body(received.content, received.headers.get("content-type", ""), mask)


def _body(response: httpx.Response, max_bytes: int) -> bytes | None:
    """Return the whole body, None when it is longer than `max_bytes`."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > max_bytes:
            return None
    return bytes(content)


def _understood(call: Call, received: _Received, read: Callable[[bytes], T], meaning: _Meaning, at: datetime) -> T:
    if not 200 <= received.status < 300:
        answer = _answer(call, received)
        raise meaning.translate(answer) or refused(answer, at, writes=call.writes)
    if meaning.doubted and (failure := meaning.translate(_answer(call, received))):
        raise failure
    try:
        return read(received.content)
    except ValidationError as error:
        problem = _problem(error)
    raise unusable(call.method, problem, writes=call.writes)  # unchained: pydantic quotes the provider's values


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return mask_text(f"{field or 'body'} ({first['type']})")


def _answer(call: Call, received: _Received) -> Answer:
    body, is_json = _parsed(received.content)
    sent, _ = _parsed(call.content)
    return Answer(
        method=call.method,
        status=received.status,
        headers=received.headers,
        json=body,
        is_json=is_json,
        hidden=tuple(value for value in personal_values(sent) if len(value) > 2),
        text="" if is_json else received.content[:SHOWN_BYTES].decode(errors="replace"),
        writes=call.writes,
    )


def _parsed(content: bytes) -> tuple[Any, bool]:
    """Return parsed JSON, and whether it is any; nothing at all passes for JSON."""
    if not content:
        return None, True
    try:
        return from_json(content), True
    except ValueError:
        return None, False
