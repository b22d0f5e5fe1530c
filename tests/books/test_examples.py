"""The --help of each command ends with an example, and the example does what it shows."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from svahub.cli import main
from svahub.testing.command_tree import leaves

from books.isp import Isp, opened

if TYPE_CHECKING:
    from conftest import Site

ACT = "def act(stage):\n    stage.row('nothing', set(), set())\n"
"""Stands for the acts of our plugins, which CI plays whole."""

UNTIL_STOPPED = {"serve", "simulate", "source watch"}
ELSEWHERE = {"plugins check"}
"""What takes long is run once, in `newcomers/test_checked.py`."""
TELLING_OF_PARKED = {"doctor", "status", "work"}
"""These end with 4, as something waits for a person there."""


def example(command: str) -> str:
    """Return the example that --help shows, its lines joined as a shell joins them; "": there is none."""
    shown = CliRunner().invoke(main, [*command.split(), "--help"]).output
    return shown.partition("Example: ")[2].strip().replace("\\\n", " ")


@contextmanager
def stopped_once_it_listens() -> Iterator[None]:
    """Press Ctrl-C as soon as somebody who runs inside takes it."""

    def asleep(*_: object) -> None: ...

    def press() -> None:
        while signal.getsignal(signal.SIGINT) is asleep:
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, asleep)
    thread = Thread(target=press)
    thread.start()
    try:
        yield
        thread.join(timeout=10)
    finally:
        signal.signal(signal.SIGINT, before)


def fault_of(isp: Isp, command: str) -> str | None:
    """Say what is wrong with the example of a command; None: it is one line that works."""
    line = example(command)
    if not line.startswith("svahub ") or "\n" in line:
        return f"{command}: --help shows no example, or breaks its line: {line!r}"
    if command not in line:
        return f"{command}: the example is one of another command: {line}"
    if command in UNTIL_STOPPED:
        with stopped_once_it_listens():
            result = isp.invoke(line)
    else:
        result = isp.invoke(line)
    allowed = {0, 4} if command in TELLING_OF_PARKED else {0}
    return None if result.exit_code in allowed else f"{line}: {result.exit_code}: {result.output}"


@pytest.fixture
def isp(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Isp]:
    """Return an ISP that has all that examples name."""
    with opened(tmp_path, sqlite_url, monkeypatch) as isp:
        yield isp


def test_every_command_shows_an_example_and_it_works(isp: Isp, site: Site) -> None:
    site.install("act-of-books", "[svahub.demos]\nnothing = act_of_books:act\n", act_of_books=ACT)
    isp.meant |= {"demo acme": "demo nothing", "--port 8180": "--port 0", "--port 8181": "--port 0"}
    every = (" ".join(path) for path, _ in leaves(main))
    faults = [fault for command in every if command not in ELSEWHERE and (fault := fault_of(isp, command))]
    assert faults == []
