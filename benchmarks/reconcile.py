"""Reconciling 10,000, 100,000 and 1,000,000 users with as many subscriptions of ours: seconds, memory, and two ways.

The lister is a generator: no socket, so what is measured is ours. Each size is seeded in one process and compared in
another, whose memory is its own. `cpu per user` is that of each size over that of the smallest: 1 is linear; seconds
depend on who else uses the machine.
`--ways` compares 100,000 as it is done (an indexed table) and by a sorted merge over temporary files.

Run: uv run python benchmarks/reconcile.py [--sizes 10000,100000,1000000] [--ways] [--database URL] [--json]
"""

from __future__ import annotations

import heapq
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, cast
from uuid import UUID

import click
from sqlalchemy import insert, select
from svahub import BlockScope, Deduplication, IntegrationSettings, Lifecycle, ListsUsers, Plan, Subscription, hookimpl
from svahub.decisions import View
from svahub.hub import Hub
from svahub.models import Environment, Observed, RemoteSubscription, RemoteUser
from svahub.reconciling.comparing import Moment, compared
from svahub.registry import ProviderKind, Registry
from svahub.store import Store, listed_users, queue, tables, versions
from svahub.store.among import chunks
from svahub.store.rows import AccountRow, ListedRow, entries_column, entries_from
from svahub.store.states import Agreement, ContractStatus, Phase

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 5_000
ODD = 200
"""One user of so many is lost, one is blocked, and one is nobody's of ours."""


def key(number: int) -> str:
    """Return the key of an account; that of its subscription is the same."""
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128)))


def users(many: int) -> Iterator[RemoteUser]:
    """List the users of the provider, in its own order."""
    for number in range(many):
        odd, name = number % ODD, key(number)
        if odd == 1:
            continue
        status = Observed.BLOCKED if odd == 2 else Observed.ACTIVE
        reference = None if odd == 3 else name
        yield RemoteUser(f"user-{number}", status, reference, (RemoteSubscription("p1", status, reference),))


class Fake(Lifecycle, ListsUsers):
    """A provider of which only the listing is asked."""

    title = "Fake"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.ACCOUNT
    settle_seconds = 60
    hosts: ClassVar = {Environment.STAGING: ("https://fake.example.com",)}
    Settings = IntegrationSettings
    many = 0

    def __init__(self, settings: IntegrationSettings, client: object) -> None:  # as all are made
        self.settings = settings

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        """Make nobody."""
        raise NotImplementedError

    @hookimpl
    def block(self, subscription: Subscription, reasons: Any) -> None:
        """Do nothing."""

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        """Do nothing."""

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        """Do nothing."""

    @hookimpl
    def sync_plans(self) -> Iterable[Plan]:
        """Bring one plan."""
        return [Plan("p1", "One")]

    @hookimpl
    def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
        """List everybody."""
        return users(self.many)


class Installed(Registry):
    """A registry that has this provider and no other."""

    def installed(self, provider: str) -> bool:
        """Say that it is there."""
        return True

    def provider(self, name: str) -> ProviderKind:
        """Return it."""
        return ProviderKind(name, Fake, "svahub-fake", "1")


def opened(url: str) -> Hub:
    """Open the installation."""
    return Hub(Store(url), Installed())


# -- seeding -----------------------------------------------------------------------------------------------------------


def seed(url: str, many: int) -> None:
    """Sell one subscription to each of so many customers, as if long ago."""
    hub = opened(url)
    versions.ready(hub.store)
    hub.add_tenant("default")
    hub.tenant("default").integrations.add("fake", "fake", Environment.STAGING)
    for numbers in chunks(range(many), PAGE):
        rows = [seeded(number) for number in numbers]
        with hub.store.write() as connection:
            for name in ("customers", "contracts", "items", "accounts", "subscriptions"):
                connection.execute(insert(tables.metadata.tables[name]), [row[name] for row in rows])
    hub.close()


