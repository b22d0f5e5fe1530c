"""What a contract's class says of a provider, and that nothing of the kit is left out of it unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from svahub.hookspecs import CAPABILITIES, OF_SOURCES
from svahub.testing.contract.installed import kind_of
from svahub.testing.grades import Theme

if TYPE_CHECKING:
    from svahub.registry import ProviderKind
    from svahub.testing.simulator import Simulator

SAID = frozenset(
    {
        "provider",
        "simulator",
        "settings",
        "page_rows",
        "plans",
        "item",
        "excuses",
        "__test__",
    }
)
"""What a class may say."""
OF_THE_PROVIDER = frozenset({"keeps_people", "doubles"})
"""What the simulator says."""
OF_PYTHON = frozenset(
    {"__module__", "__qualname__", "__doc__", "__firstlineno__", "__static_attributes__", "__annotations__",
     "__annotate_func__", "__annotate__", "__annotations_cache__"}
)  # fmt: skip
"""What Python itself writes into a class."""


class Contract:
    """The declarations of a contract; `svahub.testing.contract` tells what each is for."""

    provider: ClassVar[type[Any]]
    simulator: ClassVar[type[Simulator]]
    settings: ClassVar[Mapping[str, Any]] = {}
    page_rows: ClassVar[int] = 2
    plans: ClassVar[Sequence[str]] = ()
    item: ClassVar[Mapping[str, Any]] = {}
    excuses: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.startswith(__name__.rpartition(".")[0]):
            return
        for name in vars(cls).keys() - SAID - OF_PYTHON:
            raise TypeError(_refusal(cls, name))
        for name in ("provider", "simulator"):
            if not hasattr(cls, name):
                raise TypeError(f"{cls.__name__} names no {name}: write `{name} = …` in it")
        if unknown := sorted(set(map(_without_parameters, cls.excuses)) - set(tests_of(cls))):
            raise TypeError(f"{cls.__name__} excuses {', '.join(unknown)}, and the kit has no such test")

    @classmethod
    def check_unchanged(cls) -> None:
        """Raise UsageError when a test of the kit is not the kit's any more."""
        kit = next(base for base in cls.__mro__ if base.__name__ == "ProviderContract")
        for name in tests_of(kit):
            if getattr(cls, name, None) is not getattr(kit, name):
                raise pytest.UsageError(_refusal(cls, name))

    @classmethod
    def kind(cls) -> ProviderKind:
        """Return what the provider declares of itself."""
        return kind_of(cls.provider)

    @classmethod
    def declared(cls) -> dict[str, Any]:
        """Return what a report says of the provider."""
        kind = cls.kind()
        named = f"{cls.provider.__module__}:{cls.provider.__qualname__}"
        return {"provider": named, "title": kind.title, "capabilities": list(kind.capabilities)}

    @classmethod
    def lacking(cls, theme: Theme, parameters: Mapping[str, Any]) -> str | None:
        """Return what the provider would need for a test, and has not; None: nothing."""
        if theme.hook in CAPABILITIES.keys() - OF_SOURCES and theme.hook not in cls.kind().capabilities:
            return theme.hook
        move = parameters.get("move")
        missing: str | None = move.lacking(cls.kind()) if move else None
        return missing

    @classmethod
    def excuse_for(cls, *names: str) -> str | None:
        """Return why a test, known by its name with and without parameters, may fail."""
        return next((cls.excuses[name] for name in names if name in cls.excuses), None)


def tests_of(cls: type[Any]) -> list[str]:
    """Return the names of a class's tests."""
    return [name for name in dir(cls) if name.startswith("test_")]


def _without_parameters(name: str) -> str:
    return name.partition("[")[0]


def _refusal(cls: type[Any], name: str) -> str:
    if name.startswith("test_"):
        said = f"{cls.__name__} puts a {name} of its own into the kit's contract"
        return (
            f"{said}: a test of the kit is excused by `excuses = {{{name!r}: reason}}`; other tests go beside the class"
        )
    if name in OF_THE_PROVIDER:
        return f"{cls.__name__} has {name!r}, a fact about the provider: write it into the simulator's class"
    return f"{cls.__name__} has {name!r}: a contract says no more than {', '.join(sorted(SAID))}"


Test = Callable[..., None]
