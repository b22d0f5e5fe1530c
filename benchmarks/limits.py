"""Whether a limit of calls a second holds over several workers, each a process: the mean, and the most in any second.

Run: uv run python benchmarks/limits.py [--workers 2] [--rate 50] [--calls 1000] [--database URL] [--json]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
from converge import VARIABLE, registered, written
from instants import noting
from showing import show
from svahub.hub import Hub


def most_within(instants: list[float], seconds: float) -> int:
    """Return how many calls came at most within any span of so many seconds."""
    most, first = 0, 0
    for last, at in enumerate(instants):
        while instants[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def figures(workers: int, rate: float, calls: int, database: str | None) -> Iterator[tuple[str, float]]:
    """Sell to so many customers, and look when the simulated provider was called for them."""
    with tempfile.TemporaryDirectory() as name, noting(Path(name)) as clinic:
        os.environ[VARIABLE] = clinic.there.credentials["password"]
        url = database or f"sqlite:///{name}/store.db"
        clinic.there.set_timings(answer_seconds=0.02)
        with Hub.open(url) as hub:
            office, _ = registered(hub, clinic.there.url, clinic.there.credentials["username"])
            office.integrations.set("tele", settings={"calls_per_second": rate})
            office.contracts.bring(written(Path(name), calls, blocked=False))
        command = [sys.executable, "-m", "svahub", "--database", url, "work", "--once"]
        running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(workers)]
        for worker in running:
            worker.wait()
        instants = [call.at for call in clinic.calls() if call.method == "POST"]
    yield "calls", len(instants)
    yield "mean_per_second", (len(instants) - 1) / (instants[-1] - instants[0])
    yield "most_in_a_second", most_within(instants, 1.0)
    yield "most_in_a_tenth", most_within(instants, 0.1)
    yield "longest_gap_seconds", max(b - a for a, b in pairwise(instants))


@click.command()
@click.option("--workers", default=2, show_default=True)
@click.option("--rate", default=50.0, show_default=True)
@click.option("--calls", default=1_000, show_default=True)
@click.option("--database", help="Default: an SQLite file of its own.")
@click.option("--json", "as_json", is_flag=True)
def main(workers: int, rate: float, calls: int, database: str | None, as_json: bool) -> None:
    """Print how many calls a second were made."""
    show(dict(figures(workers, rate, calls, database)), as_json, digits=3)


if __name__ == "__main__":
    main()
