"""What each test of the conformance kit is about, and which level a plugin reaches by those that passed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

C = TypeVar("C", bound=type[Any])
F = TypeVar("F", bound=Callable[..., None])
MARK = "svahub_theme"


class Level(StrEnum):
    """How far a plugin has come."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


class Outcome(StrEnum):
    """How a test ended; what is EXCUSED bears a reason, what was NOT_RUN was expected."""

    PASSED = "passed"
    FAILED = "failed"
    EXCUSED = "excused"
    NOT_RUN = "not run"


NEEDED_FOR_GOLD = ("find_user", "list_users")
"""Without these, nothing can be compared with the provider."""


class Theme(NamedTuple):
    """What a test is about: a capability, the level that takes it, and the hook without which it is not to be had."""

    capability: str
    level: Level
    hook: str | None = None


def theme(capability: str, level: Level, hook: str | None = None) -> Callable[[C], C]:
    """Say of all tests of a class what they are about."""

    def mark(cls: C) -> C:
        for name, test in vars(cls).items():
            if name.startswith("test_"):
                test.__dict__.setdefault(MARK, Theme(capability, level, hook))
        return cls

    return mark


def about(capability: str, level: Level, hook: str | None = None) -> Callable[[F], F]:
    """Say what a single test is about, where that differs from the others of its class."""

    def mark(test: F) -> F:
        test.__dict__[MARK] = Theme(capability, level, hook)
        return test

    return mark


def theme_of(test: Callable[..., None]) -> Theme:
    """Return what a test is about."""
    found: Theme = test.__dict__[MARK]
    return found


def level_of(tests: Iterable[Mapping[str, Any]], capabilities: Iterable[str]) -> Level | None:
    """Return the highest level all of whose tests passed, and those of the levels below; None: not even the lowest.

    Each test has a `level` and an `outcome`. One that was excused or did not run is none that passed. Gold takes the
    hooks that compare with the provider.
    """
    outcomes: dict[Level, set[Outcome]] = {level: set() for level in Level}
    for test in tests:
        outcomes[Level(test["level"])].add(Outcome(test["outcome"]))
    whole = {*NEEDED_FOR_GOLD} <= {*capabilities}
    reached = None
    for level in Level:
        if outcomes[level] != {Outcome.PASSED} or (level is Level.GOLD and not whole):
            return reached
        reached = level
    return reached
