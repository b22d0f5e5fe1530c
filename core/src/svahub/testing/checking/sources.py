"""A package in a folder, that need not be installed: what its pyproject.toml says, and where its modules are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from svahub.discovery import PROVIDERS
from svahub.errors import Refused

ROOTS = ("src", ".")
"""Where the modules of a package may lie in its folder."""


@dataclass(frozen=True, slots=True)
class Project:
    """What a folder's pyproject.toml says of it."""

    folder: Path
    name: str
    version: str
    entry_points: dict[str, dict[str, str]]
    dependencies: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> Project:
        """Return what a folder holds; raises Refused for one that holds no plugin with providers."""
        file = folder / "pyproject.toml"
        if not file.is_file():
            raise Refused(f"{folder} holds no package: there is no pyproject.toml in it.")
        told = _parsed(file)
        points = told.get("entry-points", {})
        if not points.get(PROVIDERS):
            remedy = "If they are declared elsewhere, install it: pip install -e, then check it by its name."
            raise Refused(f'{file} names no provider in [project.entry-points."{PROVIDERS}"]. {remedy}')
        name, dependencies = told.get("name", folder.resolve().name), tuple(told.get("dependencies", ()))
        return cls(folder, name, str(told.get("version", "0")), points, dependencies)

    def check_dependencies(self) -> None:
        """Raise Refused when a package that it needs is not installed, or in another version."""
        missing = [needed for needed in self.dependencies if _is_missing(needed)]
        if missing:
            there = f"{self.name} needs {', '.join(missing)}, which is not installed here"
            raise Refused(f"{there}. Install it with what it needs: pip install -e '{self.folder}'")

    def roots(self) -> tuple[str, ...]:
        """Return the folders that hold its modules; raises Refused for a provider that is in none."""
        return tuple(dict.fromkeys(str(self._root_of(value)) for value in self.entry_points[PROVIDERS].values()))

    def _root_of(self, value: str) -> Path:
        top = value.partition(":")[0].partition(".")[0].strip()
        for root in (self.folder.resolve() / place for place in ROOTS):
            if (root / top).is_dir() or (root / f"{top}.py").is_file():
                return root
        raise Refused(f"{self.name} names {value} as a provider, and there is no {top} in {self.folder} or its src.")

    def describe(self, folder: Path) -> None:
        """Write what an installed package tells of itself, so that it is found as one."""
        described = folder / f"{self.name.replace('-', '_')}-{self.version}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n")
        groups = (
            "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in named.items())])
            for group, named in self.entry_points.items()
        )
        (described / "entry_points.txt").write_text("\n".join(groups))


def _parsed(file: Path) -> dict[str, Any]:
    try:
        project: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except ValueError as error:
        raise Refused(f"{file} cannot be read: {error}.") from error
    return project


def _is_missing(needed: str) -> bool:
    from packaging.requirements import Requirement  # pytest needs it, and who checks has that

    requirement = Requirement(needed)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return False
    try:
        return not requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return True