def seeded(number: int) -> dict[str, dict[str, Any]]:
    """Return the rows of one customer, by table."""
    whose = {"tenant": "default", "integration": "fake"}
    customer, contract, name = f"P{number:08}", f"C{number:08}", key(number)
    return {
        "customers": {
            "tenant": "default", "id": customer, "name": "Pessoa Inventada", "document": f"{number:011}",
            "document_kind": "cpf", "digest": "d",
        },
        "contracts": {
            "tenant": "default", "id": contract, "customer_id": customer, "status": ContractStatus.ACTIVE,
            "changed_at": LONG_AGO,
        },
        "items": {
            "tenant": "default", "contract_id": contract, "code": "1", "product_code": "X", "quantity": 1,
            "attributes": {}, "sales": 1, "removed": False,
        },
        "accounts": whose | {
            "key": name, "customer_id": customer, "remote_id": f"user-{number}", "priority": 3, "lease_number": 1,
        },
        "subscriptions": whose | {
            "key": name, "contract_id": contract, "item_code": "1", "sale": 1, "product_type": "x",
            "account_key": name, "plan": "p1", "quantity": 1, "attributes": {}, "desired": "ACTIVE", "generation": 1,
            "observed": Observed.ACTIVE, "remote_id": f"user-{number}", "applied": {"plan": "p1", "quantity": 1},
            "looks": 0, "phase": Phase.SETTLED, "priority": 3, "tries": 0, "created_at": LONG_AGO,
            "changed_at": LONG_AGO,
        },
    }  # fmt: skip


def warm(url: str) -> Hub:
    """Open the installation with all imported that comparing takes."""
    hub = opened(url)
    with hub.tenant("default").bench.calling("fake"):
        return hub


# -- comparing ---------------------------------------------------------------------------------------------------------


def by_table(url: str, many: int) -> dict[str, Any]:
    """Compare as svahub does."""
    Fake.many = many
    hub, listed_at = warm(url), 0.0

    def progress(_done: int) -> None:
        nonlocal listed_at
        listed_at = time.perf_counter()

    began, used = time.perf_counter(), time.process_time()
    plan = hub.tenant("default").reconciling.run("fake", progress=progress)
    ended, cpu = time.perf_counter(), time.process_time() - used
    hub.close()
    return measured(many, began, listed_at, ended, cpu, plan.counts)


def by_merge(url: str, many: int) -> dict[str, Any]:
    """Compare by sorted runs in temporary files, merged with our accounts in the same order: nothing is kept."""
    Fake.many = many
    hub = warm(url)
    counts: Counter[Agreement] = Counter()
    with tempfile.TemporaryDirectory() as folder, hub.tenant("default").bench.calling("fake") as integration:
        began, used = time.perf_counter(), time.process_time()
        runs = list(sorted_runs(hub, Path(folder), many))
        listed_at = time.perf_counter()
        merged = heapq.merge(*(map(json.loads, path.open(encoding="utf-8")) for path in runs))
        moment = Moment(datetime.now(UTC), timedelta(seconds=60))
        for account, rows, found in joined(hub, merged, counts):
            view = View(account, None, tuple(rows), integration.facts)
            counts.update(one.agreement for one in compared(view, found, moment))
        ended, cpu = time.perf_counter(), time.process_time() - used
    hub.close()
    return measured(many, began, listed_at, ended, cpu, {one.value: counts[one] for one in Agreement})


def sorted_runs(hub: Hub, folder: Path, many: int) -> Iterator[Path]:
    """Write the listing as sorted files, each by whose it is; those of nobody come last."""
    stream = users(many)
    while run := list(islice(stream, 50_000)):
        lines = []
        for batch in chunks(run, 1_000):
            with hub.store.read() as connection:
                placed = listed_users.placed(connection, "default", "fake", batch)
            lines += [
                [r.account_key or "~", r.remote_id, r.ours, r.status.value, entries_column(r.entries)] for r in placed
            ]
        path = folder / f"{time.perf_counter_ns()}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in sorted(lines)), encoding="utf-8")
        yield path


