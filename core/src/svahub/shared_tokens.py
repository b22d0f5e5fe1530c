"""Access tokens that the processes of an installation share through its store, where one at a time fetches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection

from svahub import logbook, secrets
from svahub.errors import Refused
from svahub.literals import remember_token
from svahub.owners import Owner, dead
from svahub.secrets import Safe
from svahub.store import Store, tokens
from svahub.store.queue import Lane
from svahub.store.tokens import Hold, TokenRow
from svahub.tokens import TOKENS, MemoryTokens, Token

if TYPE_CHECKING:
    from svahub.tokens import Fetch, Usable

T = TypeVar("T")

LONGEST_HOLD = timedelta(seconds=60)
"""No call takes longer; a hold that seems to is one from before the clock was set back."""

PAUSE = 0.05
"""Seconds between two looks at a token that somebody else fetches."""

OTHER_KEY = (
    "the store has tokens that do not open with this process's key: set the same SVAHUB_SECRET_KEY wherever svahub runs"
)


class Look(NamedTuple):
    """A row as it was seen, and when by the store's clock; `strange`: something is sealed with a key that we lack."""

    row: TokenRow | None
    at: datetime
    strange: bool = False


def is_free(row: TokenRow | None, now: datetime) -> bool:
    """Say whether nobody fetches a token: no hold, one that is over or longer than any, one of a process that ended."""
    if row is None or row.owner is None or row.owned_until is None:
        return True
    return not timedelta() < row.owned_until - now <= LONGEST_HOLD or bool(dead([row.owner]))


@dataclass(frozen=True)
class _Shelf:
    """Where one token lies in the store; instants there are by the store's clock, those of tokens by this machine's."""

    store: Store
    lane: Lane
    safe: Safe
    key: str
    name: str

    def look(self) -> Look:
        """Return what lies there; where nothing does, look at the tenant's others."""
        with self.store.read() as connection:
            row, at = tokens.one(connection, self.lane.tenant, self.name), self.store.now(connection)
            others = tokens.of_tenant(connection, self.lane.tenant) if row is None else [row]
        return Look(row, at, any(other.sealed and self.safe.open(other.sealed) is None for other in others))

    def token(self, look: Look) -> Token | None:
        """Return the token that was seen, None when there is none or it does not open."""
        row = look.row
        value = self.safe.open(row.sealed) if row and row.sealed else None
        if value is None or row is None or row.use_until is None:
            return None
        remember_token(self.key, value)
        return Token(SecretStr(value), self.store.clock.now() + (row.use_until - look.at))

    def take(self, look: Look, seconds: float) -> Hold | None:
        """Keep everybody else from fetching for so long; None when somebody was quicker."""
        hold = Hold(str(Owner.this_process()), look.at + min(timedelta(seconds=seconds), LONGEST_HOLD))

        def taken(connection: Connection) -> bool:
            if look.row is None:
                return tokens.add_held(connection, self.lane.tenant, self.name, self.lane.integration, hold)
            return tokens.hold(connection, look.row, hold)

        return hold if self.store.transact(taken) else None

    def put(self, hold: Hold, token: Token) -> None:
        """Keep a token for everybody, and end the hold."""
        sealed = self.safe.seal(token.value.get_secret_value())
        left = token.use_until - self.store.clock.now()

        def kept(connection: Connection) -> None:
            until = self.store.now(connection) + left
            tokens.put(connection, self.lane.tenant, self.name, hold, self.lane.integration, sealed, until)

        self.store.transact(kept)

    def release(self, hold: Hold) -> None:
        """End a hold that brought nothing."""
        self.store.transact(lambda connection: tokens.release(connection, self.lane.tenant, self.name, hold))


@dataclass
class SharedTokens:
    """Tokens of one integration, shared with whoever bears the same credentials in its tenant.

    A token that is young is taken from memory. Otherwise the store is asked, where processes keep tokens encrypted with
    `SVAHUB_SECRET_KEY`, and one at a time fetches a new one: it holds the row for as long as a call takes, and who has
    ended on this host holds nothing. Without that key each process has tokens of its own, in its memory. So it has
    while key or store cannot be used, which is logged: a call needs a token, not the store.
    """

    store: Store
    lane: Lane
    memory: MemoryTokens = TOKENS
    _told: set[str] = field(default_factory=set)

    def token(self, key: str, usable: Usable, fetch: Fetch, timeout: float) -> Token:
        """Return the token of the memory or of the store, or else a new one; raises what `TokenCache.token` does."""
        return self.memory.token(key, usable, lambda: self._shared(key, usable, fetch, timeout), timeout)

    def _shared(self, key: str, usable: Usable, fetch: Fetch, timeout: float) -> Token:
        shelf = self._unless_refused(lambda: self._shelf(key))
        if shelf is None:
            return fetch()
        found = self._unless_refused(lambda: self._found(shelf, usable, timeout))
        if isinstance(found, Token):
            return found
        return fetch() if found is None else self._fetched(shelf, found, fetch)

    def _shelf(self, key: str) -> _Shelf | None:
        safe = secrets.safe()
        return _Shelf(self.store, self.lane, safe, key, safe.name(key)) if safe else None

    def _found(self, shelf: _Shelf, usable: Usable, timeout: float) -> Token | Hold:
        """Return a usable token, or the hold under which to fetch one; TimeoutError when others hold it too long."""
        clock = self.store.clock
        deadline = clock.monotonic() + timeout
        while True:
            look = shelf.look()
            token = shelf.token(look)
            if token is not None and usable(token):
                return token
            if is_free(look.row, look.at) and (hold := shelf.take(look, timeout)):
                if look.strange:
                    self._tell(OTHER_KEY)
                return hold
            if clock.monotonic() >= deadline:
                raise TimeoutError
            clock.sleep(PAUSE)

    def _fetched(self, shelf: _Shelf, hold: Hold, fetch: Fetch) -> Token:
        try:
            token = fetch()
        except BaseException:
            self._unless_refused(lambda: shelf.release(hold))
            raise
        self._unless_refused(lambda: shelf.put(hold, token))
        return token

    def _unless_refused(self, ask: Callable[[], T]) -> T | None:
        """Return what key and store give, None when they cannot be used."""
        try:
            return ask()
        except Refused as refusal:
            self._tell(str(refusal))
            return None

    def _tell(self, why: str) -> None:
        if why not in self._told:
            self._told.add(why)
            logbook.tokens_not_shared(self.lane, why)
