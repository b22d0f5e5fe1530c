"""The processes of an ISP, as its operators start them, and what each of them takes of the machine while it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from signal import SIGTERM
from statistics import median
from typing import NamedTuple, Self

import psutil
from svahub.cli.exits import ExitCode

PATIENCE_SECONDS = 60.0


class Taken(NamedTuple):
    """What a process has of the machine: memory in bytes, threads, open files and sockets."""

    memory: float
    threads: float
    files: float

    @classmethod
    def by(cls, pid: int) -> Self:
        """Look at a process now."""
        process = psutil.Process(pid)
        with process.oneshot():
            return cls(process.memory_info().rss, process.num_threads(), process.num_fds())

    @classmethod
    def usually(cls, looks: Iterable[Taken]) -> Self:
        """Return the median of each."""
        return cls(*map(median, zip(*looks, strict=True)))


@dataclass
class Process:
    """One `svahub` process; what it complains of goes to a file."""

    popen: subprocess.Popen[str]
    errors: Path
    taken: list[Taken] = field(default_factory=list)

    def look(self) -> None:
        """Note what it takes now."""
        self.taken.append(Taken.by(self.popen.pid))

    @property
    def listens(self) -> bool:
        """Whether it has come so far that SIGTERM does not just kill it."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught, 16) >> (SIGTERM - 1) & 1)

    def kill(self) -> None:
        """Kill it, with whatever it does just now."""
        self.popen.kill()
        self.popen.communicate()

    def end(self) -> None:
        """Ask it to end, and see that it does so well; a worker tells by its code how things are."""
        self.popen.terminate()
        self.popen.communicate(timeout=PATIENCE_SECONDS)
        assert self.popen.returncode in set(ExitCode), (self.popen.returncode, self.errors.read_text())

    def by_thirds(self) -> tuple[Taken, Taken]:
        """Return what it usually took in the second third of its life, and in the last one."""
        third = len(self.taken) // 3
        return Taken.usually(self.taken[third : 2 * third]), Taken.usually(self.taken[2 * third :])


@dataclass
class Company:
    """The server and the workers of one ISP; all that still run are killed with the block of `at_work`."""

    url: str
    folder: Path
    work: tuple[str, ...]
    numbers: count[int] = field(default_factory=count)
    running: list[Process] = field(default_factory=list)

    def hire(self) -> Process:
        """Start a worker."""
        return self._start("work", *self.work)

    def serve(self) -> tuple[Process, str]:
        """Start the server, and return where it answers, too."""
        server = self._start("serve", "--port", "0", "--json")
        assert server.popen.stdout
        return server, json.loads(server.popen.stdout.readline())["url"]

    def lose(self, worker: Process) -> None:
        """Kill a worker."""
        self.running.remove(worker)
        worker.kill()

    def dismiss(self, process: Process) -> None:
        """Let a process come to its end."""
        self.running.remove(process)
        process.end()

    def look(self) -> None:
        """Note what everybody takes now."""
        for process in self.running:
            process.look()

    def _start(self, *arguments: str) -> Process:
        errors = self.folder / f"{next(self.numbers)}-{arguments[0]}.err"
        command = [sys.executable, "-m", "svahub", "--database", self.url, *arguments]
        with errors.open("w") as file:
            popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, text=True)
        self.running.append(Process(popen, errors))
        return self.running[-1]


@contextmanager
def at_work(url: str, folder: Path, *work: str) -> Iterator[Company]:
    """Return a company without anybody yet, whose workers are started with those options."""
    company = Company(url, folder, work)
    try:
        yield company
    finally:
        for process in company.running:
            process.kill()
