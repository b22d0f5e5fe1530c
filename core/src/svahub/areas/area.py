"""One part of a tenant's business as an attribute, imported and made when it is first asked for.

Every command is a process of its own: it pays for the area that it is about, and for no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from svahub.areas.bench import Bench

A = TypeVar("A")


class _OfTenant(Protocol):
    bench: Bench


class Area(Generic[A]):
    """An area by its place, `module:Class` in this package; the class takes the tenant's bench."""

    def __init__(self, place: str) -> None:
        self._module, _, self._class = place.partition(":")

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, tenant: _OfTenant, _owner: type) -> A:
        cls = getattr(import_module(f"{__package__}.{self._module}"), self._class)
        area: A = cls(tenant.bench)
        vars(tenant)[self._name] = area  # from now on it is found there, without this
        return area
