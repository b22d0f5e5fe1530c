"""The outbox: which other systems are told what happens, what they have not taken, and telling them once more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from uuid import uuid4

from sqlalchemy import Connection

from svahub import secrets, signing
from svahub.areas.bench import Bench
from svahub.areas.integrations import checked_name
from svahub.courier import Courier, Destination, Reply, checked_url, host_of
from svahub.dispatching import send_signed
from svahub.errors import Refused, UnknownName
from svahub.news import News, body
from svahub.replies import advice
from svahub.store import catalogue, journal, messages, targets
from svahub.store.messages import Tally
from svahub.store.outbox import PAGE
from svahub.store.rows import MessageRow, TargetRow
from svahub.store.states import AuditKind, MessageState, NewsKind

SHOWN = 20
BOTH_VALID = timedelta(hours=24)
"""So long a rotation has messages bear the former signature too, unless somebody says otherwise."""
ADD = "Add one: svahub outbox add URL"


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target as people see it: `events` and `product_types` are what it is told of, empty: all but the sensitive.

    Until `former_until` messages bear the former secret's signature too.
    """

    name: str
    url: str
    events: Sequence[str]
    product_types: Sequence[str]
    secret: str
    former_until: datetime | None
    allow_private: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewTarget:
    """A target that was just added, or has another secret; `secret` is one that was made, which nothing tells again."""

    view: TargetView
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """How it stands with a target: messages that wait, those of them that were tried in vain, those that are parked.

    `lag_seconds` is since when the oldest of them is to be told; `delivered` and `failed` count all tries ever made.
    """

    target: str
    waiting: int
    failing: int
    parked: int
    oldest_at: datetime | None
    lag_seconds: float | None
    paused_until: datetime | None
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message that a target has not taken, and what to do about one that is parked."""

    id: int
    target: str
    event: str
    customer: str
    contract: str | None
    state: MessageState
    tries: int
    since: datetime
    status: int | None
    cause: str | None
    advice: str | None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """How it stands with all targets, and the oldest messages that were tried in vain."""

    targets: tuple[TargetStatus, ...]
    troubled: tuple[MessageView, ...]

    @property
    def needs_person(self) -> bool:
        """Whether a message waits for a person's decision."""
        return any(target.parked for target in self.targets)


