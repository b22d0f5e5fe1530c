"""What is checked: the providers of an installed package, or of the sources in a folder that need not be installed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from re import fullmatch, search, sub
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from svahub.discovery import PROVIDERS, SOURCES
from svahub.errors import Refused, UnknownName
from svahub.installed import package_of, points
from svahub.testing.checking.sources import Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONTRACT = "ProviderContract"


@dataclass(frozen=True, slots=True)
class Subject:
    """A package with providers; `paths` are put on Python's, `contracts` are the files with contracts of its own."""

    package: str
    version: str
    origin: str
    providers: tuple[str, ...]
    contracts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


def subject_of(package: str, workshop: Path) -> Subject:
    """Return what a command line means: a folder by its path, else a package or a provider by its name.

    As with pip, `acme` is a name and `./acme` a folder; where nothing bears the name, a folder is taken for one.
    Raises Refused for what holds no provider.
    """
    folder = Path(package)
    if os.sep in package or package in {os.curdir, os.pardir}:
        return _in_folder(folder, workshop)
    found = _named(package)
    if found:
        return _installed(found)
    if (folder / "pyproject.toml").is_file():
        return _in_folder(folder, workshop)
    if any(point.name == package for point in points(SOURCES)):
        raise Refused(f"{package!r} is a source of contracts: the conformance kit tests providers.")
    known = {point.name for point in points(PROVIDERS)}
    raise UnknownName("installed package or provider", package, known, "A folder is named by its path: ./acme.")


def _named(name: str) -> list[EntryPoint]:
    there = points(PROVIDERS)
    of_package = [point for point in there if _same(package_of(point) or "", name)]
    return of_package or [point for point in there if point.name == name]


def _same(one: str, other: str) -> bool:
    return sub(r"[-_.]+", "-", one).lower() == sub(r"[-_.]+", "-", other).lower()


def _installed(found: list[EntryPoint]) -> Subject:
    package = found[0].dist
    if package is None:
        raise Refused(f"The provider {found[0].name!r} belongs to no package: install it, or name its folder.")
    providers = tuple(sorted(point.name for point in found))
    return Subject(package.name, package.version, "installed", providers, tuple(_contracts_of(package)))


def _contracts_of(package: Distribution) -> Iterator[str]:
    """Yield the contracts that a package has installed, or that lie beside its sources where it is editable."""
    yield from contracts_in(Path(str(file.locate())) for file in package.files or () if file.suffix == ".py")
    origin = package.read_text("direct_url.json") or ""
    if '"editable"' in origin and (told := search(r'"url":\s*"([^"]+)"', origin)):
        yield from contracts_in(_tests(Path(url2pathname(urlsplit(told[1]).path))))


def _in_folder(folder: Path, workshop: Path) -> Subject:
    project = Project.read(folder)
    project.check_dependencies()
    project.describe(workshop)
    origin = f"the sources in {folder}"
    providers = tuple(sorted(project.entry_points[PROVIDERS]))
    paths = (str(workshop), *project.roots())
    return Subject(project.name, project.version, origin, providers, tuple(contracts_in(_tests(folder))), paths)


def _tests(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*test*.py")) if not _is_foreign(file.relative_to(folder)))


def _is_foreign(file: Path) -> bool:
    """Whether a file belongs to an environment or the like, not to the package."""
    return any(part.startswith(".") or part in {"site-packages", "node_modules", "build"} for part in file.parts)


def contracts_in(files: Iterable[Path]) -> list[str]:
    """Return those files that speak of a contract of the kit."""
    tests = (file for file in files if fullmatch(r"test_.*\.py|.*_test\.py", file.name) and file.is_file())
    return [str(file.resolve()) for file in tests if CONTRACT in file.read_text(encoding="utf-8", errors="replace")]
