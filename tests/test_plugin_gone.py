"""A plugin is uninstalled while it has subscriptions, and put back: they wait, nothing fails, they go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from svahub.errors import Refused
from svahub.hub import Hub, TenantHub
from svahub.models import Environment, Observed
from svahub.store.states import Outcome, State
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from pathlib import Path

GARDENER = """
from svahub import (
    BlockScope, Deduplication, Environment, IntegrationSettings, Lifecycle, Observed, Plan, RemoteSubscription,
    RemoteUser, hookimpl,
)

from gardeners_own_books import calls

class Gardener(Lifecycle):
    title = "Gardener"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 0
    hosts = {Environment.STAGING: ("https://garden.example.com",)}
    Settings = IntegrationSettings

    def __init__(self, settings, client): ...

    @hookimpl
    def create_user(self, subscription):
        calls.append("create_user")
        plan = RemoteSubscription("roses", Observed.ACTIVE, subscription.key, "r1")
        return RemoteUser("u1", Observed.ACTIVE, subscription.account.key, (plan,))

    @hookimpl
    def block(self, subscription, reasons):
        calls.append("block")

    @hookimpl
    def unblock(self, subscription):
        calls.append("unblock")

    @hookimpl
    def cancel(self, subscription):
        calls.append("cancel")

    @hookimpl
    def sync_plans(self):
        return [Plan("roses", "Roses")]
