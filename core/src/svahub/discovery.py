"""Finding what is installed: entry points by name without an import, and loading that survives what it loads."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, metadata
from typing import Any

from stevedore import ExtensionManager, NamedExtensionManager

from svahub.installed import package_of, points, version_of

PROVIDERS = "svahub.providers"
SOURCES = "svahub.sources"
PRODUCT_TYPES = "svahub.product_types"
HOOKS = "svahub.hooks"
DEMOS = "svahub.demos"
SIMULATORS = "svahub.simulators"
SCHEDULES = "svahub.schedules"
MIGRATIONS = "svahub.migrations"
ROUTES = "svahub.routes"


class ImportFailed(Exception):
    """Importing the entry point raised something; says what."""


class _LiveEntryPoints:
    """Reads the environment anew: stevedore's cache on disk goes stale when a plugin is reinstalled."""

    namespace: str

    def list_entry_points(self) -> list[EntryPoint]:
        return points(self.namespace)

    def _load_one_plugin(self, ep: EntryPoint, *args: Any) -> Any:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # a plugin that prints at import must not spoil --json
                return super()._load_one_plugin(ep, *args)  # type: ignore[misc]  # the mixin's next class is stevedore's
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # stevedore lets AssertionError, SystemExit and their like pass
            raise ImportFailed(sentence(error)) from error


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
        return package_of(self.entry_point)

    @property
    def version(self) -> str | None:
        """That package's version."""
        return version_of(self.entry_point)


def names(group: str) -> dict[str, EntryPoint]:
    """Return a group's entry points by name, importing nothing."""
    return {point.name: point for point in points(group)}


def load_all(group: str) -> list[Loaded]:
    """Import every entry point of a group, by name; one that cannot be imported is returned with its reason."""
    failures: list[Loaded] = []

    def failed(_manager: Any, point: EntryPoint, error: BaseException) -> None:
        failures.append(Loaded(point, reason=str(error)))

    manager = _Everything(group, on_load_failure_callback=failed)
    loaded = [Loaded(e.entry_point, e.plugin) for e in manager.extensions] + failures
    return sorted(loaded, key=lambda one: (one.name, one.distribution or ""))


def load(group: str, name: str) -> Loaded | None:
    """Import one entry point; None when nothing installed bears the name."""
    claims = [point for point in points(group) if point.name == name]
    if not claims:
        return None
    if len(claims) > 1:
        return Loaded(claims[0], reason=claimed_twice(claims))
    failures: list[Loaded] = []
    manager = _Named(group, [name], on_load_failure_callback=lambda _m, p, e: failures.append(Loaded(p, reason=str(e))))
    return failures[0] if failures else Loaded(claims[0], manager[name].plugin)


def claimed_twice(claims: list[EntryPoint]) -> str:
    """Say which packages claim one name."""
    packages = sorted({package_of(p) or "a package without a name" for p in claims})
    return f"{claims[0].name!r} is claimed {'twice by' if len(packages) == 1 else 'by'} {' and '.join(packages)}"


def extra_for(name: str) -> str | None:
    """Return what pip installs for a plugin's name or product type, if the core has an extra of that name."""
    return f"svahub[{name}]" if name in (metadata("svahub").get_all("Provides-Extra") or ()) else None


def sentence(error: BaseException) -> str:
    """Return what a foreign error says, with its kind, masked: it may quote what it was given."""
    from svahub.masking import mask_text

    return f"{type(error).__name__}: {mask_text(str(error))}".rstrip(": ")
