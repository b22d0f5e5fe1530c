"""A simulated TeleClínica in a process of its own that writes down when each request came, for other benchmarks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from svahub.testing import SimulatorProcess
from svahub.testing.control import CONTROL
from svahub.testing.http import Message, Scope
from svahub_teleclinica.simulator import TeleClinicaSimulator


class Call(NamedTuple):
    """When a request came, in unix seconds, and what it asked."""

    at: float
    method: str
    path: str


class Noting(TeleClinicaSimulator):
    """Writes a line for each request as it comes."""

    log: TextIO

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(CONTROL):
            self.log.write(f"{time.time()} {scope['method']} {scope['path']}\n")
        await super().__call__(scope, receive, send)


@dataclass
class Clinic:
    """The running simulator and its log."""

    there: SimulatorProcess
    file: Path

    def calls(self, after: float = 0.0) -> list[Call]:
        """Return what came since an instant."""
        return [call for call in self._read() if call.at >= after]

    def _read(self) -> Iterator[Call]:
        for line in self.file.read_text().splitlines():
            at, method, path = line.split(" ", 2)
            yield Call(float(at), method, path)


@contextmanager
def noting(folder: Path) -> Iterator[Clinic]:
    """Run it until the block ends."""
    file = folder / "calls.log"
    process = subprocess.Popen([sys.executable, __file__, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    there = SimulatorProcess(process, json.loads(process.stdout.readline()))
    try:
        yield Clinic(there, file)
    finally:
        there.stop()


def main(file: str) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    simulator = Noting()
    with Path(file).open("w", buffering=1) as simulator.log, simulator.running():
        greeting: dict[str, Any] = {"url": simulator.url, **simulator.credentials}
        sys.stdout.write(json.dumps(greeting) + "\n")
        sys.stdout.flush()
        while not ended.wait(1):
            pass


if __name__ == "__main__":
    main(sys.argv[1])
