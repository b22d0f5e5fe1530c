"""Each of these bugs is caught by the kit, with a message that names the cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.bugs import BUGS, Bug
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


@pytest.mark.deep
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.plugin.__name__)
def test_every_bug_is_caught(tmp_path: Path, bug: Bug) -> None:
    test, message = caught(tmp_path, bug, "-x", "-k", bug.test)
    print(f"| {bug.plugin.__name__} | {test} | {message.splitlines()[0] if message else ''} |")  # noqa: T201
    assert (test, bug.says in message) == (bug.test, True), message
