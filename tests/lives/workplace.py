"""Where an ISP's work is done while a life is told, each life word for word the same on every runner.

Embedded, a loop in this process does what is due, as `svahub work --once` does, on a clock that it moves on itself.
Distributed, two `svahub work` processes that jobs tell where to look work all the time; a life asks the store.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM
from threading import Event
from time import monotonic
from typing import Protocol

from svahub.cli.working import Work, at_work
from svahub.clock import Clock
from svahub.hub import Hub
from svahub.store import schedules
from svahub.store.states import CampaignState, Outcome, RunnerName
from svahub.testing.clocks import HandClock

from proof.child import Job, SharedClock
from proof.nursery import Child, Nursery

THREADS = 4
WORKERS = 2
ROUNDS = 60
PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.1


class MovableClock(Clock, Protocol):
    """A clock that everybody follows and a life can move on."""

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """Let time pass at once."""


class Workplace(ABC):
    """One store, the clock that all who use it follow, and who does the work. To be closed."""

    def __init__(self, url: str, clock: MovableClock) -> None:
        self.url, self.clock = url, clock

    @abstractmethod
    def until(self, hub: Hub, what: Callable[[], object]) -> None:
        """Have the work done until something is so; AssertionError, with what is left, if it does not become so."""

    def rest(self, hub: Hub) -> None:
        """Have the work done until none is left."""
        self.until(hub, lambda: not left(hub))

    @abstractmethod
    def close(self) -> None:
        """Let everybody go, before the providers go."""


class Embedded(Workplace):
    """A loop in this process. Time stands until a life moves it on, or must wait for something."""

    def __init__(self, url: str) -> None:
        super().__init__(url, HandClock())
        self._work: Work | None = None
        self._open = ExitStack()

    def until(self, hub: Hub, what: Callable[[], object]) -> None:
        if self._work is None:
            opened = at_work(hub, [], threads=THREADS, runner=RunnerName.IN_PROCESS, once=True)
            self._work = self._open.enter_context(opened)
        for _ in range(ROUNDS):
            self._work.once()
            if what():
                return
            self.clock.advance(seconds=1)
        raise AssertionError(f"after {ROUNDS} rounds there is left: {left(hub)}")

    def close(self) -> None:
        self._open.close()


class Distributed(Workplace):
    """Two machines' workers, as processes. Time passes as it does; a life may move it on for all of them."""

    def __init__(self, url: str, folder: Path, nursery: Nursery) -> None:
        clock = SharedClock(folder / "clock")
        clock.show(HandClock().now())
        super().__init__(url, clock)
        self._clock_file, self._folder, self._nursery = clock.path, folder, nursery
        self._workers: list[Child] = []

    def until(self, hub: Hub, what: Callable[[], object]) -> None:
        while len(self._workers) < WORKERS:
            self._hire()
        pause, deadline = Event(), monotonic() + PATIENCE_SECONDS
        while not what():
            assert monotonic() < deadline, f"after {PATIENCE_SECONDS:g} s there is left: {left(hub)}"
            pause.wait(LOOK_SECONDS)

    def _hire(self) -> None:
        """Start a worker, once there is the environment in which secrets are found."""
        arguments = ["work", "--runner", RunnerName.PROCRASTINATE.value, "--threads", str(THREADS)]
        output, errors = (str(self._folder / f"worker-{len(self._workers)}.{kind}") for kind in ("out", "err"))
        job = Job(arguments, self.url, output, errors, environment=dict(os.environ), clock=self._clock_file)
        self._workers.append(self._nursery.start(job))

    def close(self) -> None:
        """Dismiss the workers: each ends well, and tells by its code how things are, unless it had hardly begun."""
        for worker in self._workers:
            worker.terminate()
        ended = [worker.wait() for worker in self._workers]
        assert {one.code for one in ended} <= {0, 4, -SIGTERM}, ended
        assert "Traceback" not in "".join(one.errors for one in ended), ended


def left(hub: Hub) -> list[object]:
    """Return what is left to do: not what waits for a person, nor what hangs on something else than time.

    What is looked at first leads to what is looked at later, so nothing is missed while it goes from one to the other.
    """
    office = hub.tenant("default")
    return [
        *_due_by_the_clock(hub),
        *(one for one in office.health.beside() if one.unread),
        *(one for one in office.campaigns.list() if one.state == CampaignState.RUNNING),
        *(one for one in office.subscriptions.list() if not one.rests),
        *(one for one in office.sources.list() if one.unreported),
        *office.tasks.list(outcome=Outcome.QUEUED),
    ]


def _due_by_the_clock(hub: Hub) -> list[object]:
    with hub.store.read() as connection:
        rows, now = schedules.of_tenant(connection, "default"), hub.store.now(connection)
    if not rows:
        return ["nobody has seen to what is done by the clock"]
    return [row for row in rows if row.owner is not None or (row.enabled and row.next_due_at <= now)]
