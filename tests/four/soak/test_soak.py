"""A minute of everything at once, and half an hour of it, in the long proofs."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic

import pytest
from click.testing import CliRunner
from svahub.cli import main
from svahub.hub import Hub

from four.soak.events import happen
from four.soak.processes import Company, Process, Taken, at_work
from four.soak.town import PATIENT, Town
from four.trades import TRADES

SIGNED = {**TRADES, "bill": replace(TRADES["bill"], secrets=("key", "webhook_token"))}
THREADS = 8
WORK = ("--runner", "procrastinate", "--threads", f"{THREADS}")
HOUSEHOLDS = 30
EVENTS_A_SECOND = 8
MINUTE, HALF_AN_HOUR = 60.0, 1800.0
DEATHS = {MINUTE: 5, HALF_AN_HOUR: 40}
"""So many workers die in a soak, one after another; each is replaced at once."""
PATIENCE_SECONDS = 90.0
MEGABYTE = 2**20


@pytest.fixture
def town(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Return an ISP on PostgreSQL with all four providers, which has sold nothing yet."""
    with ExitStack() as stack:
        simulators = {name: stack.enter_context(trade.simulator(seed=1).running()) for name, trade in SIGNED.items()}
        simulators["bill"].credentials["webhook_token"] = secrets.token_urlsafe(32)
        hub = stack.enter_context(Hub.open(postgresql_url))
        for name, simulator in simulators.items():
            SIGNED[name].register(hub.tenant("default"), name, simulator, monkeypatch, **PATIENT)
        yield Town(hub, simulators, Random(7))


def ticks(seconds: float, a_second: float) -> Iterator[float]:
    """Yield which part of a time has passed, so many times a second until it is over."""
    began, pause = monotonic(), Event()
    while (passed := monotonic() - began) < seconds:
        yield passed / seconds
        pause.wait(1 / a_second)


def settled(town: Town) -> None:
    """Wait until the processes have nothing left to do."""
    for _ in ticks(PATIENCE_SECONDS, 5):
        left = town.left()
        if not left:
            return
    pytest.fail(f"after {PATIENCE_SECONDS:g} s there is left: {left}")


def ask(town: Town, *arguments: str) -> None:
    """Run a command that must succeed."""
    result = CliRunner().invoke(main, arguments, obj=town.hub)
    assert result.exit_code == 0, result.output


def moved_in(town: Town, company: Company) -> list[Process]:
    """Sell to everybody, and begin to charge those who pay; return the server and the first worker."""
    ask(town, "policy", "set", "--grace-days", "0", "--yes")
    server, address = company.serve()
    ask(town, "asaas", "webhook", "register", address)
    town.sign(HOUSEHOLDS)
    first = company.hire()
    settled(town)
    town.charge()
    return [server, first]


def soaked(town: Town, company: Company, seconds: float) -> Counter[str]:
    """Let things happen and fail for so long, while workers die, and another joins for the third quarter of it."""
    asked: Counter[str] = Counter()
    mortal, guest, died, looked = company.hire(), None, 0, 0
    town.let_them_fail()
    for passed in ticks(seconds, EVENTS_A_SECOND):
        asked[happen(town)] += 1
        if passed * seconds > looked:
            company.look()
            looked += 1
        if passed > (died + 1) / (DEATHS[seconds] + 1):
            company.lose(mortal)
            mortal, died = company.hire(), died + 1
        if guest is None and passed > 0.5:
            guest = company.hire()
        if guest in company.running and guest.listens and passed > 0.75:
            company.dismiss(guest)
    town.let_them_be()
    return asked


def is_flat(before: Taken, after: Taken) -> bool:
    """Say whether a process takes no more than it took: a thread is made when there is work for it, up to a number."""
    no_more_memory = after.memory <= before.memory * 1.03 + 2 * MEGABYTE
    return no_more_memory and after.threads <= before.threads + THREADS and after.files <= before.files + 4


def soak(town: Town, folder: Path, seconds: float, note: Callable[[str, object], None]) -> None:
    """Let it go on for so long; then both sides agree, and nothing has grown."""
    with at_work(town.hub.store.url.render_as_string(hide_password=False), folder, *WORK) as company:
        survivors = moved_in(town, company)
        asked = soaked(town, company, seconds)
        settled(town)
        for process in survivors:
            company.dismiss(process)
    struck = {name: sum(simulator.faults.struck.values()) for name, simulator in town.simulators.items()}
    thirds = {name: process.by_thirds() for name, process in zip(("server", "worker"), survivors, strict=True)}
    note("asked", dict(asked))
    note("faults", struck)
    note("memory, threads, files by thirds", thirds)
    town.agree()
    assert min(struck.values()) > 0
    assert min(asked.values()) > 0
    assert all(is_flat(*taken) for taken in thirds.values()), thirds


def test_a_minute_of_everything_at_once_leaves_both_sides_agreed_and_nothing_grown(
    town: Town, tmp_path: Path, note: Callable[[str, object], None]
) -> None:
    soak(town, tmp_path, MINUTE, note)


@pytest.mark.deep
def test_and_half_an_hour_of_it(town: Town, tmp_path: Path, note: Callable[[str, object], None]) -> None:
    soak(town, tmp_path, HALF_AN_HOUR, note)
