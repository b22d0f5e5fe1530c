"""Leasing a batch from 10,000 due accounts against 1,000,000: what an account costs that is leased and given back.

Each size is seeded in a store of its own. Then a worker's desk leases batches, as `svahub work` does, and writes that
nothing was sent, which gives them back; no call is made. `ratio` is accounts a second against those of the smallest.

Run: uv run python benchmarks/backlog.py [--sizes 10000,1000000] [--database URL] [--json]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from reconcile import LONG_AGO, PAGE, opened, seeded
from sqlalchemy import insert
from svahub.desk import Desk
from svahub.errors import NotSent
from svahub.fleet import Fleet
from svahub.models import Environment
from svahub.store import tables, versions
from svahub.store.among import chunks
from svahub.store.states import Phase

BATCH = 500
ROUNDS = 40
NAMES = ("customers", "contracts", "items", "accounts", "subscriptions")


def due(number: int) -> dict[str, dict[str, Any]]:
    """Return the rows of one customer who is to be blocked, in the order of the contracts."""
    rows = seeded(number)
    at = LONG_AGO + timedelta(milliseconds=number)
    rows["accounts"] |= {"due_at": at}
    rows["subscriptions"] |= {"desired": "BLOCKED", "generation": 2, "phase": Phase.DUE, "due_at": at}
    return rows


def seed(url: str, many: int) -> None:
    """Have so many accounts due."""
    hub = opened(url)
    versions.ready(hub.store)
    hub.add_tenant("default")
    hub.tenant("default").integrations.add("fake", "fake", Environment.STAGING)
    for numbers in chunks(range(many), PAGE):
        rows = [due(number) for number in numbers]
        with hub.store.write() as connection:
            for name in NAMES:
                connection.execute(insert(tables.metadata.tables[name]), [row[name] for row in rows])
    hub.close()


def measured(url: str, many: int) -> dict[str, Any]:
    """Lease batches and give them back; return accounts a second, and of the CPU."""
    hub = opened(url)
    fleet = Fleet(hub.registry, hub.clock, (), hub.store)
    desk = Desk(hub.store, fleet, hub.clock, lambda: 0.5)
    given_back = NotSent("given back before it began")
    done, taken = 0, 0.0
    desk.put([(work, given_back) for work in desk.take(BATCH)[0]])
    began, used = time.perf_counter(), time.process_time()
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work, leased = desk.take(BATCH)
        taken += time.perf_counter() - start
        desk.put([(one, given_back) for one in work])
        done += leased
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    fleet.close()
    hub.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "accounts": many, "per_second": done / seconds, "leased_per_second": done / taken,
        "cpu_ms": 1000 * cpu / done, "megabytes": peak,
    }  # fmt: skip


def of_a_process(url: str, many: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", str(many), "--database", url]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


@click.command()
@click.option("--sizes", default="10000,1000000", show_default=True)
@click.option("--database", help="A PostgreSQL server with an empty database for each size: URL with {} for the size.")
@click.option("--measure", type=int, help="Measure a store that is seeded.")
@click.option("--json", "as_json", is_flag=True)
def main(sizes: str, database: str | None, measure: int | None, as_json: bool) -> None:
    """Print what leasing costs in a small and in a great backlog."""
    if measure is not None:
        assert database
        print(json.dumps(measured(database, measure)))
        return
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, sizes.split(",")):
            url = database.format(size) if database else f"sqlite:///{Path(folder) / f'{size}.db'}"
            seed(url, size)
            found.append(of_a_process(url, size))
            found[-1]["ratio"] = found[-1]["per_second"] / found[0]["per_second"]
            if not as_json:
                click.echo("  ".join(f"{name} {value:,.2f}" for name, value in found[-1].items()))
    if as_json:
        click.echo(json.dumps(found))


if __name__ == "__main__":
    main()