def joined(
    hub: Hub, merged: Iterator[list[Any]], counts: Counter[Agreement]
) -> Iterator[tuple[AccountRow, list[Any], list[ListedRow]]]:
    """Yield each account with its subscriptions and users, both sides in the order of the account's key."""
    user = next(merged, None)
    for page in accounts_by_key(hub):
        with hub.store.read() as connection:
            rows = queue.subscriptions_of(connection, [account.key for account in page])
            listed_users.with_open_attempts(connection, [account.key for account in page])
        for account in page:
            found = []
            while user is not None and user[0] <= account.key:
                found.append(ListedRow(user[1], user[0], user[2], Observed(user[3]), entries_from(user[4])))
                user = next(merged, None)
            yield account, [row for row in rows if row.account_key == account.key], found
    while user is not None:
        counts[Agreement.UNKNOWN] += 1
        user = next(merged, None)


def accounts_by_key(hub: Hub) -> Iterator[list[AccountRow]]:
    """Stream our accounts by their key, 500 at a time."""
    c, after = tables.accounts.c, ""
    while True:
        with hub.store.read() as connection:
            query = select(tables.accounts).where(c.key > after, c.integration == "fake").order_by(c.key).limit(500)
            page = [AccountRow(*row) for row in connection.execute(query)]
        if not page:
            return
        yield page
        after = page[-1].key


def measured(
    many: int, began: float, listed_at: float, ended: float, cpu: float, counts: dict[str, int]
) -> dict[str, Any]:
    """Return what one run took: seconds in all and of the processor, and the most memory that the process had."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "users": many,
        "seconds": round(ended - began, 2),
        "listing_seconds": round(listed_at - began, 2),
        "cpu_seconds": round(cpu, 2),
        "megabytes": round(used.ru_maxrss / 1024, 1),
        "counts": counts,
    }


STEPS = {"seed": seed, "table": by_table, "merge": by_merge}


def in_a_process(step: str, url: str, many: int) -> dict[str, Any]:
    """Do one step in a process of its own, and return what it tells."""
    command = [sys.executable, __file__, "--step", step, "--sizes", str(many), "--database", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout or "{}")
    return told


def one_size(many: int, ways: tuple[str, ...], url: str | None) -> dict[str, dict[str, Any]]:
    """Seed a store, and compare in it by each way."""
    with tempfile.TemporaryDirectory() as folder:
        at = url or f"sqlite:///{folder}/store.db"
        in_a_process("seed", at, many)
        return {way: in_a_process(way, at, many) for way in ways}


@click.command()
@click.option("--sizes", default="10000,100000,1000000", show_default=True)
@click.option("--ways", is_flag=True, help="Compare 100,000 in both ways instead.")
@click.option("--database", help="An empty store, for one size; default: a file of SQLite for each.")
@click.option("--step", type=click.Choice(list(STEPS)), hidden=True)
@click.option("--json", "as_json", is_flag=True)
def main(sizes: str, ways: bool, database: str | None, step: str | None, as_json: bool) -> None:
    many = [int(size) for size in sizes.split(",")]
    if step is not None:
        told = cast("Any", STEPS[step])(database, many[0])
        print(json.dumps(told or {}))
        return
    found = one_size(100_000, ("table", "merge"), database) if ways else {
        f"{size:,}": one_size(size, ("table",), database)["table"] for size in many
    }  # fmt: skip
    first = next(iter(found.values()))
    for one in found.values():
        one["cpu per user"] = round(one["cpu_seconds"] / one["users"] / (first["cpu_seconds"] / first["users"]), 2)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, one in found.items():
        line = f"{one['seconds']:.1f} s ({one['listing_seconds']:.1f} s listing), {one['megabytes']:.0f} MB"
        print(f"{name:>10}: {line}, {one['cpu_seconds']:.1f} s of CPU: {one['cpu per user']:.2f} x per user")


if __name__ == "__main__":
    main()
