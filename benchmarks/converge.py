"""Converge against a bare httpx loop: same simulator, same number of calls, same threads; prints the ratios of
throughput and of CPU.

Run: uv run python benchmarks/converge.py [--contracts 10000] [--threads 32] [--delay-ms 20] [--database URL] [--json]
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click
import httpx
from showing import show
from svahub.extension.invented import cpf
from svahub.hub import Hub, TenantHub
from svahub.models import Environment
from svahub.testing import simulator_process

VARIABLE = "SVAHUB_BENCHMARK_WORD"


def contract(number: int, *, blocked: bool) -> str:
    """Return one line of a contract file."""
    customer = {"id": f"P{number}", "name": "Pessoa Inventada", "document": cpf(number)}
    items = [{"code": "1", "product_code": "TELE"}]
    reasons = ["overdue"] if blocked else []
    return json.dumps({"contract_id": f"C{number}", "customer": customer, "items": items, "block_reasons": reasons})


def written(folder: Path, contracts: int, *, blocked: bool) -> Path:
    """Write a contract file."""
    path = folder / f"contracts-{blocked}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(contract(number, blocked=blocked) + "\n" for number in range(contracts))
    return path


class Took(NamedTuple):
    """What something took: seconds, and seconds of this process' CPU."""

    seconds: float
    cpu: float


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def took(self) -> Took:
        return Took(time.perf_counter() - self._began[0], time.process_time() - self._began[1])


def bare(url: str, auth: tuple[str, str], plan: str, calls: int, threads: int) -> Took:
    """Create `calls` users with nothing but httpx and threads."""
    limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
    with httpx.Client(base_url=url, auth=auth, limits=limits) as client, ThreadPoolExecutor(threads) as pool:

        def create(number: int) -> None:
            body = {
                "externalReference": f"bare-{number}",
                "name": "Pessoa Inventada",
                "cpf": cpf(500_000_000 + number),
                "planId": plan,
            }
            client.post("/users", json=body).raise_for_status()

        for number in range(threads):
            create(number + calls)
        watch = Stopwatch()
        list(pool.map(create, range(calls)))
        return watch.took()


def registered(hub: Hub, url: str, username: str) -> tuple[TenantHub, str]:
    """Register the simulator and link the product; return the tenant and the plan."""
    office = hub.tenant("default")
    settings, secret = {"username": username}, {"password": f"env:{VARIABLE}"}
    office.integrations.add("tele", "teleclinica", Environment.STAGING, address=url, settings=settings, secret=secret)
    office.catalogue.sync("tele")
    plan = next(p.remote_id for p in office.catalogue.plans("tele") if p.retired_at is None)
    office.catalogue.link("TELE", "telemedicine", "tele", plan)
    return office, plan


def driven(hub: Hub, threads: int) -> Took:
    """Work until nothing is due."""
    with hub.work(threads=threads) as worker:
        watch = Stopwatch()
        worker.drain()
        return watch.took()


def figures(contracts: int, threads: int, delay_ms: int, database: str | None) -> Iterator[tuple[str, float]]:
    """Measure, in one run: the bare loop, activation, the bare loop again, blocking."""
    with tempfile.TemporaryDirectory() as name, simulator_process("teleclinica", "--delay-ms", str(delay_ms)) as there:
        folder = Path(name)
        os.environ[VARIABLE] = there.credentials["password"]
        auth = (there.credentials["username"], there.credentials["password"])
        with Hub.open(database or f"sqlite:///{folder / 'store.db'}") as hub:
            office, plan = registered(hub, there.url, auth[0])
            before = bare(there.url, auth, plan, contracts, threads)
            watch = Stopwatch()
            office.contracts.bring(written(folder, contracts, blocked=False))
            yield "import_per_second", contracts / watch.took().seconds
            activated = driven(hub, threads)
            office.contracts.bring(written(folder, contracts, blocked=True))
            blocked = driven(hub, threads)
            for name, took in (("bare", before), ("activated", activated), ("blocked", blocked)):
                yield f"{name}_per_second", contracts / took.seconds
                yield f"{name}_cpu_ms", took.cpu / contracts * 1000
            yield "ratio_activate", before.seconds / activated.seconds
            yield "ratio_block", before.seconds / blocked.seconds
            yield "cpu_ratio_activate", before.cpu / activated.cpu
            yield "cpu_ratio_block", before.cpu / blocked.cpu
            assert not office.counts().stuck
    yield "peak_megabytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@click.command()
@click.option("--contracts", default=10_000, show_default=True)
@click.option("--threads", default=32, show_default=True)
@click.option("--delay-ms", default=20, show_default=True)
@click.option("--database", help="Default: an SQLite file of its own.")
@click.option("--json", "as_json", is_flag=True)
def main(contracts: int, threads: int, delay_ms: int, database: str | None, as_json: bool) -> None:
    """Print how much of a bare loop's throughput converge keeps."""
    show(dict(figures(contracts, threads, delay_ms, database)), as_json)


if __name__ == "__main__":
    main()
