"""Plugins that break the contract, installed for real: each is listed with its reason, and none hurts another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from svahub import discovery
from svahub.registry import BrokenPlugin, Listing, MissingPlugin, Registry

if TYPE_CHECKING:
    from pathlib import Path

OURS = {"asaas", "campsoft", "iot", "ixc", "teleclinica"}
GOOD = """
from svahub import BlockScope, Deduplication, Environment, IntegrationSettings, Lifecycle, RemoteUser, hookimpl

class Provider(Lifecycle):
    title = "Good"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 0
    hosts = {Environment.STAGING: ("https://good.example.com",)}
    Settings = IntegrationSettings

    def __init__(self, settings, client): ...

    @hookimpl
    def create_user(self, subscription): ...

    @hookimpl
    def block(self, subscription, reasons): ...

    @hookimpl
    def unblock(self, subscription): ...

    @hookimpl
    def cancel(self, subscription): ...

    @hookimpl
    def sync_plans(self): ...
"""
WRAPPER = """
from svahub import hookimpl

class Wrapper:
    @hookimpl(wrapper=True)
    def block(self, subscription, reasons):
        return (yield)
"""


def good(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def wrapper(old: str, new: str) -> str:
    assert old in WRAPPER
    return WRAPPER.replace(old, new)


@dataclass(frozen=True)
class Broken:
    """A module with `Provider` or `Wrapper` in it, and a part of the reason that is shown for it."""

    source: str
    reason: str


NOT_IMPORTED = {
    "import_error": Broken("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax_error": Broken("def", "SyntaxError"),
    "exit": Broken("raise SystemExit(7)", "SystemExit: 7"),
    "assertion": Broken("assert False, 'not today'", "AssertionError: not today"),
    "base_exception": Broken("import asyncio\nraise asyncio.CancelledError", "CancelledError"),
    "no_such_name": Broken("", "AttributeError"),
}
PROVIDERS = NOT_IMPORTED | {
    "forty_two": Broken("Provider = 42", "the entry point is int, not a provider class"),
    "instance": Broken(GOOD + "\nProvider = Provider(None, None)", "is Provider, not a provider class"),
    "missing_hook": Broken(good("    @hookimpl\n    def cancel", "    def cancel"), "hooks missing: cancel"),
    "keyword_only": Broken(
        good("def block(self, subscription, reasons)", "def block(self, subscription, *, reasons)"),
        "block has keyword-only parameters, which a hook call does not reach: reasons",
    ),
    "unknown_parameter": Broken(good("def cancel(self, subscription)", "def cancel(self, contract)"), "contract"),
    "unknown_hook": Broken(GOOD + "\n    @hookimpl\n    def blokc(self, subscription): ...", "blokc"),
    "async_hook": Broken(good("def block", "async def block"), "block is async"),
    "generator_hook": Broken(good("reasons): ...", "reasons):\n        yield"), "block is a wrapper or a generator"),
    "other_version": Broken(
        good("contract_version = 1", "contract_version = 2"),
        "it speaks contract version 2, this svahub speaks 1",
    ),
    "no_version": Broken(good("    contract_version = 1\n", ""), "it speaks contract version None"),
    "capability_without_hook": Broken(
        good("(Lifecycle)", "(Lifecycle, FindsUsers)").replace("hookimpl\n", "hookimpl, FindsUsers\n", 1),
        "capabilities declared without their hook: find_user",
    ),
    "change_of_nothing": Broken(
        GOOD + "\n    @hookimpl\n    def change(self, subscription, what): ...", "does not declare in `changes`"
    ),
    "foreign_settings": Broken(
        good("Settings = IntegrationSettings", "class Settings: ..."), "do not inherit svahub.IntegrationSettings"
    ),
    "settings_42": Broken(good("Settings = IntegrationSettings", "Settings = 42"), "do not inherit"),
    "no_settings": Broken(good("    Settings = IntegrationSettings\n", ""), "does not declare Settings"),
    "scope_of_moon": Broken(good("BlockScope.SUBSCRIPTION", "'moon'"), "'moon' is not a valid BlockScope"),
    "hosts_as_text": Broken(good('("https://good.example.com",)', '"https://good.example.com"'), "no tuple of URLs"),
    "hosts_as_list": Broken(good('{Environment.STAGING: ("https://good.example.com",)}', "[1]"), "TypeError"),
    "hostile": Broken(
        good("class Provider(Lifecycle):", "class Provider(Lifecycle, metaclass=Hostile):").replace(
            "\nclass",
            "\nclass Hostile(type(Lifecycle)):\n"
            "    @property\n    def contract_version(cls):\n        raise RuntimeError('leave me alone')\n\nclass",
            1,
        ).replace("    contract_version = 1\n", "", 1),
        "leave me alone",
    ),
}  # fmt: skip
WRAPPERS = NOT_IMPORTED | {
    "plain_hook": Broken(
        wrapper("(wrapper=True)", "").replace("(yield)", "None"),
        "block would answer instead of the provider: only hookimpl(wrapper=True) may be here",
    ),
    "old_wrapper": Broken(wrapper("wrapper=True", "hookwrapper=True"), "block would answer"),
    "hook_42": Broken("Wrapper = 42", "it implements no hook of svahub"),
    "no_hook": Broken("class Wrapper: ...", "it implements no hook of svahub"),
    "wrapper_with_keyword_only": Broken(wrapper(", reasons", ", *, reasons"), "keyword-only parameters"),
    "wrapper_of_unknown": Broken(
        WRAPPER + "\n    @hookimpl(wrapper=True)\n    def blokc(self):\n        yield", "blokc"
    ),
    "wrapper_with_needs": Broken(WRAPPER + "\n    def __init__(self, needed): ...", "TypeError"),
}


def entries(group: str, name: str, attribute: str) -> str:
    return f"[{group}]\n{name} = {name}:{attribute}\n"


def add_provider(site, name: str, source: str = GOOD, distribution: str | None = None) -> None:
    site.install(distribution or name, entries(discovery.PROVIDERS, name, "Provider"), **{name: source})


def add_wrapper(site, name: str, source: str = WRAPPER) -> None:
    site.install(name, entries(discovery.HOOKS, name, "Wrapper"), **{name: source})


def listed(name: str) -> Listing:
    (found,) = [line for line in Registry().listing() if line.name == name]
    return found


def others_work() -> bool:
    return Registry().provider("teleclinica").title == "TeleClínica" and listed("teleclinica").broken is None


# -- in this process ---------------------------------------------------------------------------------------------------


def test_a_good_provider_is_listed_with_all_that_it_declares(site) -> None:
    add_provider(site, "goodone")
    assert listed("goodone") == Listing(
        "goodone", discovery.PROVIDERS, "goodone", "1.0", "Good", contract_version=1, capabilities=()
    )


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_broken_provider_is_listed_with_its_reason_and_hurts_nobody(site, kind: str) -> None:
    add_provider(site, kind, PROVIDERS[kind].source)
    line = listed(kind)
    assert PROVIDERS[kind].reason in (line.broken or "")
    assert (line.distribution, line.version) == (kind, "1.0")
    assert others_work()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_broken_provider_is_refused_when_it_is_used(site, kind: str) -> None:
    add_provider(site, kind, PROVIDERS[kind].source)
    with pytest.raises(BrokenPlugin, match=rf"The plugin '{kind}' \({kind}\) cannot be used") as refusal:
        Registry().provider(kind)
    assert PROVIDERS[kind].reason in str(refusal.value)


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_broken_wrapper_is_listed_with_its_reason_and_wraps_nothing(site, kind: str) -> None:
    add_wrapper(site, kind, WRAPPERS[kind].source)
    assert WRAPPERS[kind].reason in (listed(kind).broken or "")
    assert Registry().wrappers == ()
    assert others_work()


def test_a_good_wrapper_is_listed_and_laid_around_providers(site) -> None:
    add_wrapper(site, "goodwrapper")
    assert (listed("goodwrapper").broken, [type(w).__name__ for w in Registry().wrappers]) == (None, ["Wrapper"])


def test_a_wrapper_that_two_names_point_to_wraps_once(site) -> None:
    add_wrapper(site, "onemodule")
    site.install("again", f"[{discovery.HOOKS}]\nagain = onemodule:Wrapper\n")
    assert len(Registry().wrappers) == 1


def test_two_distributions_that_claim_one_name_are_both_named_and_neither_is_used(site) -> None:
    add_provider(site, "claimed", distribution="first-package")
    site.install("second-package", entries(discovery.PROVIDERS, "claimed", "Provider"))
    lines = [line for line in Registry().listing() if line.name == "claimed"]
    assert [line.distribution for line in lines] == ["first-package", "second-package"]
    assert {line.broken for line in lines} == {"'claimed' is claimed by first-package and second-package"}
    with pytest.raises(BrokenPlugin, match="claimed by first-package and second-package"):
        Registry().provider("claimed")
    assert others_work()


SOURCE = """
from svahub import Environment, Source, SourceSettings, hookimpl

