"""What `work` and `serve --with-work` do: converge and all that goes its rounds beside it, until told to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from svahub.runners import opened
from svahub.store.states import RunnerName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from svahub.campaigning.rounds import Campaigning
    from svahub.converge import Progress
    from svahub.dispatching import Dispatching
    from svahub.hub import Hub
    from svahub.receiving import Receiving
    from svahub.runners import Runner
    from svahub.timekeeper import Timekeeper
    from svahub.watching import Watching

threads_option = click.option(
    "--threads",
    type=click.IntRange(1, 512),
    default=32,
    show_default=True,
    help="Calls at once at each integration, at most.",
)

runner_option = click.option(
    "--runner",
    type=click.Choice([name.value for name in RunnerName]),
    envvar="SVAHUB_RUNNER",
    default=RunnerName.IN_PROCESS.value,
    show_default=True,
    callback=lambda _context, _option, name: RunnerName(name),
    help="Who says where to look: this process, or jobs on PostgreSQL for several machines.",
)


@dataclass(frozen=True, slots=True)
class Work:
    """What works on a store for some tenants."""

    keeper: Timekeeper
    receiving: Receiving
    runner: Runner
    dispatching: Dispatching
    watching: Watching
    campaigning: Campaigning

    def once(self) -> None:
        """Do what is due, until nothing is: what comes in first, as it says what is to be done."""
        self.keeper.run_due()
        self.watching.drain()
        self.receiving.drain()
        self.campaigning.drain()
        self.runner.drain()
        while self.receiving.drain() + self.watching.drain() + self.campaigning.drain():
            self.runner.drain()
        self.dispatching.drain()

    def stop(self) -> None:
        """Take nothing more; safe in a signal handler."""
        self.campaigning.stop()
        self.watching.stop()
        self.receiving.stop()
        self.dispatching.stop()
        self.keeper.stop()
        self.runner.stop()


@contextmanager
def at_work(
    hub: Hub,
    tenants: Sequence[str],
    *,
    threads: int,
    runner: RunnerName,
    progress: Progress = lambda _ended: None,
    once: bool = False,
) -> Iterator[Work]:
    """Return what works for some tenants (none named: for all), ended with the block.

    Unless it is to work only once, what is beside converge goes its rounds in threads of their own.
    """
    with ExitStack() as open_ones:
        keeper = hub.timekeeper(tenants=tenants)
        dispatching = open_ones.enter_context(hub.dispatching(tenants=tenants))
        receiving = open_ones.enter_context(hub.receiving(tenants=tenants))
        watching = open_ones.enter_context(hub.watching(tenants=tenants, once=once))
        campaigning = open_ones.enter_context(hub.campaigning(tenants=tenants))
        if not once:  # outside the worker: no call under way waits for a schedule or a delivery to end
            open_ones.enter_context(keeper.running())
            open_ones.enter_context(receiving.running())
            open_ones.enter_context(dispatching.running())
            open_ones.enter_context(watching.running())
            open_ones.enter_context(campaigning.running())
        work = opened(runner, hub, threads=threads, tenants=tenants, progress=progress)
        yield Work(keeper, receiving, open_ones.enter_context(work), dispatching, watching, campaigning)


@contextmanager
def stopped_by_signals(*stops: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end what is inside after what is under way; a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        for one in stops:
            one()

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
