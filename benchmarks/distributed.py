"""Jobs that say at which shard to look, against a worker alone and against a job for each operation; two workers
against one.

The provider is a sleep, without sockets: what is measured is the driving. Ratios within one run.
Run: uv run python benchmarks/distributed.py --server postgresql://USER@HOST/postgres [--only NAME] [--json]
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from statistics import median
from typing import Any, ClassVar
from uuid import uuid4

import click
import psycopg
from procrastinate import App, PsycopgConnector
from psycopg import sql
from psycopg.conninfo import make_conninfo
from showing import show
from sqlalchemy import select
from svahub import (
    BlockScope,
    Deduplication,
    Environment,
    IntegrationSettings,
    Lifecycle,
    Observed,
    Plan,
    RemoteUser,
    Subscription,
    hookimpl,
)
from svahub.desk import Desk
from svahub.extension.invented import cpf
from svahub.fleet import Fleet, holding
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.registry import ProviderKind, Registry
from svahub.runners import opened
from svahub.store.states import RunnerName
from svahub.store.tables import accounts

SECONDS = "SVAHUB_BENCHMARK_SECONDS"
"""How long the provider takes to answer."""


class Sleeper(Lifecycle):
    """A provider that is a sleep."""

    title = "Sleeper"
    contract_version = 1
    deduplication = Deduplication.IDEMPOTENCY_KEY
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 0
    hosts: ClassVar = {Environment.STAGING: ("https://sleeper.example.com",)}
    Settings = IntegrationSettings

    def __init__(self, settings: IntegrationSettings, client: object) -> None:
        self._seconds = float(os.environ[SECONDS])

    def _done(self, subscription: Subscription, status: Observed) -> RemoteUser:
        time.sleep(self._seconds)
        return RemoteUser(subscription.key, status, subscription.account.key)

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        return self._done(subscription, Observed.ACTIVE)

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[Any]) -> None:
        self._done(subscription, Observed.BLOCKED)

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        self._done(subscription, Observed.ACTIVE)

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        self._done(subscription, Observed.CANCELLED)

    @hookimpl
    def sync_plans(self) -> Sequence[Plan]:
        return [Plan("p1", "One")]


class Installed(Registry):
    """The sleeper, installed."""

    def installed(self, provider: str) -> bool:
        return True

    def provider(self, name: str) -> ProviderKind:
        return ProviderKind(name, Sleeper, "svahub-sleeper", "1")

    def providers_of(self, product_type: str) -> tuple[str, ...]:
        return ("sleeper",)


# -- stores ------------------------------------------------------------------------------------------------------------


@contextmanager
def database(server: str) -> Iterator[str]:
    """Make a database, dropped in the end; yield its address."""
    name = sql.Identifier(f"benchmark_{uuid4().hex[:8]}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield f"{server.rpartition('/')[0]}/{name.as_string()[1:-1]}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def sold(server: str, many: int) -> Iterator[tuple[str, Hub]]:
    """Open a store in which so many creations are due."""
    with database(server) as url, Hub.open(url, Installed()) as hub:
        office = hub.tenant("default")
        office.integrations.add("sleeper", "sleeper", Environment.STAGING, settings={})
        office.catalogue.sync("sleeper")
        office.catalogue.link("S", "sleep", "sleeper", "p1")
        sell(office, many)
        yield url, hub


def sell(office: TenantHub, many: int) -> None:
    for first in range(0, many, 1000):
        rows = [contract(number) for number in range(first, min(many, first + 1000))]
        assert not office.contracts.take_in(rows).errors


def contract(number: int) -> ContractRow:
    customer = {"id": f"P{number}", "name": "Pessoa Inventada", "document": cpf(number)}
    items = [{"code": "1", "product_code": "S"}]
    return ContractRow.model_validate({"contract_id": f"C{number}", "customer": customer, "items": items})


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds that something takes, and those of CPU in this process."""
    began, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - cpu


# -- one process -------------------------------------------------------------------------------------------------------


def runner(server: str, many: int, threads: int, name: RunnerName) -> tuple[float, float]:
    """Create with a runner."""
    with sold(server, many) as (_, hub):
        with opened(name, hub, threads=threads) as work:
            spent = timed(work.drain)
        assert not hub.tenant("default").counts().stuck
        assert sum(hub.tenant("default").counts().states.values()) == many
    return spent


def jobs(server: str, many: int, threads: int, *, lean: bool) -> tuple[float, float]:
    """Create with a job for each operation: lease, call, result; or, if `lean`, only the call."""
    with sold(server, many) as (url, hub):
        return timed_jobs(url, hub, threads, lean=lean)


def timed_jobs(url: str, hub: Hub, threads: int, *, lean: bool) -> tuple[float, float]:
    fleet = Fleet(hub.registry, hub.clock, (), hub.store)
    desk = Desk(hub.store, fleet, hub.clock, lambda: 0.5)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA jobs")
    conninfo = make_conninfo(url, options="-c search_path=jobs")
    app = App(connector=PsycopgConnector(conninfo=conninfo, min_size=4, max_size=8))

    @app.task(name="operation")
    def operation(key: str) -> None:
        if lean:
            time.sleep(float(os.environ[SECONDS]))
        else:
            carried_out(desk, key)

    hub.store.engine.pool._pool.maxsize = threads  # type: ignore[attr-defined]
    asyncio.run(deferred(app, operation, account_keys(hub)))
    spent = timed(lambda: asyncio.run(worked_off(app, threads)))
    if not lean:
        assert not hub.tenant("default").counts().states.get("due")
    fleet.close()
    return spent


