"""The HTTP client handed to every plugin: authentication, one deadline, limits, recording, and errors of `errors.py`.

A plugin says what it calls and what it expects; nothing of httpx reaches it. Retrying is the core's part.
"""

from __future__ import annotations

import copy
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

import httpx
from pydantic import BaseModel
from pydantic_core import to_json

from svahub.addresses import is_loopback
from svahub.answers import READS, Answer
from svahub.authentication import TokenExchange, TokenRefused, fixed, token_refused, token_request
from svahub.errors import AuthenticationCause, AuthenticationFailed, PluginBug, ProviderError, Refused
from svahub.exchange import Exchange, Recorder, Unrecorded, recording
from svahub.literals import about
from svahub.masking import mask_json
from svahub.sending import Call, Sender
from svahub.settings import ClientCredentials, KeysForToken, NoAuth
from svahub.slots import Slots
from svahub.tls import SYSTEM
from svahub.tokens import TOKENS
from svahub.transport import DeadlineTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from svahub.authentication import Authentication, Presented, Read, TokenRequest
    from svahub.exchange import Mask
    from svahub.sending import Params, Translate
    from svahub.settings import Auth, Trust
    from svahub.tokens import TokenAnswer, TokenCache

    Body = BaseModel | Mapping[str, Any] | None

__all__ = ["Answer", "Exchange", "ProviderClient", "Recorder", "Verb", "about", "checked_url", "recording"]

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

MAX_BYTES = 8 * 1024 * 1024
"""A longer answer is not read to its end."""

RENEWALS = 2
"""So often a refused token is replaced: by one that others fetched, and when that is refused, too, by a new one."""

_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~!$&'()*+,;=:@%-]+)+/?", re.ASCII)


class Verb:
    """One HTTP method of a client, called like a function; what only `asks` may be repeated, whatever the method."""

    def __init__(self, client: ProviderClient, method: str, *, asks: bool = False) -> None:
        self._client, self._method, self._writes = client, method, not asks and method not in READS

    @overload
    def __call__(
        self,
        path: str,
        body: Body = None,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        returns: type[M],
        max_bytes: int = MAX_BYTES,
        confidential: bool = False,
    ) -> M: ...

    @overload
    def __call__(
        self,
        path: str,
        body: Body = None,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        returns: None = None,
        max_bytes: int = MAX_BYTES,
        confidential: bool = False,
    ) -> None: ...

    def __call__(
        self,
        path: str,
        body: Body = None,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        returns: type[M] | None = None,
        max_bytes: int = MAX_BYTES,
        confidential: bool = False,
    ) -> M | None:
        """Send `body` as JSON to `path` below the base URL and return the answer as `returns`.

        Parameters that are None are left out. What answers a `confidential` call is not recorded. Raise one of the
        `ProviderError`s for whatever else happens.
        """
        content = _content(body)
        call = Call(
            method=self._method,
            url=self._client.url(path),
            path=path,
            writes=self._writes,
            max_bytes=max_bytes,
            content=content,
            content_type="application/json" if content else "",
            params=params,
            headers={**self._client.headers, **(headers or {})},
            confidential=confidential,
        )
        return self._client.perform(call, returns.model_validate_json if returns else _nothing)


def _content(body: Body) -> bytes:
    if body is None:
        return b""
    if isinstance(body, BaseModel):
        return body.model_dump_json(by_alias=True, exclude_none=True).encode()
    return to_json(dict(body))


def _nothing(_: bytes) -> None:
    return None


def _untranslated(_: Answer) -> ProviderError | None:
    return None


def _open_gate(_: float) -> None:
    return None


