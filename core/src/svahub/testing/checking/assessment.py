"""What a report of the kit comes to: capability by capability, and the level that is reached. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from svahub.testing.grades import NEEDED_FOR_GOLD, Level, Outcome, level_of

Tests = Iterable[Mapping[str, Any]]
ORDER = tuple(Level)
BROKEN = "svahub.testing.contract.verdict.Broken: "
"""How pytest begins what a test of the kit says."""


class Verdict(StrEnum):
    """What became of one capability."""

    PASSED = "passed"
    FAILED = "failed"
    EXCUSED = "excused"
    NOT_RUN = "not run"
    LACKING = "lacking"


URGENT = (Outcome.FAILED, Outcome.NOT_RUN, Outcome.EXCUSED)
"""What a capability is called by, if one of its tests ended so; else it passed."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One capability of a provider, and how its tests ended; one that is lacking has none."""

    name: str
    level: Level | None
    verdict: Verdict
    passed: int = 0
    failed: int = 0
    excused: int = 0
    not_run: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is said of one provider; `tests` is what the kit reported of each of its tests.

    `own`: whether its package has a contract of its own, or one was made from the entry points.
    """

    provider: str
    title: str
    own: bool
    level: Level | None
    capabilities: tuple[Capability, ...]
    caps: tuple[str, ...]
    tests: tuple[Mapping[str, Any], ...]

    @property
    def failures(self) -> dict[str, list[str]]:
        """The names of the tests that failed, by what they say, those of the lowest level first."""
        failed = [test for test in self.tests if test["outcome"] == Outcome.FAILED]
        told: dict[str, list[str]] = {}
        for test in sorted(failed, key=lambda test: ORDER.index(Level(test["level"]))):
            told.setdefault(said(test), []).append(test["name"])
        return told

    @property
    def excuses(self) -> dict[str, str]:
        """Why tests are excused, by their names."""
        return {test["name"]: test["reason"] for test in self.tests if test["outcome"] == Outcome.EXCUSED}


def assess(contract: Mapping[str, Any]) -> Assessment:
    """Return what the kit's report of one contract comes to."""
    tests, lacks = tuple(contract["tests"]), tuple(contract["lacks"])
    lacking = tuple(Capability(name, None, Verdict.LACKING) for name in lacks)
    return Assessment(
        contract["provider"],
        contract["title"],
        contract["own"],
        level_of(tests, contract["capabilities"]),
        (*_capabilities(tests), *lacking),
        tuple(_caps(tests, contract["capabilities"])),
        tests,
    )


def lowest(assessments: Iterable[Assessment]) -> Level | None:
    """Return the level that all of a package's providers reach; None: one reaches none, or there is none."""
    levels = [one.level for one in assessments]
    return None if not levels or None in levels else next(level for level in ORDER if level in levels)


def reaches(level: Level | None, asked: Level) -> bool:
    """Say whether a level is one that was asked for, or a higher one."""
    return level is not None and ORDER.index(level) >= ORDER.index(asked)


def said(test: Mapping[str, Any]) -> str:
    """Return what a test that failed says, or why it is excused."""
    return str(test["message"] or test["reason"]).removeprefix(BROKEN)


def _capabilities(tests: Tests) -> list[Capability]:
    about: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for test in tests:
        about.setdefault((test["level"], test["capability"]), []).append(test)
    ranked = sorted(about.items(), key=lambda named: ORDER.index(Level(named[0][0])))
    return [_capability(name, Level(level), of_it) for (level, name), of_it in ranked]


def _capability(name: str, level: Level, tests: list[Mapping[str, Any]]) -> Capability:
    ended = Counter(Outcome(test["outcome"]) for test in tests)
    verdict = next((Verdict(outcome) for outcome in URGENT if ended[outcome]), Verdict.PASSED)
    seconds = round(sum(test["seconds"] for test in tests), 1)
    passed, failed, excused, left = (ended[outcome] for outcome in Outcome)
    return Capability(name, level, verdict, passed, failed, excused, left, seconds)


def _caps(tests: Tests, capabilities: Iterable[str]) -> list[str]:
    """Say what keeps the provider from the next levels, in words."""
    less = [test for test in tests if test["outcome"] != Outcome.PASSED]
    counted = Counter((Level(test["level"]), Outcome(test["outcome"])) for test in less)
    ended = [
        f"{counted[level, outcome]} of {level} {outcome}"
        for level in Level
        for outcome in URGENT
        if counted[level, outcome]
    ]
    lacking = [f"gold needs {name}" for name in NEEDED_FOR_GOLD if name not in capabilities]
    return [*ended, *lacking]
