"""Which providers are installed, whether each keeps the contract, and who serves a product type.

A broken plugin is told apart with its reason and hurts nobody. Nothing here talks to a provider: see `relay`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution
from typing import Any

from svahub import discovery, hookspecs, plugin_routes, plugin_tables
from svahub.conformance import fault_of, hook_fault, implemented, instance, observes, wraps
from svahub.discovery import HOOKS, MIGRATIONS, PRODUCT_TYPES, PROVIDERS, ROUTES, SOURCES, Loaded
from svahub.errors import Refused, UnknownName, meant
from svahub.installed import points, unreadable
from svahub.models import Aspect, BlockScope, Deduplication, DocumentKind, Environment
from svahub.observers import Observers
from svahub.plugin_routes import Mounting
from svahub.settings import IntegrationSettings

KINDS = (PROVIDERS, SOURCES)
"""The groups of those that a tenant has accounts at."""


class BrokenPlugin(Refused):
    """The plugin is installed and cannot be used."""


class MissingPlugin(Refused):
    """No installed plugin bears the provider's name."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """The class of a provider or a source, and what it declares of itself."""

    name: str
    cls: type[Any]
    distribution: str | None = None
    version: str | None = None

    @property
    def title(self) -> str:
        """The provider's name as people write it."""
        return str(self.cls.title)

    @property
    def settings(self) -> type[IntegrationSettings]:
        """The model that validates an integration's settings."""
        settings: type[IntegrationSettings] = self.cls.Settings
        return settings

    @property
    def base_urls(self) -> dict[Environment, tuple[str, ...]]:
        """The known base URLs per environment; the first is the default."""
        return dict(self.cls.hosts)

    @property
    def is_source(self) -> bool:
        """Whether contracts come from it, and nothing is sold at it."""
        return implemented(self.cls, "contracts")

    @property
    def block_scope(self) -> BlockScope:
        """What a block stops."""
        return BlockScope(getattr(self.cls, "block_scope", BlockScope.SUBSCRIPTION))

    @property
    def deduplication(self) -> Deduplication:
        """By what a create can be looked up."""
        return Deduplication(getattr(self.cls, "deduplication", Deduplication.NONE))

    @property
    def settle_seconds(self) -> float:
        """How long a lookup may lag behind a write."""
        return float(getattr(self.cls, "settle_seconds", 0))

    @property
    def changes(self) -> frozenset[Aspect]:
        """What can change after the sale."""
        return frozenset(getattr(self.cls, "changes", ())) if "change" in self.capabilities else frozenset()

    @property
    def sensitive(self) -> bool:
        """Whether it tells something sensitive of a person that the provider serves them: their health, say."""
        return bool(getattr(self.cls, "sensitive", False))

    @property
    def documents(self) -> frozenset[DocumentKind]:
        """Whom the provider takes: persons, companies or both."""
        return frozenset(getattr(self.cls, "documents", DocumentKind))

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The hooks beyond the lifecycle that the provider implements."""
        return tuple(name for name in hookspecs.CAPABILITIES if implemented(self.cls, name))


@dataclass(frozen=True, slots=True)
class Listing:
    """One line of `svahub plugins`."""

    name: str
    group: str
    distribution: str | None
    version: str | None
    title: str | None = None
    product_types: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    contract_version: int | None = None
    broken: str | None = None


class Registry:
    """What is installed, read afresh for each registry and imported on first use."""

    def __init__(self) -> None:
        self._kinds: dict[str, ProviderKind] = {}

    def installed(self, provider: str) -> bool:
        """Say whether a plugin of that name is there, importing nothing; one that is in use stays."""
        return provider in self._kinds or any(provider in discovery.names(group) for group in KINDS)

    def provider(self, name: str) -> ProviderKind:
        """Return a provider, or a source, that keeps the contract: their names are of one kind.

        Raises MissingPlugin when none of that name is installed, BrokenPlugin when it cannot be used.
        """
        if name not in self._kinds:
            self._kinds[name] = self._load(name)
        return self._kinds[name]

    def _load(self, name: str) -> ProviderKind:
        claims = [loaded for group in KINDS if (loaded := discovery.load(group, name)) is not None]
        if not claims:
            raise MissingPlugin(_nothing_called(name))
        loaded, *others = claims
        reason = discovery.claimed_twice([c.entry_point for c in claims]) if others else fault_of(loaded)
        if reason:
            raise BrokenPlugin(f"The plugin {name!r} ({loaded.distribution}) cannot be used: {reason}")
        return _kind(loaded)

    def providers_of(self, product_type: str) -> tuple[str, ...]:
        """Return the names of the installed providers that serve a product type.

        Raises UnknownName, naming what is installed and what serves the type, when there is none.
        """
        types = points(PRODUCT_TYPES)
        served = {p.value for p in types if p.name == product_type}
        found = tuple(sorted({p.name for p in points(PROVIDERS) if p.value in served}))
        if not found:
            extra = discovery.extra_for(product_type)
            remedy = f"{extra} serves it: pip install '{extra}'" if extra else "Install the plugin that serves it."
            raise UnknownName("installed plugin for the product type", product_type, {p.name for p in types}, remedy)
        return found

    def listing(self) -> list[Listing]:
        """Import providers, sources, hooks and say what each is, or why it is broken; of the rest, what is broken."""
        providers = [_listed(p) for p in _with_conflicts(*KINDS)]
        hooks = [_listed_hook(h) for h in discovery.load_all(HOOKS)]
        tables = [listed for t in _with_conflicts(MIGRATIONS) if (listed := _listed_tables(t)).broken]
        routes = [_listed_routes(m) for m in plugin_routes.declared() if m.fault]
        return providers + hooks + tables + routes + [_listed_unreadable(d, reason) for d, reason in unreadable()]

    @cached_property
    def wrappers(self) -> tuple[Any, ...]:
        """What third parties lay around every provider's hooks; broken ones are left out."""
        return tuple(plugin for plugin in self._third_parties.values() if wraps(plugin))

    @cached_property
    def observers(self) -> Observers:
        """What third parties hook in beside the providers; broken ones are left out."""
        return Observers({name: plugin for name, plugin in self._third_parties.items() if observes(plugin)})

    @cached_property
    def _third_parties(self) -> dict[str, Any]:
        """One object for each sound plugin of `svahub.hooks`, by its name and, where two claim one, its package's."""
        sound = [h for h in discovery.load_all(HOOKS) if hook_fault(h) is None]
        once = {id(h.plugin): h for h in sound}.values()
        claims = Counter(h.name for h in once)
        named = {h.name if claims[h.name] == 1 else f"{h.name} ({h.distribution})": h.plugin for h in once}
        return {name: instance(plugin) for name, plugin in named.items()}

    def broken_hooks(self) -> dict[str, str]:
        """Return why the entries of `svahub.hooks` that cannot be used are broken, by name."""
        found = ((h.name, hook_fault(h)) for h in discovery.load_all(HOOKS))
        return {name: reason for name, reason in found if reason is not None}