def account_keys(hub: Hub) -> list[str]:
    with hub.store.read() as connection:
        return list(connection.execute(select(accounts.c.key)).scalars())


def carried_out(desk: Desk, key: str) -> None:
    """Lease one account, call, and write the result, as a worker does with a batch."""
    work, _ = desk.take(1, [key])
    for one in work:
        with holding(one.held):
            result: Any = one.carried_out()
        desk.put([(one, result)])


async def deferred(app: App, operation: Any, keys: Sequence[str]) -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, len(keys), 500):
            await operation.batch_defer_async(*({"key": key} for key in keys[first : first + 500]))
        async with app.connector.pool.connection() as there:  # type: ignore[attr-defined]
            await there.execute("ANALYZE procrastinate_jobs")


async def worked_off(app: App, threads: int) -> None:
    async with app.open_async():
        await app.run_worker_async(concurrency=threads, wait=False, install_signal_handlers=False, delete_jobs="always")


CREATIONS: dict[str, Callable[[str, int, int], tuple[float, float]]] = {
    "embedded": lambda server, many, threads: runner(server, many, threads, RunnerName.IN_PROCESS),
    "shard_jobs": lambda server, many, threads: runner(server, many, threads, RunnerName.PROCRASTINATE),
    "job_each": lambda server, many, threads: jobs(server, many, threads, lean=False),
    "job_each_only_the_call": lambda server, many, threads: jobs(server, many, threads, lean=True),
}


def creations(server: str, many: int, threads: int, only: Sequence[str]) -> dict[str, float]:
    """Measure all of them, in one run."""
    found: dict[str, float] = {}
    for name, measure in CREATIONS.items():
        if not only or name in only:
            seconds, cpu = measure(server, many, threads)
            found[f"{name}_per_second"] = many / seconds
            found[f"{name}_cpu_milliseconds"] = 1000 * cpu / many
    for name in ("embedded", "job_each", "job_each_only_the_call"):
        with suppress(KeyError):
            found[f"shard_jobs_to_{name}"] = found["shard_jobs_per_second"] / found[f"{name}_per_second"]
    return found


# -- several processes -------------------------------------------------------------------------------------------------


def worker(url: str, threads: int) -> None:
    """Be one of the workers: say when it is ready, drain when it is told to, say what that took."""
    with Hub.open(url, Installed()) as hub, opened(RunnerName.PROCRASTINATE, hub, threads=threads) as work:
        click.echo("ready")
        sys.stdin.readline()
        cpu = time.process_time()
        work.drain()
        click.echo(time.process_time() - cpu)


def drained(one: subprocess.Popen[str]) -> str:
    """Tell a worker to drain; return what it says then."""
    assert one.stdin
    assert one.stdout
    one.stdin.write("go\n")
    one.stdin.flush()
    return one.stdout.readline()


def together(server: str, many: int, threads: int, workers: int) -> tuple[float, list[float]]:
    """Return the seconds that workers in processes of their own take, and those of CPU of each."""
    command = [sys.executable, __file__, "--threads", str(threads)]
    with sold(server, many) as (url, hub):
        each = [
            subprocess.Popen(
                [*command, "--worker", url, "--server", server],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(workers)
        ]
        for one in each:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        began = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            told = list(pool.map(drained, each))
        seconds = time.perf_counter() - began
        for one in each:
            one.communicate()
        assert not hub.tenant("default").counts().states.get("due")
    return seconds, [float(cpu) for cpu in told]


def two_to_one(server: str, many: int, threads: int, rounds: int) -> dict[str, float]:
    """Measure one worker and two, in turns: the load of the machine changes; return medians."""
    each: list[dict[str, float]] = []
    for _ in range(rounds):
        one, (cpu,) = together(server, many, threads, 1)
        two, cpus = together(server, many, threads, 2)
        found = {"one_worker_per_second": many / one, "two_workers_per_second": many / two}
        found |= {"one_worker_cpu_seconds": cpu} | {f"two_workers_cpu_seconds_{n}": c for n, c in enumerate(cpus, 1)}
        each.append(found | {"two_workers_to_one": one / two})
    return {name: median(found[name] for found in each) for name in each[0]}


@click.command()
@click.option("--server", required=True, metavar="URL", help="A PostgreSQL server on which databases may be made.")
@click.option("--contracts", default=4_000, show_default=True, help="Creations by one process, 20 ms each.")
@click.option("--threads", default=32, show_default=True)
@click.option("--shared", default=1_600, show_default=True, help="Creations by one worker and by two, 200 ms each.")
@click.option("--rounds", default=3, show_default=True, help="So often one worker and two.")
@click.option("--only", multiple=True, type=click.Choice(list(CREATIONS)))
@click.option("--worker", "url", hidden=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    server: str,
    contracts: int,
    threads: int,
    shared: int,
    rounds: int,
    only: tuple[str, ...],
    url: str | None,
    as_json: bool,
) -> None:
    """Print what each way does in a second, and the ratios."""
    if url:
        worker(url, threads)
        return
    os.environ[SECONDS] = "0.02"
    found = creations(server, contracts, threads, only) if contracts else {}
    os.environ[SECONDS] = "0.2"
    found |= two_to_one(server, shared, 16, rounds) if shared else {}
    found |= {"load_average": os.getloadavg()[0]}
    show(found, as_json)


if __name__ == "__main__":
    main()
