"""API keys: made, listed and revoked by whoever reads the store, and what the bearer of one may do.

A key is the ISP's own, or that of a partner whom a plugin serves: then its whole name begins with the plugin's. A key
is random and shown once; the store has its SHA-256, which for 256 random bits is as good as a slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.areas.integrations import checked_name
from svahub.errors import Refused, UnknownName
from svahub.store import Store, keys
from svahub.store.keys import KeyRow
from svahub.store.states import Permission

PREFIX = "svahub_"
"""Lets scanners for leaked credentials know one of ours."""
RANDOM_BYTES = 32
APART = "/"
"""Between a plugin and its partner's key; no name has it."""
NOTED_EVERY = timedelta(minutes=1)
"""So exact is it known when a key was used last."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as people see it; `actor` made it."""

    name: str
    permission: Permission
    actor: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, and the secret, which nothing tells again."""

    view: KeyView
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who presented a key; `noted_at` is when its use was last written down."""

    tenant: str
    name: str
    permission: Permission
    noted_at: datetime | None

    @property
    def actor(self) -> str:
        """Return who acts, for the books."""
        return f"key:{self.name}"

    @property
    def partner(self) -> str | None:
        """The plugin that serves the bearer, None for an ISP's own key."""
        return self.name.partition(APART)[0] if self.permission is Permission.PARTNER else None

    def is_to_be_noted(self, now: datetime) -> bool:
        """Say whether it is long enough ago that its use was written down."""
        return self.noted_at is None or now - self.noted_at >= NOTED_EVERY


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one tenant; of a plugin's `partner` only those that it was given."""

    bench: Bench
    partner: str | None = None

    def create(self, name: str, permission: Permission) -> NewKey:
        """Make a key; refused when its name is, or was, another's: the books know a bearer by that name alone."""
        if (permission is Permission.PARTNER) != (self.partner is not None):
            raise Refused("Keys with the permission partner, and no others, are made by the plugin that serves one.")
        secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        subject = _subject(whole := self._whole(checked_name("key", name)))
        with self.bench.writing("keys create", subject, permission=permission.value) as connection:
            now, actor = self.bench.store.now(connection), entries.acting(self.bench.actor)
            row = KeyRow(self.bench.tenant, whole, _hash(secret), permission, actor, now, None, None)
            if not keys.add(connection, row):
                raise Refused(f"There is, or was, a key {name!r}. Choose another name: the books tell keys by it.")
        return NewKey(self._view(row), secret)

    def list(self) -> Sequence[KeyView]:
        """Return every key, revoked ones too."""
        with self.bench.store.read() as connection:
            return [self._view(row) for row in self._rows(connection)]

    def revoke(self, name: str) -> KeyView:
        """Let a key open nothing more, from the next request on; refused when it is revoked already."""
        whole = self._whole(name)
        with self.bench.writing("keys revoke", _subject(whole)) as connection:
            row = keys.one(connection, self.bench.tenant, whole)
            if row is None:
                known = [self._view(key).name for key in self._rows(connection)]
                raise UnknownName("key", name, known)
            if row.revoked_at is not None:
                raise Refused(f"The key {name!r} was revoked on {row.revoked_at:%Y-%m-%d}.")
            keys.revoke(connection, self.bench.tenant, whole, self.bench.store.now(connection))
            revoked = keys.one(connection, self.bench.tenant, whole)
            assert revoked is not None
        return self._view(revoked)

    @property
    def _prefix(self) -> str:
        return f"{self.partner}{APART}" if self.partner else ""

    def _whole(self, name: str) -> str:
        return self._prefix + name

    def _rows(self, connection: Connection) -> Sequence[KeyRow]:
        rows = keys.of_tenant(connection, self.bench.tenant)
        return [row for row in rows if row.name.startswith(self._prefix)]

    def _view(self, row: KeyRow) -> KeyView:
        name = row.name.removeprefix(self._prefix)
        return KeyView(name, row.permission, row.actor, row.created_at, row.last_used_at, row.revoked_at)


def bearer_of(store: Store, secret: str) -> Bearer | None:
    """Return whose a secret is, of whatever tenant; None when it is no key, or a revoked one."""
    with store.read() as connection:
        row = keys.by_hash(connection, _hash(secret))
    return Bearer(row.tenant, row.name, row.permission, row.last_used_at) if row else None


def note_use(store: Store, bearer: Bearer) -> None:
    """Write down that a key is used."""
    with store.write() as connection:
        now = store.now(connection)
        keys.note_use(connection, bearer.tenant, bearer.name, now, now - NOTED_EVERY)


def _subject(name: str) -> str:
    return f"key {name}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