class Erp(Source):
    title = "Erp"
    contract_version = 1
    hosts = {Environment.STAGING: ("https://erp.example.com",)}
    Settings = SourceSettings

    @hookimpl
    def contracts(self, since): ...
"""


def test_a_source_is_listed_beside_the_providers_and_a_broken_one_hurts_nobody(site) -> None:
    site.install("ledger", entries(discovery.SOURCES, "ledger", "Erp"), ledger=SOURCE)
    site.install(
        "halfledger", entries(discovery.SOURCES, "halfledger", "Erp"), halfledger=SOURCE.replace("@hookimpl", "")
    )
    assert (listed("ledger").group, listed("ledger").broken) == (discovery.SOURCES, None)
    assert listed("halfledger").broken == "hooks missing: contracts"
    assert Registry().provider("ledger").is_source
    assert others_work()


def test_a_source_and_a_provider_that_claim_one_name_are_both_named_and_neither_is_used(site) -> None:
    add_provider(site, "claimed", distribution="first-package")
    site.install("second-package", entries(discovery.SOURCES, "claimed", "Erp"), second=SOURCE)
    assert {line.broken is not None for line in Registry().listing() if line.name == "claimed"} == {True}
    with pytest.raises(BrokenPlugin, match="claimed by first-package and second-package"):
        Registry().provider("claimed")
    assert others_work()


def test_a_module_that_prints_at_import_spoils_no_output(site, capsys: pytest.CaptureFixture[str]) -> None:
    add_provider(site, "talkative", "print('hello')\n" + GOOD)
    assert listed("talkative").broken is None
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "hello\n")


@pytest.mark.parametrize("content", ["[svahub.providers]\nno equals sign\n", "\xff"])
def test_a_distribution_whose_entry_points_cannot_be_read_is_listed(site, content: str) -> None:
    site.install("unreadable", "")
    (site.folder / "unreadable-1.0.dist-info" / "entry_points.txt").write_bytes(content.encode("latin-1"))
    assert "entry_points.txt cannot be read" in (listed("unreadable").broken or "")
    assert others_work()


def test_a_distribution_without_a_name_is_no_obstacle(site) -> None:
    for folder in ("one", "two"):
        add_provider(site, "nameless", distribution=folder) if folder == "one" else site.install(folder, "")
        described = site.folder / f"{folder}-1.0.dist-info"
        (described / "METADATA").write_text("Metadata-Version: 2.1\n")
    assert listed("nameless").broken is None
    assert others_work()


# -- what is there now -------------------------------------------------------------------------------------------------


def test_naming_what_is_installed_imports_nothing(site) -> None:
    add_provider(site, "unimported")
    site.install("types", f"[{discovery.PRODUCT_TYPES}]\ngardening = unimported:Provider\n")
    registry = Registry()
    assert registry.installed("unimported")
    assert registry.providers_of("gardening") == ("unimported",)
    assert "unimported" not in sys.modules


def test_using_one_provider_imports_no_other(site) -> None:
    add_provider(site, "usedone")
    add_provider(site, "idleone")
    assert Registry().provider("usedone").title == "Good"
    assert "idleone" not in sys.modules


def test_a_distribution_is_seen_as_soon_as_it_is_there_and_as_long(site) -> None:
    assert not Registry().installed("late")
    add_provider(site, "late")
    assert Registry().provider("late").title == "Good"
    site.remove("late")
    with pytest.raises(MissingPlugin, match="'late'"):
        Registry().provider("late")
    assert {line.name for line in Registry().listing()} == OURS


def test_a_newer_version_takes_the_place_of_the_older(site) -> None:
    add_provider(site, "upgraded")
    assert listed("upgraded").version == "1.0"
    site.remove("upgraded")
    newer = {"upgraded": good('"Good"', '"Better"')}
    site.install("upgraded", entries(discovery.PROVIDERS, "upgraded", "Provider"), "1.10", **newer)
    assert (listed("upgraded").version, listed("upgraded").title) == ("1.10", "Better")


# -- as a process ------------------------------------------------------------------------------------------------------


@pytest.fixture
def beside(site) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Install every broken plugin there is, and return how to run svahub beside them."""
    for kind, broken in PROVIDERS.items():
        add_provider(site, kind, broken.source)
    for kind, broken in WRAPPERS.items() - NOT_IMPORTED.items():
        add_wrapper(site, kind, broken.source)
    add_provider(site, "talkative", "print('hello')\n" + GOOD)
    site.install("second", entries(discovery.PROVIDERS, "talkative", "Provider"))

    def run(*arguments: str, cwd: Path = site.folder.parent) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(site.folder), "HOME": str(cwd), "XDG_CONFIG_HOME": str(cwd)}
        command = [sys.executable, "-m", "svahub", *arguments]
        return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=60)

    return run


def test_plugins_lists_them_all_and_exits_with_0(beside) -> None:
    shown = beside("plugins", "--json")
    assert shown.returncode == 0, shown.stderr
    lines = {line["name"]: line["broken"] for line in json.loads(shown.stdout)}
    assert {lines.pop(name) for name in OURS} == {None}
    assert all(lines.values())
    assert lines.keys() == PROVIDERS.keys() | WRAPPERS.keys() | {"talkative"}


@pytest.mark.parametrize("arguments", [pytest.param(("--help",), marks=pytest.mark.deep), ("tenant", "list")])
def test_every_other_command_works_beside_them(beside, arguments: tuple[str, ...]) -> None:
    shown = beside(*arguments)
    assert (shown.returncode, "Traceback" in shown.stderr) == (0, False), shown.stderr
