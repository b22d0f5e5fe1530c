"""A process that has svahub imported already and forks children for tests; `Nursery` is the tests' side of it.

Started as a program, it takes orders from its input, a JSON line each: fork a child for a job, or wait for one.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from proof.child import Job

SECONDS = 60.0
"""A child that takes longer is killed, and its test fails."""


class Ended(NamedTuple):
    """How a child ended: its exit code, negative for the signal that killed it, what it wrote, and whether it acted."""

    code: int
    output: str
    errors: str
    acted: bool

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Child:
    """A running child."""

    def __init__(self, nursery: Nursery, job: Job, pid: int) -> None:
        self._nursery, self._job, self.pid = nursery, job, pid
        self._overdue = False

    def wait(self, seconds: float = SECONDS) -> Ended:
        """Return how it ended; AssertionError, with what it wrote, if it does not end in time."""
        answer = self._answer(seconds)
        ended = Ended(answer["code"], _text(self._job.output), _text(self._job.errors), self._job.acted.exists())
        assert not self._overdue, f"{self._job.arguments} hung: {ended.errors or ended.output}"
        return ended

    def wait_until_it_stops(self, seconds: float = SECONDS) -> bool:
        """Return True once it has stopped itself, False if it ended before."""
        answer = self._answer(seconds)
        assert not self._overdue, f"{self._job.arguments} hung: {_text(self._job.errors)}"
        return answer["code"] is None

    def _answer(self, seconds: float) -> Any:
        timer = Timer(seconds, self._give_up)
        timer.start()
        try:
            return self._nursery.order({"wait": self.pid})
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self._overdue = True
        self.kill()

    def kill(self) -> None:
        """Kill it; it may have ended."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, as a supervisor does."""
        self._signal(signal.SIGTERM)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


class Nursery:
    """Forks children; to be closed."""

    def __init__(self) -> None:
        path = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
        command = [sys.executable, "-m", "proof.nursery"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(SECONDS)
        assert self._process.stdout
        self._process.stdout.close()

    def start(self, job: Job) -> Child:
        """Fork a child that does a job."""
        return Child(self, job, self.order({"fork": asdict(job)})["pid"])

    def order(self, order: dict[str, Any]) -> Any:
        """Give one order and return its answer."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


# -- the process itself ------------------------------------------------------------------------------------------------


def serve() -> None:
    """Obey until the input ends, then kill what still runs."""
    from proof.child import run, warm_up
    from proof.rehearsal import rehearse

    warm_up()
    rehearse()
    gc.freeze()  # children share what is there as long as nobody touches it
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "fork" in order:
            pid = os.fork()
            if pid == 0:
                run(order["fork"])
            running.add(pid)
            _say({"pid": pid})
        else:
            _, status = os.waitpid(order["wait"], os.WUNTRACED)
            stopped = os.WIFSTOPPED(status)
            if not stopped:
                running.discard(order["wait"])
            _say({"code": None if stopped else os.waitstatus_to_exitcode(status)})
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _say(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    serve()
