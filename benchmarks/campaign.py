"""A campaign of 10,000 and of 100,000 blocks: planned, released, reported; seconds of the processor, and memory.

Nobody is called: what converge brings about is written by one statement between two chunks, and not counted. Each size
is seeded in one process, and each step is done in another, whose memory is its own. `cpu per contract` is that of each
size over that of the smallest: 1 is linear; seconds depend on who else uses the machine.

Run: uv run python benchmarks/campaign.py [--sizes 10000,100000] [--database URL] [--json]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import click
from reconcile import opened, seed
from sqlalchemy import update
from svahub.areas.campaign_reports import CampaignReports, Fate
from svahub.campaigning.choice import Where
from svahub.campaigning.rounds import Campaigning
from svahub.hub import Hub
from svahub.models import Observed
from svahub.plans import Guard
from svahub.store import tables
from svahub.store.states import Outcome, Phase
from svahub.verbs import Action, Command

ANY = Guard(10_000_000, 100)
CAMPAIGN = "1"


def plan(hub: Hub) -> int:
    """Plan a block of everybody."""
    shown = hub.tenant("default").campaigns.plan(Command(Action.BLOCK, ""), Where(integration="fake"))
    return shown.stopping or 0


def start(hub: Hub) -> int:
    """Check what was planned against its hash, and start it."""
    return hub.tenant("default").campaigns.start(CAMPAIGN, actor="eva", guard=ANY).contracts or 0


def release(hub: Hub) -> tuple[int, float]:
    """Write down all that is asked; return of how many, and the seconds of the processor that ending it took."""
    released, beside = 0, 0.0
    with Campaigning(hub) as feeding:
        while more := feeding.drain():
            released += more
            used = time.process_time()
            end(hub)
            beside += time.process_time() - used
    return released, beside


def end(hub: Hub) -> None:
    """Let all that was asked for be as it is wanted, as converge would."""
    o, s, a = tables.operations.c, tables.subscriptions.c, tables.accounts.c
    with hub.store.write() as connection:
        asked = update(tables.operations).where(o.campaign_id == 1, o.outcome == Outcome.QUEUED)
        keys = [
            row[0] for row in connection.execute(asked.values(outcome=Outcome.SUCCEEDED).returning(o.subscription_key))
        ]
        settled = {"observed": Observed.BLOCKED, "phase": Phase.SETTLED, "due_at": None}
        for at in range(0, len(keys), 500):
            some = keys[at : at + 500]
            connection.execute(update(tables.subscriptions).where(s.key.in_(some)).values(settled))
            connection.execute(update(tables.accounts).where(a.key.in_(some)).values(due_at=None))


def report(hub: Hub) -> int:
    """Stream what became of each."""
    lines = CampaignReports(hub.tenant("default").bench).of(CAMPAIGN)
    return sum(line.outcome is Fate.REACHED for line in lines)


def step(name: str, url: str) -> dict[str, Any]:
    """Do one step; return what it took, and the most memory that the process had."""
    hub = opened(url)
    began, used = time.perf_counter(), time.process_time()
    done: Any = {"plan": plan, "start": start, "release": release, "report": report}[name](hub)
    many, beside = done if isinstance(done, tuple) else (done, 0.0)
    cpu, seconds = time.process_time() - used - beside, time.perf_counter() - began
    hub.close()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"contracts": many, "cpu_seconds": round(cpu, 2), "seconds": round(seconds, 1), "mb": round(megabytes, 1)}


STEPS = ("plan", "start", "release", "report")


def in_a_process(name: str, url: str, many: int) -> dict[str, Any]:
    """Do one step in a process of its own, and return what it tells."""
    command = [sys.executable, __file__, "--step", name, "--sizes", str(many), "--database", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def one_size(many: int, url: str | None) -> dict[str, dict[str, Any]]:
    """Seed a store, and do all steps in it."""
    with tempfile.TemporaryDirectory() as folder:
        at = url or f"sqlite:///{folder}/store.db"
        in_a_process("seed", at, many)
        return {name: in_a_process(name, at, many) for name in STEPS}


@click.command()
@click.option("--sizes", default="10000,100000", show_default=True)
@click.option("--database", help="An empty store, for one size; default: a file of SQLite for each.")
@click.option("--step", "one", type=click.Choice(["seed", *STEPS]), hidden=True)
@click.option("--json", "as_json", is_flag=True)
def main(sizes: str, database: str | None, one: str | None, as_json: bool) -> None:
    many = [int(size) for size in sizes.split(",")]
    if one == "seed":
        seed(str(database), many[0])
        print("{}")
        return
    if one is not None:
        print(json.dumps(step(one, str(database))))
        return
    found = {f"{size:,}": one_size(size, database) for size in many}
    first = next(iter(found.values()))
    for steps in found.values():
        for name, told in steps.items():
            each = told["cpu_seconds"] / told["contracts"]
            told["cpu per contract"] = round(each / (first[name]["cpu_seconds"] / first[name]["contracts"]), 2)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for size, steps in found.items():
        for name, told in steps.items():
            each = f"{told['cpu per contract']:.2f} x per contract"
            print(f"{size:>10} {name:>8}: {told['cpu_seconds']:.1f} s of CPU, {told['mb']:.0f} MB, {each}")


if __name__ == "__main__":
    main()
