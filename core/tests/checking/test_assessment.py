"""What a report of the kit comes to: levels, capabilities, and what is between a provider and the next level."""

from __future__ import annotations

from typing import Any

import pytest
from svahub.testing.checking.assessment import BROKEN, Assessment, Verdict, assess, lowest, reaches
from svahub.testing.grades import Level

ALL = ("find_user", "list_users")


def ended(
    name: str, level: str, outcome: str = "passed", capability: str = "lifecycle", told: str = ""
) -> dict[str, Any]:
    return {"name": name, "capability": capability, "level": level, "outcome": outcome, "seconds": 0.5} | {
        "reason": told if outcome == "excused" else "",
        "message": f"{BROKEN}{told}" if outcome == "failed" else "",
    }


def assessed(*tests: dict[str, Any], lacks: tuple[str, ...] = (), capabilities: tuple[str, ...] = ALL) -> Assessment:
    about = {"provider": "acme:Acme", "title": "Acme", "own": True}
    return assess({**about, "capabilities": list(capabilities), "lacks": list(lacks), "tests": list(tests)})


def graded(bronze: str, silver: str, gold: str) -> Assessment:
    return assessed(ended("a", "bronze", bronze), ended("b", "silver", silver), ended("c", "gold", gold))


@pytest.mark.parametrize(
    ("outcomes", "level"),
    [
        (("passed", "passed", "passed"), "gold"),
        (("passed", "passed", "failed"), "silver"),
        (("passed", "passed", "excused"), "silver"),
        (("passed", "passed", "not run"), "silver"),
        (("passed", "excused", "passed"), "bronze"),
        (("passed", "not run", "passed"), "bronze"),
        (("excused", "passed", "passed"), None),
        (("not run", "passed", "passed"), None),
        (("failed", "passed", "passed"), None),
    ],
)
def test_a_level_is_reached_by_tests_that_ran_and_passed(outcomes: tuple[str, str, str], level: str | None) -> None:
    assert graded(*outcomes).level == level


@pytest.mark.parametrize("capability", ALL)
def test_a_provider_that_cannot_be_compared_with_reaches_no_gold(capability: str) -> None:
    tests = (ended("a", "bronze"), ended("b", "silver"), ended("c", "gold"))
    less = assessed(*tests, lacks=(capability,), capabilities=tuple({*ALL} - {capability}))
    assert (less.level, less.caps) == ("silver", (f"gold needs {capability}",))


def test_no_tests_reach_no_level() -> None:
    assert assessed().level is None


def test_a_level_without_a_test_of_it_is_not_reached() -> None:
    assert assessed(ended("a", "bronze"), ended("c", "gold")).level == "bronze"


def test_a_package_reaches_what_all_its_providers_reach() -> None:
    gold, bronze = graded("passed", "passed", "passed"), graded("passed", "failed", "passed")
    assert lowest([gold, bronze]) is Level.BRONZE
    assert lowest([gold, graded("failed", "passed", "passed")]) is None
    assert lowest([]) is None


@pytest.mark.parametrize(
    ("level", "asked", "reached"),
    [
        (Level.GOLD, Level.SILVER, True),
        (Level.SILVER, Level.SILVER, True),
        (Level.BRONZE, Level.SILVER, False),
        (None, Level.BRONZE, False),
    ],
)
def test_what_is_asked_is_reached_by_the_same_level_or_a_higher_one(
    level: Level | None, asked: Level, reached: bool
) -> None:
    assert reaches(level, asked) is reached


def test_a_capability_is_called_by_the_worst_of_its_tests() -> None:
    faults = [ended(str(n), "silver", outcome, "faults") for n, outcome in enumerate(["passed", "excused", "failed"])]
    (lifecycle, harmed) = assessed(*faults, ended("a", "bronze")).capabilities
    assert (lifecycle.name, lifecycle.verdict, lifecycle.seconds) == ("lifecycle", Verdict.PASSED, 0.5)
    assert (harmed.verdict, harmed.passed, harmed.failed, harmed.excused, harmed.not_run) == (
        Verdict.FAILED,
        1,
        1,
        1,
        0,
    )


def test_a_capability_whose_tests_did_not_run_is_not_called_passed() -> None:
    (lifecycle,) = assessed(ended("a", "bronze"), ended("b", "bronze", "not run")).capabilities
    assert (lifecycle.verdict, lifecycle.passed, lifecycle.not_run) == (Verdict.NOT_RUN, 1, 1)


def test_what_a_provider_lacks_is_a_line_of_its_own() -> None:
    (_, lacking) = assessed(ended("a", "bronze"), lacks=("change: quantity",)).capabilities
    assert (lacking.name, lacking.level, lacking.verdict) == ("change: quantity", None, Verdict.LACKING)


def test_failures_are_told_by_what_they_say_those_of_the_lowest_level_first() -> None:
    one = assessed(
        ended("late", "gold", "failed", told="nobody was listed"),
        ended("first", "bronze", "failed", told="nothing was sold"),
        ended("again", "silver", "failed", told="nothing was sold"),
    )
    assert list(one.failures.items()) == [("nothing was sold", ["first", "again"]), ("nobody was listed", ["late"])]


def test_excuses_are_told_with_their_reasons() -> None:
    one = assessed(ended("a", "silver", "excused", told="they never answer"), ended("b", "bronze"))
    assert (one.excuses, one.caps) == ({"a": "they never answer"}, ("1 of silver excused",))
