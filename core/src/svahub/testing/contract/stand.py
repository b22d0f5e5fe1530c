"""What the tests of one contract share: a store, a hub over it that can be restarted, a clock, and who listens."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from svahub.clock import Clock
from svahub.converge import Converge
from svahub.hub import Hub
from svahub.testing.clocks import RunningClock
from svahub.testing.contract.installed import Alone
from svahub.testing.contract.isp import Isp
from svahub.testing.contract.outward import kept_inside
from svahub.testing.contract.verdict import Broken, hold
from svahub.testing.contract.watched import watched
from svahub.testing.contract.witness import Witness

if TYPE_CHECKING:
    from svahub.testing.contract.base import Contract

MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of our own in it
T = TypeVar("T")
ENOUGH = 256 * 2**20
"""Bytes that must be free there before a store is kept in memory."""


class Stand:
    """One store with one hub, and the provider's simulators; every ISP on it is a tenant of its own."""

    def __init__(self, contract: type[Contract], folder: Path, stack: ExitStack) -> None:
        self.contract, self.kind, self.folder = contract, contract.kind(), folder
        self.clock: Clock = RunningClock()
        self.witness = Witness()
        self.registry = Alone(self.kind, self.witness)
        self.file, self.numbers = folder / "svahub.db", count(1)
        self.file.write_bytes(_empty_store())
        self._stack, self._tenants = stack, count(1)
        self._workers: dict[str, Converge] = {}
        self._isps: list[Isp] = []
        self._kept: dict[str, Isp] = {}
        self._failed: dict[str, str] = {}
        self.hub = self._opened()
        self.isp = self.found()
        self.called: list[str] = []

    def found(self, simulator: Any = None, **settings: Any) -> Isp:
        """Return a new ISP, with an account at a simulator of its own unless one is given."""
        if simulator is None:
            simulator = self._stack.enter_context(self._simulator().running())
            simulator.elsewhere = self._elsewhere()
            self.witness.count = lambda: len(self.isp.simulator.visits)
        self._isps.append(Isp(self, f"isp{next(self._tenants)}", simulator, settings))
        return self._isps[-1]

    def kept(self, name: str, make: Callable[[], Isp]) -> Isp:
        """Return an ISP that several tests share, made on first use."""
        if name not in self._kept:
            self._kept[name] = self.once(name, make)
        return self._kept[name]

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what is made; where making it failed before, it fails alike, and at once."""
        if name in self._failed:
            raise Broken(self._failed[name])
        try:
            return make()
        except Broken as error:
            self._failed[name] = str(error)
            raise

    def _simulator(self) -> Any:
        return watched(self.contract.simulator)(seed=1, clock=self.clock)

    def _elsewhere(self) -> str:
        """Return the address of another host, where nobody should come."""
        self.trap = self._stack.enter_context(self._simulator().running())
        return f"http://127.0.0.1:{self.trap.port}"

    def worker(self, tenant: str) -> Converge:
        """Return the worker of one ISP; it makes one call after the other, so that it is known whose call each is."""
        if tenant not in self._workers:
            self._workers[tenant] = self.hub.work(threads=1, tenants=[tenant])
        return self._workers[tenant]

    def restart(self) -> None:
        """Close the hub and open another one on the same store."""
        self.close()
        self.hub = self._opened()

    def close(self) -> None:
        """Let the workers end, and close the hub."""
        for isp in self._isps:
            isp.close()
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()
        self.hub.close()

    def _opened(self) -> Hub:
        return Hub.open(f"sqlite:///{self.file}", self.registry, clock=self.clock, draw=lambda: 0.5)

    @contextmanager
    def watched(self) -> Iterator[Isp]:
        """Lend the ISP to a test: nothing is wrong at first, and nobody is called but the provider."""
        self.witness.count = lambda: len(self.isp.simulator.visits)
        self.isp.mend()
        with kept_inside() as self.called:
            yield self.isp
            self.stayed_inside()

    def stayed_inside(self) -> None:
        """Raise Broken when another host than the provider's was called."""
        visits, called = self.trap.visits, sorted(set(self.called))
        where = f"{', '.join(called)} was called" if called else "the host of a redirect was called"
        hold(
            not called and not visits,
            "no host is called but that of the integration",
            where,
            "call through the client that the constructor is given, with paths below its base URL: it follows no "
            "redirect and reaches no other environment",
            visits or self.isp.simulator.visits,
        )


@contextmanager
def opened(contract: type[Contract]) -> Iterator[Stand]:
    """Make a stand for the tests of one contract, in memory where that can be."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="svahub-contract-", dir=_fastest_folder()))
        stand = Stand(contract, Path(folder), stack)
        stack.callback(lambda: stand.close())
        yield stand


def _fastest_folder() -> str | None:
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    return str(MEMORY) if roomy else None


@cache
def _empty_store() -> bytes:
    """Return the file of a store in which nothing is yet: to make one takes longer than most tests."""
    with tempfile.TemporaryDirectory(dir=_fastest_folder()) as folder:
        file = Path(folder, "svahub.db")
        Hub.open(f"sqlite:///{file}").close()
        return file.read_bytes()
