"""What installed packages offer by name, read without importing them and without stevedore: `--help` needs it too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, EntryPoints, distributions, entry_points
from os import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import SelectableGroups

UNREADABLE = (AttributeError, TypeError, ValueError, OSError)
"""What importlib.metadata raises at an entry_points.txt that it cannot parse."""


def points(group: str) -> list[EntryPoint]:
    """Return a group's entry points, importing nothing; a distribution that cannot be read has none."""
    return list(_points(_environment()).select(group=group))


@lru_cache(maxsize=1)
def _points(_environment: tuple[object, ...]) -> EntryPoints | SelectableGroups:
    """Return all entry points of an environment: to read them takes 10 ms, and one command asks for several groups."""
    try:
        return entry_points()
    except UNREADABLE:
        readable = [d for d in _distributions() if _fault(d) is None]
        return EntryPoints(point for d in readable for point in d.entry_points)


def _environment() -> tuple[object, ...]:
    """Return what changes with what is installed: the folders on the path, and when each was last written to."""
    return (*map(id, sys.meta_path), *((folder, _changed_at(folder)) for folder in sys.path))


def _changed_at(folder: str) -> int | None:
    try:
        return stat(folder or ".").st_mtime_ns
    except OSError:
        return None


def unreadable() -> Iterator[tuple[Distribution, str]]:
    """Return the distributions whose entry points cannot be read, and why."""
    for distribution in _distributions():
        if reason := _fault(distribution):
            yield distribution, reason


def package_of(point: EntryPoint) -> str | None:
    """Return the name of the distribution that brings an entry point; None where that has none."""
    return _said(point.dist, "name")


def version_of(point: EntryPoint) -> str | None:
    """Return the version of the distribution that brings an entry point; None where that has none."""
    return _said(point.dist, "version")


def _said(distribution: Distribution | None, what: str) -> str | None:
    try:
        said: str | None = getattr(distribution, what, None)
    except KeyError:  # the backport of importlib.metadata, which finds distributions once anything has imported it
        return None
    return said


def _distributions() -> list[Distribution]:
    """Return what is installed; of two with one name the first on the path counts, as it does for imports."""
    return list({_said(d, "name"): d for d in reversed(list(distributions()))}.values())


def _fault(distribution: Distribution) -> str | None:
    try:
        _ = distribution.entry_points
    except UNREADABLE as error:
        return f"its entry_points.txt cannot be read ({type(error).__name__})"
    return None