def _kind(loaded: Loaded) -> ProviderKind:
    return ProviderKind(loaded.name, loaded.plugin, loaded.distribution, loaded.version)


def _nothing_called(name: str) -> str:
    extra = discovery.extra_for(name)
    remedy = f"pip install '{extra}'" if extra else "install the plugin that brings it"
    there = sorted({name for group in KINDS for name in discovery.names(group)})
    near, installed = meant(name, there), ", ".join(there) or "none"
    return f"No installed plugin is called {name!r}.{near} Installed: {installed}. To have it: {remedy}."


def _with_conflicts(*groups: str) -> list[Loaded]:
    loaded = [one for group in groups for one in discovery.load_all(group)]
    claims = Counter(p.name for p in loaded)
    twice = {
        n: discovery.claimed_twice([p.entry_point for p in loaded if p.name == n]) for n, c in claims.items() if c > 1
    }
    return [Loaded(p.entry_point, p.plugin, twice.get(p.name, p.reason)) for p in loaded]


def _listed(loaded: Loaded) -> Listing:
    reason, group = fault_of(loaded), loaded.entry_point.group
    types = tuple(sorted(p.name for p in points(PRODUCT_TYPES) if p.value == loaded.entry_point.value))
    if reason:
        return Listing(loaded.name, group, loaded.distribution, loaded.version, product_types=types, broken=reason)
    kind = _kind(loaded)
    return Listing(
        kind.name,
        group,
        kind.distribution,
        kind.version,
        kind.title,
        types,
        kind.capabilities,
        hookspecs.CONTRACT_VERSION,
    )


def _listed_hook(loaded: Loaded) -> Listing:
    return Listing(loaded.name, HOOKS, loaded.distribution, loaded.version, broken=hook_fault(loaded))


def _listed_tables(loaded: Loaded) -> Listing:
    reason = plugin_tables.fault_of(loaded)
    return Listing(loaded.name, MIGRATIONS, loaded.distribution, loaded.version, broken=reason)


def _listed_routes(mounting: Mounting) -> Listing:
    loaded = mounting.loaded
    return Listing(loaded.name, ROUTES, loaded.distribution, loaded.version, broken=mounting.fault)


def _listed_unreadable(distribution: Distribution, reason: str) -> Listing:
    name = distribution.name or "a package without a name"
    return Listing(name, "entry_points.txt", name, distribution.version, broken=reason)
