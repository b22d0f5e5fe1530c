"""Whether a plugin keeps the contract: its declarations, its hooks and their signatures; never raises for a bad one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import pluggy

from svahub import discovery, hookspecs
from svahub.discovery import Loaded
from svahub.models import Aspect, BlockScope, Deduplication, DocumentKind, Environment
from svahub.settings import IntegrationSettings, SourceSettings

NEEDED = ("title", "deduplication", "block_scope", "settle_seconds", "hosts", "Settings")
NEEDED_OF_SOURCES = ("title", "hosts", "Settings")
HOOKS = (*hookspecs.LIFECYCLE, *hookspecs.SOURCE, *hookspecs.CAPABILITIES)
OF_SOURCES = hookspecs.OF_SOURCES.union(hookspecs.SOURCE)
ALL = frozenset((*HOOKS, *hookspecs.OBSERVERS))
STREAMS = frozenset({"sync_plans", "list_users", "list_users_after", "contracts", "receivables"})
# the hooks alone: pluggy looks at every attribute of what it is given, and each protocol has dozens
SPECIFIED = type("Specified", (), {n: getattr(p, n) for p in hookspecs.SPECIFICATIONS for n in vars(p) if n in ALL})


def fault_of(loaded: Loaded) -> str | None:
    """Say why the entry point of a provider or a source cannot be used; None when it keeps the contract."""
    look = _source_fault if loaded.entry_point.group == discovery.SOURCES else _provider_fault
    return loaded.reason or _looked_at(look, loaded.plugin)


def _looked_at(look: Callable[[Any], str | None], plugin: Any) -> str | None:
    try:
        return look(plugin)
    except Exception as error:  # noqa: BLE001 -- whatever a foreign object does when looked at is its fault alone
        return discovery.sentence(error)


def _provider_fault(plugin: Any) -> str | None:
    if not inspect.isclass(plugin):
        return f"the entry point is {type(plugin).__name__}, not a provider class"
    return _declaration_fault(plugin, NEEDED, IntegrationSettings) or _values_fault(plugin) or _provider_hooks(plugin)


def _source_fault(plugin: Any) -> str | None:
    if not inspect.isclass(plugin):
        return f"the entry point is {type(plugin).__name__}, not the class of a source"
    return _declaration_fault(plugin, NEEDED_OF_SOURCES, SourceSettings) or _source_hooks(plugin)


def _declaration_fault(cls: type[Any], needed: Iterable[str], settings: type[IntegrationSettings]) -> str | None:
    version = getattr(cls, "contract_version", None)
    if version != hookspecs.CONTRACT_VERSION:
        return f"it speaks contract version {version}, this svahub speaks {hookspecs.CONTRACT_VERSION}"
    if absent := [name for name in needed if not hasattr(cls, name)]:
        return f"the class does not declare {', '.join(absent)}"
    if not (inspect.isclass(cls.Settings) and issubclass(cls.Settings, settings)):
        return f"its Settings do not inherit svahub.{settings.__name__}"
    if not isinstance(getattr(cls, "sensitive", False), bool):
        return "its `sensitive` is neither True nor False"
    return _hosts_fault(cls.hosts)


def _hosts_fault(hosts: Any) -> str | None:
    for environment, urls in dict(hosts).items():
        if isinstance(urls, str) or not all(urlsplit(url).hostname for url in urls):
            return f"its hosts of {Environment(environment).value} are no tuple of URLs"
    return None


def _values_fault(cls: type[Any]) -> str | None:
    if implemented(cls, "change") and not hasattr(cls, "changes"):
        return "it implements change and does not declare in `changes` what can change"
    try:
        _ = Deduplication(cls.deduplication), BlockScope(cls.block_scope), float(cls.settle_seconds)
        _ = [Aspect(a) for a in getattr(cls, "changes", ())]
        _ = [DocumentKind(d) for d in getattr(cls, "documents", ())]
    except (TypeError, ValueError) as error:
        return f"what the class declares is not valid: {error}"
    return None


def _provider_hooks(cls: type[Any]) -> str | None:
    if absent := [name for name in hookspecs.LIFECYCLE if not implemented(cls, name)]:
        return f"hooks missing: {', '.join(absent)}"
    if foreign := [name for name in HOOKS if name in OF_SOURCES and implemented(cls, name)]:
        return f"{', '.join(foreign)}: only a source has it; name a class of its own in svahub.sources"
    return _hook_faults(cls)


def _source_hooks(cls: type[Any]) -> str | None:
    if absent := [name for name in hookspecs.SOURCE if not implemented(cls, name)]:
        return f"hooks missing: {', '.join(absent)}"
    known = OF_SOURCES | hookspecs.OF_BOTH
    if foreign := [name for name in HOOKS if name not in known and implemented(cls, name)]:
        return f"{', '.join(foreign)}: a source sells nothing; name a provider's class in svahub.providers"
    if implemented(cls, "report") and not implemented(cls, "perform"):
        return "report without perform: nothing would carry out what it asks for"
    return _hook_faults(cls)


def _hook_faults(cls: type[Any]) -> str | None:
    promised = [n for n, protocol in hookspecs.CAPABILITIES.items() if protocol in cls.__mro__]
    if absent := [name for name in promised if not implemented(cls, name)]:
        return f"capabilities declared without their hook: {', '.join(absent)}"
    if half := _half_promised(cls):
        return half
    if observing := [name for name in hookspecs.OBSERVERS if implemented(cls, name)]:
        return f"{', '.join(observing)}: its hooks touch no database; name what has tables in svahub.hooks"
    return _kind_fault(cls) or _keyword_only(cls) or _signature_fault(cls)


PAIRS = (("authenticate_webhook", "receive_webhook"), ("recall", "recorded"))
"""Hooks of which neither is of use alone."""


def _half_promised(cls: type[Any]) -> str | None:
    for pair in PAIRS:
        there = [name for name in pair if implemented(cls, name)]
        if len(there) == 1:
            absent = next(name for name in pair if name not in there)
            return f"{there[0]} without {absent}: neither is of use alone"
    return None


def _kind_fault(cls: type[Any]) -> str | None:
    """A call of what is no plain function would return at once and never reach the provider."""
    for name in (name for name in HOOKS if implemented(cls, name)):
        hook = getattr(cls, name)
        if inspect.iscoroutinefunction(hook) or inspect.isasyncgenfunction(hook):
            return f"{name} is async: a hook is a plain function"
        if _options(cls, name).get("wrapper") or (inspect.isgeneratorfunction(hook) and name not in STREAMS):
            return f"{name} is a wrapper or a generator: a hook is a plain function"
    return None


def _keyword_only(plugin: Any) -> str | None:
    for name in (name for name in (*HOOKS, *hookspecs.OBSERVERS) if implemented(plugin, name)):
        parameters = inspect.signature(getattr(plugin, name)).parameters.values()
        only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        if only:
            return f"{name} has keyword-only parameters, which a hook call does not reach: {', '.join(only)}"
    return None


def _signature_fault(plugin: Any) -> str | None:
    manager = specified_manager()
    try:
        manager.register(plugin, "checked")
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        return str(error).strip().splitlines()[-1]
    return None


def hook_fault(loaded: Loaded) -> str | None:
    """Say why an entry of `svahub.hooks` cannot be used: it may wrap a provider's hooks, never answer them."""
    return loaded.reason or _looked_at(_third_party_fault, loaded.plugin)