def _at_once() -> None:
    return None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ProviderClient:
    """Calls one integration's provider; safe for threads, to be closed.

    `hosts` are the host names that may be called, by https; a loopback address always may, by http too. `timeout` is
    in seconds and limits a call in all. `gate` is asked with the timeout just before each send and raises NotSent when
    it must not happen; `turn` is awaited before that, and takes nothing of the timeout. `former` are credentials that
    may still be the right ones; `reread` returns all of them as they are kept now, once those that are known were
    refused. `sleep` lets time pass between the calls of one long listing. `trust` says which servers are taken for whom
    they say they are; `transport` is the seam for fakes.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: Auth | None = None,
        former: Sequence[Auth] = (),
        reread: Callable[[], Sequence[Auth]] = lambda: (),
        timeout: float = 5.0,
        connections: int = 32,
        hosts: frozenset[str] = frozenset(),
        recorder: Recorder | None = None,
        gate: Callable[[float], None] = _open_gate,
        turn: Callable[[], None] = _at_once,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
        trust: Trust = SYSTEM,
        transport: httpx.BaseTransport | None = None,
        tokens: TokenCache = TOKENS,
        mask: Mask = mask_json,
    ) -> None:
        self._base = checked_url(base_url, hosts).rstrip("/")
        self._sender = Sender(
            transport=transport or DeadlineTransport(connections=connections, monotonic=monotonic, trust=trust),
            timeout=timeout,
            gate=gate,
            recorder=Unrecorded() if recorder is None else recorder,
            monotonic=monotonic,
            now=now,
            mask=mask,
            turn=turn,
        )
        self._slots = Slots(
            (auth or NoAuth(), *former), lambda given: self._authenticated(given, hosts, tokens), reread, monotonic
        )
        self.headers: Mapping[str, str] = {}
        self.sleep = sleep
        self._understand(_untranslated)

    def _understand(self, translate: Translate, *, doubted: bool = False) -> None:
        self._translate, self._doubted = translate, doubted
        self.get, self.post, self.put = Verb(self, "GET"), Verb(self, "POST"), Verb(self, "PUT")
        self.patch, self.delete = Verb(self, "PATCH"), Verb(self, "DELETE")
        self.ask = Verb(self, "POST", asks=True)

    def translating(
        self, translate: Translate, headers: Mapping[str, str] | None = None, *, successes: bool = False
    ) -> ProviderClient:
        """Return a client over the same connections that first asks `translate` what an error answer means.

        `headers` are sent with every call, a User-Agent of the plugin's own for example. With `successes` it is asked
        of each answer: some providers refuse with 200. `ask` is for their POSTs that change nothing.
        """
        client = copy.copy(self)
        client.headers = headers or {}
        client._understand(translate, doubted=successes)
        return client

    def url(self, path: str) -> str:
        """Return the address of a path below the base URL."""
        if not _PATH.fullmatch(path):
            raise PluginBug("a path begins with '/', has no empty or dotted parts, and its values are quoted")
        return self._base + path

    @property
    def proven(self) -> bool:
        """Whether the provider has taken the current credentials."""
        return self._slots.proven

    def now(self) -> datetime:
        """Return the instant, by the clock that everything here goes by."""
        return self._sender.now()

    def permit(self, timeout: float) -> None:
        """Ask leave to send what does not go through this client, a mail say, and takes up to `timeout` seconds.

        Raises NotSent when it must not happen now: the lease ends before, or the integration is stopped.
        """
        self._sender.gate(timeout)

    def perform(self, call: Call, read: Callable[[bytes], T]) -> T:
        """Authenticate and make the call; while the credentials are refused, again with the next that may be right."""
        turn = self._slots.in_turn()
        slot = next(turn)
        while True:
            try:
                result = self._performed(call, read, slot.authentication)
            except AuthenticationFailed as refusal:
                following = None if refusal.cause is AuthenticationCause.PERMISSION else next(turn, None)
                if following is None:
                    raise
                slot = following
            else:
                self._slots.taken(slot)
                return result

    def _performed(self, call: Call, read: Callable[[bytes], T], authentication: Authentication) -> T:
        """Make the call; a token that is no longer accepted is renewed once."""
        presented = authentication.presented()
        for _ in range(RENEWALS):
            try:
                return self._exchanged(call, read, presented, renewable=presented.renewable)
            except TokenRefused:
                presented = authentication.instead_of(presented)
        return self._exchanged(call, read, presented, renewable=False)

    def _exchanged(self, call: Call, read: Callable[[bytes], T], presented: Presented, *, renewable: bool) -> T:
        return self._sender.exchange(
            call, presented.headers, read, translate=self._translate, doubted=self._doubted, renewable=renewable
        )

    def close(self) -> None:
        """Close the connections, also those of clients made by `translating`."""
        self._sender.transport.close()

    def __enter__(self) -> ProviderClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _authenticated(self, auth: Auth, hosts: frozenset[str], tokens: TokenCache) -> Authentication:
        if not isinstance(auth, ClientCredentials | KeysForToken):
            return fixed(auth)
        address = self.url(auth.token_url) if auth.token_url.startswith("/") else checked_url(auth.token_url, hosts)
        sender = self._sender

        def fetch(request: TokenRequest, read: Read) -> TokenAnswer:
            call = Call(
                method="POST",
                url=address,
                path=httpx.URL(address).path,
                writes=False,
                max_bytes=MAX_BYTES,
                content=request.content,
                content_type=request.content_type,
            )
            return sender.exchange(call, {}, read, translate=token_refused)

        return TokenExchange(token_request(auth), address, fetch, tokens, sender.now, sender.timeout)


def checked_url(url: str, hosts: frozenset[str]) -> str:
    """Return the URL if calls may go there: https to one of `hosts`, anything to a loopback address."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise Refused("The base URL is no URL. Write it as https://host/path.") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise Refused("A base URL is http(s)://host/path, without user, query and fragment.")
    if is_loopback(parsed.host):
        return url
    if parsed.scheme == "http":
        raise Refused(f"Plain http goes only to this machine, not to {parsed.host}. Use https.")
    if parsed.host not in {host.lower() for host in hosts}:
        known = ", ".join(sorted(hosts)) or "none"
        raise Refused(f"{parsed.host} is no host of this provider in this environment; there is: {known}.")
    return url