@dataclass(frozen=True, slots=True)
class Replayed:
    """Which messages are sent once more, or would be; `left` are not there, or not whole any more."""

    replayed: int
    left: tuple[int, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """A target that is told nothing more, or would not be, and how many messages it never got."""

    name: str
    dropped: int
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Outbox:
    """What one tenant tells other systems."""

    bench: Bench

    # -- targets -------------------------------------------------------------------------------------------------------

    def add(
        self,
        url: str,
        *,
        name: str | None = None,
        kinds: Collection[NewsKind] = (),
        product_types: Collection[str] = (),
        secret: str | None = None,
        allow_private: bool = False,
        dry_run: bool = False,
    ) -> NewTarget:
        """Have a system told, from now on, what happens; `secret` is a reference or sealed, one is made without it.

        Refused when the name is taken, the secret is none, or nothing could ever be sent there.
        """
        checked_url(url, allow_private=allow_private)
        self._check_types(product_types)
        made, held = _secret(secret)
        called = _named(url) if name is None else checked_name("target", name)
        row = TargetRow(
            self.bench.tenant, called, url, sorted(kinds) or None, sorted(product_types) or None, held, None, None,
            allow_private, None, 0, 0, self.bench.now(),
        )  # fmt: skip
        told = {"url": url, "events": row.kinds, "product_types": row.product_types, "allow_private": allow_private}
        with self.bench.writing("outbox add", _subject(called), dry_run=dry_run, **told) as connection:
            if targets.one(connection, self.bench.tenant, called) is not None:
                raise Refused(f"There is a target {called!r} already. Choose another name: --name NAME")
            targets.add(connection, row)
        return NewTarget(_view(row), None if dry_run else made)

    def _check_types(self, named: Collection[str]) -> None:
        with self.bench.store.read() as connection:
            linked = {link.product_type for link in catalogue.links(connection, self.bench.tenant)}
        for name in sorted(set(named) - linked):
            self.bench.registry.providers_of(name)

    def list(self) -> Sequence[TargetView]:
        """Return every target."""
        with self.bench.store.read() as connection:
            return [_view(row) for row in targets.of_tenant(connection, self.bench.tenant)]

    def target(self, name: str) -> TargetRow:
        """Return a target's row; UnknownName when there is none of that name."""
        with self.bench.store.read() as connection:
            return self._target(connection, name)

    def _target(self, connection: Connection, name: str) -> TargetRow:
        row = targets.one(connection, self.bench.tenant, name)
        if row is None:
            raise UnknownName("target", name, [r.name for r in targets.of_tenant(connection, self.bench.tenant)], ADD)
        return row

    def rotate(
        self, name: str, secret: str | None = None, *, both_valid: timedelta = BOTH_VALID, dry_run: bool = False
    ) -> NewTarget:
        """Sign with another secret; for `both_valid` with the former one too, so that the target may change over."""
        made, held = _secret(secret)
        with self.bench.writing("outbox rotate", _subject(name), dry_run=dry_run) as connection:
            journal.locked_head(connection, self.bench.tenant)  # before the target, as who parks a message does
            row = self._target(connection, name)
            until = self.bench.store.now(connection) + both_valid
            row = replace(row, secret=held, former_secret=row.secret, former_until=until)
            targets.put_secrets(connection, row)
        return NewTarget(_view(row), None if dry_run else made)

    def remove(self, name: str, *, dry_run: bool = False) -> Removed:
        """Tell a system nothing more, not even what it has not taken yet."""
        with self.bench.writing("outbox remove", _subject(name), dry_run=dry_run) as connection:
            journal.locked_head(connection, self.bench.tenant)
            row = self._target(connection, name)
            left = _tally(connection, row)
            targets.remove(connection, row)
        return Removed(name, left.waiting + left.parked, dry_run)

    # -- messages ------------------------------------------------------------------------------------------------------

    def status(self, name: str | None = None, limit: int = SHOWN) -> Undelivered:
        """Return how it stands with every target, or with one."""
        with self.bench.store.read() as connection:
            rows = [self._target(connection, name)] if name else targets.of_tenant(connection, self.bench.tenant)
            tallies = messages.tallies(connection, [self.bench.tenant])
            now = self.bench.store.now(connection)
            troubled = messages.troubled(connection, self.bench.tenant, name, limit) if limit else ()
        stands = (_status(row, tallies.get((row.tenant, row.name), Tally()), now) for row in rows)
        return Undelivered(tuple(stands), tuple(map(_message_view, troubled)))

    def test(self, name: str) -> Reply:
        """Send a message that means nothing, and return what came of it; it stands in no line and is not repeated."""
        row, now = self.target(name), self.bench.now()
        about = News(NewsKind.TEST, "", "TEST")
        courier = Courier(Destination(row.url, row.allow_private), connections=1, monotonic=self.bench.clock.monotonic)
        try:
            reply = send_signed(courier, row, f"msg_{uuid4().hex}", body(about, row.tenant, now).encode(), now)
        finally:
            courier.close()
        with self.bench.store.write() as connection:
            subject, status = _subject(name), reply.status
            self.bench.record(connection, AuditKind.COMMAND, "outbox test", subject, status=status)
        return reply

    def replay(self, ids: Collection[int], *, dry_run: bool = False) -> Replayed:
        """Have messages sent once more, or at once, under their own ids: whoever keeps these takes none twice."""
        if not ids:
            raise Refused("Name messages to send again: svahub outbox status shows those that were not taken.")
        wanted = sorted(set(ids))
        with self.bench.writing("outbox replay", "outbox", dry_run=dry_run, messages=len(wanted)) as connection:
            done = messages.replay(connection, self.bench.tenant, wanted, self.bench.store.now(connection))
        return Replayed(len(done), tuple(sorted({*wanted} - {*done})), dry_run)

    def since(self, day: date, name: str | None = None) -> Iterator[int]:
        """Yield the messages that were made since a day began, the oldest first."""
        if name is not None:
            self.target(name)
        begin, after = datetime.combine(day, time(), self.bench.zone), 0
        while True:
            with self.bench.store.read() as connection:
                page = messages.ids_since(connection, self.bench.tenant, begin, name, after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def discard(self, id: int) -> MessageView:
        """Let a parked message go: its target never gets it, but what was held behind it."""
        with self.bench.writing("outbox discard", f"message {id}") as connection:
            row = messages.one(connection, self.bench.tenant, id)
            if row is None:
                raise UnknownName("message", str(id), [], "Those that were not taken: svahub outbox status")
            now = self.bench.store.now(connection)
            if not messages.discard(connection, row, now):
                raise Refused(f"Message {id} is {row.state.value}: only one that is parked can be let go.")
        return _message_view(row._replace(state=MessageState.DISCARDED, ended_at=now))


def _named(url: str) -> str:
    """Return what a target is called that nobody has named: as its host."""
    try:
        return checked_name("target", host_of(url))
    except Refused as error:
        raise Refused(f"Choose what to call the target, as its host will not do: --name NAME. {error}") from error


def _subject(name: str) -> str:
    return f"target {name}"


def _secret(given: str | None) -> tuple[str | None, str]:
    """Return a secret that was made, if none is given, and what to keep; Refused when what is given is none."""
    made = signing.new_secret() if given is None else None
    held = secrets.sealed(made) if made else secrets.kept(given or "")
    signing.key_of(made or secrets.resolve(held))
    return made, held


def _tally(connection: Connection, row: TargetRow) -> Tally:
    return messages.tallies(connection, [row.tenant]).get((row.tenant, row.name), Tally())


def _view(row: TargetRow) -> TargetView:
    return TargetView(
        row.name, row.url, row.kinds or [], row.product_types or [], secrets.shown(row.secret), row.former_until,
        row.allow_private, row.created_at,
    )  # fmt: skip


def _status(row: TargetRow, tally: Tally, now: datetime) -> TargetStatus:
    lag = None if tally.oldest is None else (now - tally.oldest).total_seconds()
    paused = row.paused_until if row.paused_until and row.paused_until > now else None
    return TargetStatus(
        row.name, tally.waiting, tally.failing, tally.parked, tally.oldest, lag, paused, row.sent, row.failed
    )


def _message_view(row: MessageRow) -> MessageView:
    return MessageView(
        row.id, row.target, row.kind.value, row.customer_id, row.contract_id, row.state, row.tries, row.created_at,
        row.status, row.cause, advice(row.id) if row.state is MessageState.PARKED else None,
    )  # fmt: skip
