"""Finding what is installed: entry points by name without an import, and loading that survives what it loads."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, metadata
from typing import Any

from stevedore import ExtensionManager, NamedExtensionManager

PROVIDERS = "svahub.providers"
PRODUCT_TYPES = "svahub.product_types"
HOOKS = "svahub.hooks"
DEMOS = "svahub.demos"
SIMULATORS = "svahub.simulators"


class ImportFailed(Exception):
    """Importing the entry point raised what stevedore would not catch."""


class _LiveEntryPoints:
    """Reads the environment anew: stevedore's cache on disk goes stale when a plugin is reinstalled."""

    namespace: str

    def list_entry_points(self) -> list[EntryPoint]:
        return list(entry_points(group=self.namespace))

    def _load_one_plugin(self, ep: EntryPoint, *args: Any) -> Any:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # a plugin that prints at import must not spoil --json
                return super()._load_one_plugin(ep, *args)  # type: ignore[misc]  # the mixin's next class is stevedore's
        except (AssertionError, SystemExit) as error:
            raise ImportFailed(_sentence(error)) from error


class _Everything(_LiveEntryPoints, ExtensionManager[Any]):
    pass


class _Named(_LiveEntryPoints, NamedExtensionManager[Any]):
    pass


@dataclass(frozen=True, slots=True)
class Loaded:
    """One entry point after an attempt to import it: `plugin`, or the `reason` why there is none."""

    entry_point: EntryPoint
    plugin: Any = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.entry_point.name

    @property
    def distribution(self) -> str | None:
        """The pip package that brings it."""
        return self.entry_point.dist.name if self.entry_point.dist else None

    @property
    def version(self) -> str | None:
        """That package's version."""
        return self.entry_point.dist.version if self.entry_point.dist else None


def names(group: str) -> dict[str, EntryPoint]:
    """Return a group's entry points by name, importing nothing."""
    return {point.name: point for point in entry_points(group=group)}


def load_all(group: str) -> list[Loaded]:
    """Import every entry point of a group; one that cannot be imported is returned with its reason."""
    failures: list[Loaded] = []

    def failed(_manager: Any, point: EntryPoint, error: BaseException) -> None:
        failures.append(Loaded(point, reason=_sentence(error)))

    manager = _Everything(group, on_load_failure_callback=failed)
    return [Loaded(e.entry_point, e.plugin) for e in manager.extensions] + failures


def load(group: str, name: str) -> Loaded | None:
    """Import one entry point; None when nothing installed bears the name."""
    points = [point for point in entry_points(group=group) if point.name == name]
    if not points:
        return None
    if len(points) > 1:
        return Loaded(points[0], reason=claimed_twice(points))
    failures: list[Loaded] = []
    manager = _Named(
        group, [name], on_load_failure_callback=lambda _m, p, e: failures.append(Loaded(p, reason=_sentence(e)))
    )
    return failures[0] if failures else Loaded(points[0], manager[name].plugin)


def claimed_twice(points: list[EntryPoint]) -> str:
    """Say which packages claim one name."""
    return f"{points[0].name!r} is claimed by {' and '.join(sorted(p.dist.name if p.dist else '?' for p in points))}"


def extra_for(name: str) -> str | None:
    """Return what pip installs for a plugin's name or product type, if the core has an extra of that name."""
    return f"svahub[{name}]" if name in (metadata("svahub").get_all("Provides-Extra") or ()) else None


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