"""
ENTRIES = """[svahub.providers]
gardener = gardener:Gardener
[svahub.product_types]
gardening = gardener:Gardener
"""
CONTRACT = {
    "contract_id": "C1",
    "customer": {"id": "P1", "name": "Maria Silva", "document": "52998224725"},
    "items": [{"code": "1", "product_code": "GARDEN"}],
}


@dataclass
class Garden:
    """A store, and a plugin that comes and goes; a hub on it is what a new process would have."""

    url: str
    site: object

    def plant(self) -> None:
        self.site.install("svahub-gardener", ENTRIES, gardener=GARDENER)

    def uproot(self) -> None:
        self.site.remove("svahub-gardener")

    def opened(self) -> Hub:
        return Hub.open(self.url)

    def work(self) -> None:
        with self.opened() as hub, hub.work(threads=2) as worker:
            worker.drain()

    def calls(self) -> list[str]:
        import gardeners_own_books

        return gardeners_own_books.calls


@pytest.fixture
def garden(usual_database_url: str, site, tmp_path: Path) -> Iterator[Garden]:
    site.install("gardeners-books", "", gardeners_own_books="calls = []")
    garden = Garden(usual_database_url, site)
    garden.plant()
    with garden.opened() as hub:
        office = hub.tenant("default")
        office.integrations.add("garden", "gardener", Environment.STAGING)
        office.catalogue.sync("garden")
        office.catalogue.link("GARDEN", "gardening", "garden", "roses")
        bring(office, tmp_path, CONTRACT)
    garden.work()
    return garden


def bring(office: TenantHub, folder: Path, *contracts: object) -> None:
    lines = folder / "contracts.jsonl"
    lines.write_text("\n".join(map(json.dumps, contracts)))
    report = office.contracts.bring(lines)
    assert report.rejected == 0, report.errors


def test_before_anything_the_subscription_is_active(garden: Garden) -> None:
    with garden.opened() as hub:
        (only,) = hub.tenant("default").subscriptions.list()
    assert (only.observed, only.state, garden.calls()) == (Observed.ACTIVE, State.SETTLED, ["create_user"])


def test_without_its_plugin_an_integration_says_what_to_install(garden: Garden) -> None:
    garden.uproot()
    with garden.opened() as hub:
        (integration,) = hub.tenant("default").integrations.list()
    assert integration.status == "missing: pip install svahub-gardener"
    assert (integration.title, integration.live_subscriptions) == (None, 1)


def test_without_its_plugin_what_is_asked_is_kept_and_waits(garden: Garden) -> None:
    garden.uproot()
    with garden.opened() as hub:
        office = hub.tenant("default")
        assert not office.counts().stuck
        issued = office.verbs.issue(Command(Action.BLOCK, "C1"))
        (waiting,) = office.settle([effect.after.key for effect in issued.effects], timeout=30)
        assert (waiting.state, waiting.observed) == (State.MISSING_PLUGIN, Observed.ACTIVE)
        assert waiting.cause == "missing: pip install svahub-gardener"
        assert [o.outcome for o in office.operations.list()] == [Outcome.SUCCEEDED, Outcome.QUEUED]


def test_without_its_plugin_working_ends_and_tells_that_somebody_waits(garden: Garden) -> None:
    garden.uproot()
    with garden.opened() as hub:
        office = hub.tenant("default")
        office.verbs.issue(Command(Action.BLOCK, "C1"))
        garden.work()
        counts = office.counts()
        assert (counts.stuck, counts.states) == (True, {State.MISSING_PLUGIN: 1})
        assert counts.problems == {"garden": "missing: pip install svahub-gardener"}


def test_without_its_plugin_contracts_still_come_in(garden: Garden, tmp_path: Path) -> None:
    garden.uproot()
    second = CONTRACT | {"contract_id": "C2"}
    with garden.opened() as hub:
        office = hub.tenant("default")
        bring(office, tmp_path, CONTRACT, second)
        states = {s.contract_id: s.state for s in office.subscriptions.list()}
    assert states == {"C1": State.SETTLED, "C2": State.MISSING_PLUGIN}


def test_without_its_plugin_its_integration_cannot_be_removed_while_subscriptions_live(garden: Garden) -> None:
    garden.uproot()
    with garden.opened() as hub, pytest.raises(Refused, match="1 live subscriptions"):
        hub.tenant("default").integrations.remove("garden")


def test_back_again_the_plugin_is_given_what_waited(garden: Garden) -> None:
    garden.uproot()
    with garden.opened() as hub:
        hub.tenant("default").verbs.issue(Command(Action.BLOCK, "C1"))
    garden.work()
    assert garden.calls() == ["create_user"]
    garden.plant()
    garden.work()
    assert garden.calls() == ["create_user", "block"]
    with garden.opened() as hub:
        office = hub.tenant("default")
        (only,) = office.subscriptions.list()
        assert (only.observed, only.state, only.remote_id) == (Observed.BLOCKED, State.SETTLED, "r1")
        assert [o.outcome for o in office.operations.list()] == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
        assert not office.counts().stuck
        assert office.integrations.show("garden").status == "enabled"


def test_a_plugin_that_came_back_broken_is_told_apart(garden: Garden) -> None:
    garden.uproot()
    garden.site.install("svahub-gardener", ENTRIES, gardener="raise SystemExit(7)")
    with garden.opened() as hub:
        office = hub.tenant("default")
        office.verbs.issue(Command(Action.BLOCK, "C1"))
        garden.work()
        status = office.integrations.show("garden").status
        assert status.startswith("broken: The plugin 'gardener' (svahub-gardener) cannot be used: SystemExit: 7")
        assert office.counts().states == {State.MISSING_PLUGIN: 1}


def test_without_its_plugin_a_customer_is_neither_exported_nor_erased_unless_that_is_said(garden: Garden) -> None:
    with garden.opened() as hub:
        hub.tenant("default").verbs.issue(Command(Action.CANCEL, "C1"))
    garden.work()
    garden.uproot()
    with garden.opened() as hub:
        privacy = hub.tenant("default").privacy
        for asked in (privacy.export, privacy.erase):
            with pytest.raises(Refused, match="integration garden is missing: pip install svahub-gardener"):
                asked("P1", actor="dpo")
        assert privacy.export("P1", actor="dpo", without_missing=True)["customer"]["name"] == "Maria Silva"
        done = privacy.erase("P1", actor="dpo", without_missing=True)
    assert done.left_out == {"integration garden": "missing: pip install svahub-gardener"}
