"""The classes that pytest is given: a package's own contracts, and one for each provider that has none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from svahub.conformance import fault_of
from svahub.discovery import PROVIDERS, SIMULATORS, load, sentence
from svahub.errors import Refused
from svahub.installed import package_of, points
from svahub.testing.checking import ORDER
from svahub.testing.contract import ProviderContract

MADE = "Made from the entry points: the package has no contract of its own."
"""The docstring of a class that nobody wrote."""


def ordered(folder: Path) -> dict[str, type[ProviderContract]]:
    """Return the contracts that the order in a folder names."""
    return contracts_of(**json.loads((folder / ORDER).read_text(encoding="utf-8")))


def contracts_of(providers: Iterable[str], files: Iterable[str]) -> dict[str, type[ProviderContract]]:
    """Return the contracts of some providers by the names of their classes, all of which begin with Test.

    Raises Refused when a provider, its simulator or one of the files cannot be loaded.
    """
    classes = {name: _loaded(PROVIDERS, name) for name in providers}
    own = [one for file in files for one in _written_in(file) if one.provider in classes.values()]
    covered = {one.provider for one in own}
    made = [_made(name, cls) for name, cls in classes.items() if cls not in covered]
    return {f"Test{number}{one.provider.__name__}": one for number, one in enumerate([*own, *made], 1)}


def made_of(contracts: Mapping[str, type[ProviderContract]]) -> list[str]:
    """Return the providers, as a report names them, whose contracts nobody wrote."""
    return [str(one.declared()["provider"]) for one in contracts.values() if one.__doc__ == MADE]


def _made(name: str, provider: type[Any]) -> type[ProviderContract]:
    said = {"provider": provider, "simulator": _simulator_of(name), "__module__": __name__, "__doc__": MADE}
    return type(f"Test{provider.__name__}", (ProviderContract,), said)


def _loaded(group: str, name: str) -> Any:
    loaded = load(group, name)
    if loaded is None:
        raise Refused(f"No {name!r} is installed in {group}.")
    reason = fault_of(loaded) if group == PROVIDERS else loaded.reason
    if reason:
        raise Refused(f"{loaded.entry_point.value} ({loaded.distribution}) cannot be tested: {reason}")
    return loaded.plugin


def _simulator_of(provider: str) -> Any:
    """Return the simulator of a provider: that of its name, else the only one of its package."""
    package = {package_of(point) for point in points(PROVIDERS) if point.name == provider}
    beside = [point.name for point in points(SIMULATORS) if package_of(point) in package]
    if provider in beside or len(beside) == 1:
        return _loaded(SIMULATORS, provider if provider in beside else beside[0])
    needed = f"names no simulator {provider!r} in the entry points {SIMULATORS}"
    raise Refused(f"The package of {provider!r} {needed}: the conformance kit tests against one. See svahub.testing.")


def _written_in(file: str) -> Iterator[type[ProviderContract]]:
    for value in vars(_module(Path(file))).values():
        if isinstance(value, type) and issubclass(value, ProviderContract) and value is not ProviderContract:
            yield value


def _module(file: Path) -> ModuleType:
    spec = spec_from_file_location(f"svahub_checked_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise Refused(f"{file} is no module of Python.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Refused(f"{file} cannot be imported: {sentence(error)}") from error
    return module
