"""How long the unblock of who has paid takes to reach the provider, beside an idle worker and beside a campaign.

Blocks are due at the lowest priority and a worker is at them in a process of its own; every few seconds somebody has
paid. The clock runs from the commit of the unblock until the simulated provider is asked for it.

Run: uv run python benchmarks/urgent.py [--blocks 20000] [--payments 10] [--database URL] [--json]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from converge import VARIABLE, contract, driven, registered
from instants import Clinic, noting
from showing import show
from svahub.hub import Hub, TenantHub
from svahub.models import Desired
from svahub.verbs import Action, Command

BETWEEN_SECONDS = 2.0
LATEST_SECONDS = 90.0


def brought(office: TenantHub, folder: Path, numbers: range, *, blocked: bool) -> None:
    path = folder / "contracts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(contract(number, blocked=blocked) + "\n" for number in numbers)
    office.contracts.bring(path)


@contextmanager
def at_work(database: str) -> Iterator[None]:
    """Run `svahub work` in a process of its own."""
    command = [sys.executable, "-m", "svahub", "--database", database, "work"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


def paid(office: TenantHub, number: int) -> tuple[str, float]:
    """Have somebody pay; return the remote user, and when the unblock was committed."""
    office.verbs.issue(Command(Action.UNBLOCK, f"C{number}"))
    at = time.time()
    (view,) = office.subscriptions.list(contract=f"C{number}")
    assert view.desired is Desired.ACTIVE
    return str(view.remote_id), at


def reached(clinic: Clinic, users: Collection[str]) -> dict[str, float]:
    """Wait until the provider was asked to unblock users; return when it was, by user."""
    deadline = time.time() + LATEST_SECONDS
    came: dict[str, float] = {}
    while not set(users) <= came.keys() and time.time() < deadline:
        time.sleep(0.2)
        came = {call.path.split("/")[-2]: call.at for call in clinic.calls() if call.path.endswith("/unblock")}
    return came


def delays(office: TenantHub, clinic: Clinic, numbers: range) -> list[float]:
    """Have one after the other pay; return how long each unblock took, but for the first: a worker has to begin."""
    first, *others = numbers
    reached(clinic, [paid(office, first)[0]])
    asked: dict[str, float] = {}
    for number in others:
        user, at = paid(office, number)
        asked[user] = at
        time.sleep(BETWEEN_SECONDS)
    came = reached(clinic, asked)
    return [came[user] - at for user, at in asked.items()]


def figures(blocks: int, payments: int, delay_ms: int, database: str | None) -> Iterator[tuple[str, float]]:
    """Measure beside an idle worker, then beside a campaign."""
    with tempfile.TemporaryDirectory() as name, noting(Path(name)) as clinic:
        os.environ[VARIABLE] = clinic.there.credentials["password"]
        url = database or f"sqlite:///{name}/store.db"
        with Hub.open(url) as hub:
            office, _ = registered(hub, clinic.there.url, clinic.there.credentials["username"])
            each = payments + 1
            payers, others = range(2 * each), range(2 * each, 2 * each + blocks)
            brought(office, Path(name), range(2 * each + blocks), blocked=False)
            driven(hub, 32)
            brought(office, Path(name), payers, blocked=True)
            driven(hub, 32)
            clinic.there.set_timings(answer_seconds=delay_ms / 1000)
            with at_work(url):
                idle = delays(office, clinic, payers[:each])
            brought(office, Path(name), others, blocked=True)
            began = time.time()
            with at_work(url):
                beside = delays(office, clinic, payers[each:])
                ended = time.time()
            made = sum(1 for call in clinic.calls(began) if call.path.endswith("/block"))
    yield "idle_p50_seconds", statistics.median(idle)
    yield "idle_max_seconds", max(idle)
    yield "campaign_p50_seconds", statistics.median(beside)
    yield "campaign_max_seconds", max(beside)
    yield "ratio_p50", statistics.median(beside) / statistics.median(idle)
    yield "more_at_most_seconds", max(beside) - statistics.median(idle)
    yield "blocks_per_second", made / (ended - began)
    yield "blocks_left", blocks - made


@click.command()
@click.option("--blocks", default=20_000, show_default=True)
@click.option("--payments", default=10, show_default=True)
@click.option("--delay-ms", default=20, show_default=True)
@click.option("--database", help="Default: an SQLite file of its own.")
@click.option("--json", "as_json", is_flag=True)
def main(blocks: int, payments: int, delay_ms: int, database: str | None, as_json: bool) -> None:
    """Print by how much a campaign delays an unblock."""
    show(dict(figures(blocks, payments, delay_ms, database)), as_json, digits=3)


if __name__ == "__main__":
    main()
