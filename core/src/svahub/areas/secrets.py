"""The secrets of a tenant's integrations and targets as people may see them, and encrypting what is stored anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from svahub import entries, secrets
from svahub.areas.bench import Bench
from svahub.errors import Refused
from svahub.secrets import Kept
from svahub.store import integrations, journal, targets, tokens
from svahub.store.rows import IntegrationRow, TargetRow
from svahub.store.states import AuditKind


@dataclass(frozen=True, slots=True)
class SecretView:
    """One secret: where it is kept, never what it is; `slot` is `current` or `former`.

    That of another system that is told is of `outbox NAME`. Since when a former one was what it is, is not kept.
    """

    integration: str
    field: str
    kind: Kept
    reference: str
    slot: str
    since: datetime | None
    age_days: int | None
    old: bool


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How many secrets were encrypted anew, of how many integrations, targets and tenants."""

    secrets: int
    integrations: int
    tenants: int
    targets: int = 0


class SharedCount(NamedTuple):
    """How many access tokens open with this process's key, and how many do not."""

    opened: int
    strange: int


def views_of(row: IntegrationRow, now: datetime) -> Iterator[SecretView]:
    """Return an integration's secrets, those of the former slot last."""
    oldest = secrets.max_age_days()
    for field, held in sorted(row.secrets.items()):
        since = row.secret_since(field)
        age = (now - since) // timedelta(days=1)
        yield SecretView(row.name, field, *_place(held), "current", since, age, age >= oldest)
    for field, held in sorted((row.former_secrets or {}).items()):
        yield SecretView(row.name, field, *_place(held), "former", None, None, False)


def _of_target(row: TargetRow) -> Iterator[SecretView]:
    """Return a target's secrets; since when they are what they are is not kept."""
    slots = ("current", row.secret), ("former", row.former_secret)
    for slot, held in slots:
        if held is not None:
            yield SecretView(f"outbox {row.name}", "secret", *_place(held), slot, None, None, False)


def _place(held: str) -> tuple[Kept, str]:
    return secrets.kind_of(held), secrets.shown(held)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one tenant; the key is that of the whole installation."""

    bench: Bench

    def list(self) -> Sequence[SecretView]:
        """Return every secret of the tenant."""
        with self.bench.store.read() as connection:
            rows, now = integrations.of_tenant(connection, self.bench.tenant), self.bench.store.now(connection)
            told = targets.of_tenant(connection, self.bench.tenant)
        of_integrations = [view for row in rows for view in views_of(row, now)]
        return [*of_integrations, *(view for row in told for view in _of_target(row))]

    def dangers(self) -> Sequence[str]:
        """Return what endangers the key of stored secrets, each with its remedy."""
        url = self.bench.store.url
        beside = Path(url.database).absolute().parent if self.bench.store.dialect == "sqlite" and url.database else None
        return secrets.faults_of_key_file(beside)

    def shared_tokens(self) -> SharedCount:
        """Count the access tokens that processes share and still use."""
        with self.bench.store.read() as connection:
            rows, now = tokens.of_tenant(connection, self.bench.tenant), self.bench.store.now(connection)
        sealed = [row.sealed for row in rows if row.sealed and row.use_until and row.use_until > now]
        safe = secrets.safe() if sealed else None
        opened = sum(safe is not None and safe.open(one) is not None for one in sealed)
        return SharedCount(opened, len(sealed) - opened)

    def drop_spent_tokens(self) -> int:
        """Delete the shared tokens that are no longer used; return how many."""
        with self.bench.store.write() as connection:
            return tokens.drop_spent(connection, self.bench.tenant, self.bench.store.now(connection))

    def rekey(self, *, dry_run: bool = False) -> Rekeyed:
        """Encrypt every stored secret of every tenant, both slots, with the first key; all of them or none.

        Tokens that processes share are dropped: they are fetched anew.
        Raises Refused, naming the integration, when one opens with no key.
        """
        done: Counter[tuple[str, str]] = Counter()
        signing: Counter[tuple[str, str]] = Counter()
        with self.bench.store.write(undo=dry_run) as connection:
            for target in targets.every(connection):
                if count := _rekey_target(connection, target):
                    signing[target.tenant, target.name] = count
            for row in integrations.every(connection):
                current, former = _rekeyed(row, row.secrets), _rekeyed(row, row.former_secrets or {})
                if count := sum(held.startswith(secrets.STORED) for held in (*current.values(), *former.values())):
                    integrations.put_secrets(connection, row, current, former)
                    done[row.tenant, row.name] = count
            tokens.drop_all(connection)
            now = self.bench.store.now(connection)
            for tenant in sorted({tenant for tenant, _ in (*done, *signing)}):
                count = sum(number for (of, _), number in (*done.items(), *signing.items()) if of == tenant)
                told = entries.entry(AuditKind.COMMAND, self.bench.actor, "secrets rekey", "secrets", count=count)
                journal.append(connection, tenant, now, [told])
        tenants = {tenant for tenant, _ in (*done, *signing)}
        return Rekeyed(done.total() + signing.total(), len(done), len(tenants), len(signing))


def _rekey_target(connection: Connection, row: TargetRow) -> int:
    """Encrypt a target's stored secrets anew; return how many those are."""
    of = f"the target {row.name!r} (tenant {row.tenant!r})"
    secret = _rekeyed_one(of, "the secret", row.secret)
    former = _rekeyed_one(of, "the former secret", row.former_secret) if row.former_secret else None
    targets.put_secrets(connection, replace(row, secret=secret, former_secret=former))
    return sum(held.startswith(secrets.STORED) for held in (secret, former) if held)


def _rekeyed(row: IntegrationRow, held: dict[str, str]) -> dict[str, str]:
    of = f"the integration {row.name!r} (tenant {row.tenant!r})"
    return {field: _rekeyed_one(of, field, secret) for field, secret in held.items()}


def _rekeyed_one(of: str, field: str, held: str) -> str:
    try:
        return secrets.rekeyed(held)
    except Refused as error:
        raise Refused(
            f"Nothing was changed: {field} of {of} cannot be read. "
            f"{error} The key that it was encrypted with belongs behind the new one, after a comma."
        ) from error