def _third_party_fault(plugin: Any) -> str | None:
    if not wraps(plugin) and not observes(plugin):
        return "it implements no hook of svahub"
    plain = [n for n in HOOKS if implemented(plugin, n) and not _options(plugin, n).get("wrapper")]
    if plain:
        return f"{', '.join(plain)} would answer instead of the provider: only hookimpl(wrapper=True) may be here"
    return _observer_fault(plugin) or _keyword_only(plugin) or _signature_fault(instance(plugin))


def _observer_fault(plugin: Any) -> str | None:
    observing = [n for n in hookspecs.OBSERVERS if implemented(plugin, n)]
    if observing and (absent := [n for n in hookspecs.OBSERVERS if n not in observing]):
        return f"what is kept about customers is exported and erased: {', '.join(absent)} missing"
    for name in observing:
        options, hook = _options(plugin, name), getattr(plugin, name)
        if options.get("wrapper") or options.get("hookwrapper"):
            return f"{name} is a wrapper: each plugin tells of its own tables"
        if inspect.iscoroutinefunction(hook) or inspect.isgeneratorfunction(hook) or inspect.isasyncgenfunction(hook):
            return f"{name} is async or a generator: a hook is a plain function"
    return None


def wraps(plugin: Any) -> bool:
    """Say whether an entry of `svahub.hooks` lies around providers' hooks."""
    return any(implemented(plugin, name) for name in HOOKS)


def observes(plugin: Any) -> bool:
    """Say whether an entry of `svahub.hooks` has hooks of its own, beside the providers'."""
    return any(implemented(plugin, name) for name in hookspecs.OBSERVERS)


def specified_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows every hook of the contract and no plugin."""
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(SPECIFIED)
    return manager


class _Manager(pluggy.PluginManager):
    """Takes no attribute with an underscore for a hook: most of an object's have one, and each look is slow."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        return None if name.startswith("_") else super().parse_hookimpl_opts(plugin, name)

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
        return None if name.startswith("_") else super().parse_hookspec_opts(module_or_class, name)


def implemented(plugin: Any, name: str) -> bool:
    """Say whether a plugin has a hookimpl of that name."""
    return bool(_options(plugin, name))


def _options(plugin: Any, name: str) -> dict[str, Any]:
    options = getattr(getattr(plugin, name, None), f"{hookspecs.PROJECT}_impl", None)
    return options if isinstance(options, dict) else {}


def instance(plugin: Any) -> Any:
    """Return what pluggy registers of a wrapper: a module, an object, or an object of the class."""
    return plugin() if inspect.isclass(plugin) else plugin
