"""A campaign of blocks worked off by one worker in a process of its own: its memory, and the time for each 10,000.

Run: uv run python benchmarks/blocks.py [--contracts 100000] [--delay-ms 20] [--database URL] [--json]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
from converge import VARIABLE, registered, written
from svahub.hub import Hub
from svahub.testing import simulator_process

STEP = 10_000


def worked_off(database: str, threads: int) -> None:
    """Work until nothing is due; print the seconds and the CPU for each 10,000 steps, then the peak of memory."""
    marks = [(time.perf_counter(), time.process_time())]
    done = 0

    def count(ended: int) -> None:
        nonlocal done
        done += ended
        if done >= STEP * len(marks):
            marks.append((time.perf_counter(), time.process_time()))

    with Hub.open(database) as hub, hub.work(threads=threads, progress=count) as worker:
        worker.drain()
    spans = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"done": done, "spans": spans, "peak": peak}))


def of_a_process(database: str, threads: int) -> dict[str, object]:
    command = [sys.executable, __file__, "--work-off", "--database", database, "--threads", str(threads)]
    found: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def figures(contracts: int, threads: int, delay_ms: int, database: str | None) -> Iterator[tuple[str, object]]:
    """Activate contracts, then block them; a process for each."""
    with tempfile.TemporaryDirectory() as name, simulator_process("teleclinica") as there:
        os.environ[VARIABLE] = there.credentials["password"]
        url = database or f"sqlite:///{name}/store.db"
        for phase, blocked in (("activated", False), ("blocked", True)):
            with Hub.open(url) as hub:
                if not blocked:
                    registered(hub, there.url, there.credentials["username"])
                hub.tenant("default").contracts.bring(written(Path(name), contracts, blocked=blocked))
            there.set_timings(answer_seconds=delay_ms / 1000 if blocked else 0)
            found = of_a_process(url, threads)
            spans = [[round(part, 2) for part in span] for span in found["spans"]]  # type: ignore[attr-defined]
            yield f"{phase}", found["done"]
            yield f"{phase}_seconds_and_cpu_per_10000", spans
            yield f"{phase}_last_to_first", spans[-1][0] / spans[0][0]
            yield f"{phase}_last_to_first_cpu", spans[-1][1] / spans[0][1]
            yield f"{phase}_peak_megabytes", found["peak"]


@click.command()
@click.option("--contracts", default=100_000, show_default=True)
@click.option("--threads", default=32, show_default=True)
@click.option("--delay-ms", default=20, show_default=True)
@click.option("--database", help="Default: an SQLite file of its own.")
@click.option("--work-off", is_flag=True, help="Be the worker.")
@click.option("--json", "as_json", is_flag=True)
def main(contracts: int, threads: int, delay_ms: int, database: str | None, work_off: bool, as_json: bool) -> None:
    """Print what a campaign takes."""
    if work_off:
        assert database
        worked_off(database, threads)
        return
    found = {}
    for name, value in figures(contracts, threads, delay_ms, database):
        found[name] = value
        if not as_json:
            click.echo(f"{name:36} {value}")
    if as_json:
        click.echo(json.dumps(found))


if __name__ == "__main__":
    main()
