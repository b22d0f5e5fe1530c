"""What `plugins check` prints for people."""

from __future__ import annotations

from typing import Any

import pytest
from svahub.cli.plugin_check import FAILURES_SHOWN, show
from svahub.testing.checking.assessment import assess
from svahub.testing.checking.subject import Subject
from svahub.testing.grades import Level

SUBJECT = Subject("svahub-acme", "1.2", "installed", ("acme",))


def ended(name: str, outcome: str, told: str = "") -> dict[str, Any]:
    about = {"name": name, "capability": "faults", "level": "silver", "outcome": outcome, "seconds": 0.5}
    return about | ({"reason": told, "message": ""} if outcome == "excused" else {"reason": "", "message": told})


def shown(capsys: pytest.CaptureFixture[str], *tests: dict[str, Any], own: bool = True) -> str:
    about = {"provider": "acme:Acme", "title": "Acme", "own": own, "capabilities": ["find_user"], "lacks": []}
    show(SUBJECT, Level.SILVER, None, [assess({**about, "tests": tests})])
    return capsys.readouterr().out


def test_what_was_asked_and_reached_and_what_is_between_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    *_, last, less, lacking = shown(capsys, ended("a", "failed", "why")).splitlines()
    assert last == "svahub-acme 1.2 (installed): no level; asked: silver."
    assert (less, lacking) == ("Acme: 1 of silver failed", "Acme: gold needs list_users")


def test_a_failure_that_several_tests_have_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, *(ended(name, "failed", "nobody was sold\n  expected: one") for name in "abc"))
    assert "\na, and 2 more:\nnobody was sold\n  expected: one\n" in told
    assert told.count("nobody was sold") == 1


def test_of_many_failures_some_are_told_and_the_others_counted(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, *(ended(f"t{n}", "failed", f"reason {n}") for n in range(FAILURES_SHOWN + 3)))
    assert ("reason 0" in told, f"reason {FAILURES_SHOWN}" in told, "… and 3 other ways to fail" in told) == (
        True,
        False,
        True,
    )


def test_an_excuse_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\na is excused: they never answer\n" in shown(capsys, ended("a", "excused", "they never answer"))


def test_nothing_that_a_plugin_says_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, ended("a", "failed", "sold\x1b[2J"), ended("b", "excused", "\x1b[31mred"))
    assert "\x1b" not in told


@pytest.mark.parametrize("own", [True, False])
def test_a_contract_that_nobody_wrote_is_told_as_such(capsys: pytest.CaptureFixture[str], own: bool) -> None:
    assert ("no contract of its own" not in shown(capsys, ended("a", "passed"), own=own)) is own
