"""Starting a simulator as a process of its own, as scripts and other machines' tests do, and steering it there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from svahub.testing.control import CONTROL
from svahub.testing.faults import Fault

COMMAND = (sys.executable, "-m", "svahub", "simulate")
SECONDS_TO_STOP = 10.0


class SimulatorProcess:
    """A running simulator: its `url`, its `credentials`, and its runtime control."""

    def __init__(self, process: subprocess.Popen[str], greeting: dict[str, Any]) -> None:
        self.process = process
        self.url: str = greeting["url"]
        self.credentials: dict[str, str] = {k: v for k, v in greeting.items() if k not in {"url", "ready"}}

    def set_faults(self, rates: Mapping[Fault, float]) -> None:
        """Replace all rates of faults; an empty mapping switches all off."""
        self._ask("PUT", "faults", {str(fault): rate for fault, rate in rates.items()})

    def next(self, *strikes: Fault | Sequence[Fault] | None, method: str | None = None, path: str = "") -> None:
        """Say what the next matching requests meet: a fault, several at once, or None for none at all."""
        self._ask("POST", "next", {"faults": strikes, "method": method, "path": path})

    def accept(self, *credentials: Mapping[str, str]) -> None:
        """Have exactly these credentials taken; what one does not name is as in `credentials`."""
        self._ask("PUT", "accepted", {"accepted": [dict(given) for given in credentials]})

    def set_timings(self, **seconds: float) -> None:
        """Set some of the `Timings`."""
        self._ask("PUT", "timings", seconds)

    def state(self) -> Any:
        """Return the provider's own list of what it has."""
        return self._ask("GET", "state")

    def requests(self) -> Any:
        """Return how many requests each route had, by status."""
        return self._ask("GET", "requests")

    def steer(self, name: str, **body: object) -> Any:
        """Ask one of the simulator's own controls for something, and return what it answers."""
        return self._ask("POST", name, body)

    def stop(self, timeout: float = SECONDS_TO_STOP) -> int:
        """Send SIGTERM, if it still runs, and return the exit code."""
        self.process.terminate()
        return self.process.wait(timeout)

    def _ask(self, method: str, name: str, body: object = None) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, CONTROL + name, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ValueError(f"the simulator refused {name}: {text.decode()}")
        return json.loads(text) if text else None


@contextmanager
def simulator_process(
    name: str, *arguments: str, deadline: float = 30.0, command: Sequence[str] = COMMAND
) -> Iterator[SimulatorProcess]:
    """Run `svahub simulate NAME` for the length of a `with` block; raise RuntimeError if it is not ready in time."""
    full = [*command, name, "--json", *arguments]
    process = subprocess.Popen(full, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- our own command
    with process:
        try:
            yield SimulatorProcess(process, _greeting(process, deadline))
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()


def _greeting(process: subprocess.Popen[str], deadline: float) -> dict[str, Any]:
    killer = Timer(deadline, process.kill)
    killer.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        killer.cancel()
    if not line:
        raise RuntimeError(f"the simulator was not ready after {deadline:g} s, or ended with an error (see above)")
    greeting: dict[str, Any] = json.loads(line)
    return greeting
