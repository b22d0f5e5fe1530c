"""`svahub events`: lines for people, JSON Lines for programs, and a stream that ends as streams do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.hub import Hub
from svahub.store import journal
from svahub.store.journal import Event
from svahub.store.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hub(sqlite_url: str) -> Iterator[Hub]:
    with Hub.open(sqlite_url) as hub:
        yield hub


def tell(hub: Hub, *kinds: EventKind, **details: Any) -> None:
    with hub.store.write() as connection:
        told = [Event(kind, "tele", "C1", "1", details=details) for kind in kinds]
        journal.tell(connection, "default", hub.store.now(connection), told)


def run(hub: Hub, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["events", *arguments], obj=hub)
    assert result.exit_code == code, result.output
    return result


def numbers(result: Result) -> list[int]:
    return [json.loads(line)["number"] for line in result.stdout.splitlines()]


def test_an_event_is_a_line(hub: Hub) -> None:
    tell(hub, EventKind.PARKED, cause="Rejected: closed", advice="`svahub operations retry 7`")
    (line,) = run(hub).stdout.splitlines()
    assert line.split()[0] == "1"
    assert "parked" in line
    assert "tele  C1/1  cause: Rejected: closed; advice: `svahub operations retry 7`" in line


def test_what_a_provider_said_does_not_steer_the_terminal(hub: Hub) -> None:
    tell(hub, EventKind.PARKED, cause="\x1b[2J\nfake line")
    (line,) = run(hub).stdout.splitlines()
    assert "\x1b" not in line


def test_json_is_one_object_a_line(hub: Hub) -> None:
    tell(hub, EventKind.FREED, EventKind.DEBT_OPENED, source="import")
    first, second = map(json.loads, run(hub, "--json").stdout.splitlines())
    assert (first["number"], first["kind"], second["kind"]) == (1, "freed", "debt_opened")
    assert second["details"] == {"source": "import"}


def test_the_last_fifty_are_shown_unless_more_are_asked_for(hub: Hub) -> None:
    tell(hub, *[EventKind.FREED] * 60)
    assert numbers(run(hub, "--json")) == list(range(11, 61))
    assert numbers(run(hub, "--json", "--limit", "2")) == [59, 60]
    assert numbers(run(hub, "--json", "--since", "3")) == list(range(4, 61))
    assert numbers(run(hub, "--json", "--since", "2020-01-31")) == list(range(1, 61))
    assert numbers(run(hub, "--json", "--since", "31/12/2099")) == []


def test_some_kinds_only(hub: Hub) -> None:
    tell(hub, EventKind.FREED, EventKind.PARKED, EventKind.QUARANTINED)
    assert numbers(run(hub, "--json", "--kind", "parked", "--kind", "quarantined")) == [2, 3]


def test_nothing_to_show_is_said_beside_the_output(hub: Hub) -> None:
    assert (run(hub).stdout, run(hub).stderr) == ("", "Nothing to show.\n")
    assert run(hub, "--json").output == ""


@pytest.mark.parametrize("wrong", [("--since", "soon"), ("--kind", "storm"), ("--limit", "-1")])
def test_what_makes_no_sense_is_a_usage_error(hub: Hub, wrong: tuple[str, str]) -> None:
    run(hub, *wrong, code=2)


# -- following ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def follow(hub: Hub, sqlite_url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "svahub", "--database", sqlite_url, "events", "--follow", "--json"]
    tell(hub, EventKind.FREED)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_ctrl_c
    )
    with process:
        yield process
        process.kill()


def _heed_ctrl_c() -> None:
    """Undo what the tests may have been started with: a shell has what it puts in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def read(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(json.loads(process.stdout.readline())["number"])


def test_following_prints_each_event_as_it_comes_until_sigterm(hub: Hub, follow: subprocess.Popen[str]) -> None:
    assert read(follow) == 1
    tell(hub, EventKind.PARKED, EventKind.FREED)
    assert [read(follow), read(follow)] == [2, 3]
    follow.terminate()
    assert (follow.wait(30), _errors(follow)) == (0, "")


@pytest.mark.deep
def test_ctrl_c_ends_it_as_it_ends_every_command(follow: subprocess.Popen[str]) -> None:
    assert read(follow) == 1
    follow.send_signal(signal.SIGINT)
    assert (follow.wait(30), _errors(follow)) == (130, "")


@pytest.mark.deep
def test_a_pipe_that_nobody_reads_any_more_ends_it_quietly(follow: subprocess.Popen[str]) -> None:
    assert read(follow) == 1
    assert follow.stdout is not None
    follow.stdout.close()
    follow.wait(30)
    assert _errors(follow) == ""


def _errors(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()
