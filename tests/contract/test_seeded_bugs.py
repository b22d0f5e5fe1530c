"""Each of these bugs is caught by the kit, with a message that names the cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.bugs import BUGS, Bug, SendsAnotherReference
from contract.running import run

QUICK = {"BlocksTheWholeUser"}


def caught(folder: Path, bug: Bug, *arguments: str) -> tuple[str, str]:
    """Return the test that fails first, and its message."""
    contract = run(folder, bug.plugin, bug.simulator, *arguments)
    failed = [test for test in contract["tests"] if test["outcome"] == "failed"]
    return (failed[0]["name"].partition("[")[0], failed[0]["message"]) if failed else ("nothing", "")


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.plugin.__name__ in QUICK], ids=lambda b: b.plugin.__name__)
def test_a_bug_is_caught(tmp_path: Path, bug: Bug) -> None:
    test, message = caught(tmp_path, bug, "-k", bug.test)
    assert (test, bug.says in message) == (bug.test, True), message


def test_the_state_machine_shows_a_failure_as_it_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")  # so that it draws the same each time
    bug = next(bug for bug in BUGS if bug.plugin is SendsAnotherReference)
    contract = run(tmp_path, bug.plugin, bug.simulator, "-k", "whatever_is_asked")
    (told,) = [test for test in contract["tests"] if test["outcome"] == "failed"]
    assert (bug.says in told["message"], "state.sign(" in told["message"]) == (True, True), told["message"]
    assert "--svahub-seed 0" in told["message"]
    assert told["seconds"] < 60  # it took minutes while it looked for fewer steps at once


@pytest.mark.deep
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.plugin.__name__)
def test_every_bug_is_caught(tmp_path: Path, bug: Bug) -> None:
    test, message = caught(tmp_path, bug, "-x", "-k", bug.test)
    print(f"| {bug.plugin.__name__} | {test} | {message.splitlines()[0] if message else ''} |")  # noqa: T201
    assert (test, bug.says in message) == (bug.test, True), message
