"""An ISP whose contracts come from an invented ERP, sold at an invented provider: both in this process, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from svahub import (
    ChecksConnection,
    ContractRow,
    Debt,
    DebtSettled,
    Environment,
    FindsTasks,
    Happened,
    HappenedKind,
    NewTask,
    PerformsTasks,
    Rejected,
    Source,
    SourceSettings,
    TakesReports,
    Task,
    TaskResult,
    TellsReceivables,
    contract_of,
    hookimpl,
)
from svahub.client import ProviderClient
from svahub.hub import Hub, TenantHub
from svahub.registry import MissingPlugin, ProviderKind, Registry
from svahub.store import Store, catalogue, versions
from svahub.store.rows import LinkRow
from svahub.testing.clocks import HandClock

CPF = "52998224725"


@dataclass
class Erp:
    """What the ERP holds, each record with when it was changed, by its own clock; what it was asked, and wrote."""

    clock: HandClock
    ahead: timedelta = timedelta()
    contracts: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    debts: dict[str, tuple[datetime, Debt | DebtSettled]] = field(default_factory=dict)
    asked: list[tuple[str, datetime | None]] = field(default_factory=list)
    told: list[Happened] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    trouble: dict[str, BaseException] = field(default_factory=dict)
    yielded: int = 0
    answers: bool = False

    def now(self) -> datetime:
        return self.clock.now() + self.ahead

    def sign(self, id: str, *, product: str = "X", **more: Any) -> None:
        """Keep a contract as it is from now on."""
        customer = {"id": f"K{id}", "name": "Pessoa Inventada", "document": CPF}
        items = [{"code": "1", "product_code": product, "plan": "p1"}]
        level = {"contract_id": id, "customer": customer, "items": items, "block_reasons": []}
        self.contracts[id] = (self.now(), level | more)

    def tell(self, one: Debt | DebtSettled) -> None:
        self.debts[one.reference] = (self.now(), one)

    def since(self, what: str, records: dict[str, tuple[datetime, Any]], since: datetime | None) -> Iterator[Any]:
        self.asked.append((what, since))
        if what in self.trouble:
            raise self.trouble[what]
        for changed_at, record in list(records.values()):
            if since is None or changed_at >= since:
                self.yielded += 1
                yield record
        if f"end of {what}" in self.trouble:
            raise self.trouble[f"end of {what}"]


class ErpSettings(SourceSettings):
    notes: bool = False

    def wants(self) -> frozenset[HappenedKind]:
        return frozenset(HappenedKind) if self.notes else frozenset()


class Records(Source, TellsReceivables, TakesReports, ChecksConnection, PerformsTasks, FindsTasks):
    """The ERP as svahub speaks with it."""

    title = "Records"
    contract_version = 1
    hosts: ClassVar = {Environment.STAGING: ("https://erp.example.com",)}
    Settings = ErpSettings
    erp: Erp

    def __init__(self, settings: ErpSettings, client: ProviderClient) -> None:
        self.settings, self.client = settings, client

    @hookimpl
    def contracts(self, since: datetime | None) -> Iterable[ContractRow | Rejected]:
        if self.erp.answers:
            self.client.get("/contracts")
        for raw in self.erp.since("contracts", self.erp.contracts, since):
            yield contract_of(raw)

    @hookimpl
    def receivables(self, since: datetime | None) -> Iterable[Debt | DebtSettled]:
        yield from self.erp.since("receivables", self.erp.debts, since)

    @hookimpl
    def report(self, happened: Happened) -> Sequence[NewTask]:
        if "report" in self.erp.trouble:
            raise self.erp.trouble["report"]
        self.erp.told.append(happened)
        return [NewTask("note.add", happened.key, {"kind": happened.kind.value, "contract": happened.contract_id})]

    @hookimpl
    def perform(self, task: Task) -> TaskResult:
        if "perform" in self.erp.trouble:
            raise self.erp.trouble.pop("perform")
        assert task.key not in self.erp.notes
        self.erp.notes[task.key] = f"{task.payload['contract']} {task.payload['kind']}"
        return TaskResult(task.key)

    @hookimpl
    def find_task(self, task: Task) -> TaskResult | None:
        return TaskResult(task.key) if task.key in self.erp.notes else None

    @hookimpl
    def check_connection(self) -> None:
        if "check" in self.erp.trouble:
            raise self.erp.trouble["check"]


class Both(Registry):
    """The provider and the source, installed; `gone` are uninstalled."""

    def __init__(self, **classes: type[Any]) -> None:
        super().__init__()
        self.classes, self.gone = classes, set[str]()

    def installed(self, provider: str) -> bool:
        return provider in self.classes.keys() - self.gone

    def provider(self, name: str) -> ProviderKind:
        if not self.installed(name):
            raise MissingPlugin(f"No installed plugin is called {name!r}.")
        return ProviderKind(name, self.classes[name], f"svahub-{name}", "1")


@dataclass
class Isp:
    hub: Hub
    office: TenantHub
    erp: Erp
    clock: HandClock
    registry: Both

    def source(self, name: str = "erp", address: str | None = None, **settings: Any) -> None:
        """Register the ERP; nothing pulls it by itself unless `watch` is set."""
        given = {"watch": False} | settings
        self.office.sources.add(name, "records", Environment.STAGING, address=address, settings=given)

    def install(self, name: str) -> Erp:
        """Install the plugin of another ERP, and return what that holds."""
        erp = Erp(self.clock)
        self.registry.classes[name] = type("Others", (Records,), {"erp": erp})
        return erp

    def work(self) -> None:
        """Do what `svahub work --once` does, but for schedules."""
        with self.hub.watching(once=True) as watching, self.hub.work(threads=1) as worker:
            watching.drain()
            worker.drain()
            while watching.drain():
                worker.drain()

    def states(self) -> dict[str, str]:
        return {one.contract_id: one.observed.value for one in self.office.subscriptions.list()}


def opened(url: str, erp: Erp, basic: type[Any]) -> Isp:
    clock = erp.clock
    made = type("Made", (basic,), {"remote": _remote_of(basic)})
    registry = Both(basic=made, records=type("Ours", (Records,), {"erp": erp}))
    store = Store(url, clock)
    versions.ready(store)
    hub = Hub(store, registry, draw=lambda: 0.5)
    if "default" not in {row.name for row in hub.tenants()}:
        hub.add_tenant("default")
    return Isp(hub, hub.tenant("default"), erp, clock, registry)


def _remote_of(basic: type[Any]) -> Any:
    import sys

    return sys.modules[basic.__module__].Remote()


@pytest.fixture
def erp() -> Erp:
    return Erp(HandClock())


@pytest.fixture
def open_isp_of(finding: type[Any], erp: Erp) -> Iterator[Callable[[str], Isp]]:
    """Return what opens the ISP of a store; its provider is registered with the first."""
    isps: list[Isp] = []

    def make(url: str) -> Isp:
        isps.append(isp := opened(url, erp, finding))
        return isp

    yield make
    for isp in isps:
        isp.hub.close()


def furnished(isp: Isp) -> Isp:
    isp.office.integrations.add("basic", "basic", Environment.STAGING)
    isp.office.catalogue.sync("basic")
    with isp.hub.store.write() as connection:
        catalogue.put_link(connection, LinkRow("default", "X", "anything", "basic", "p1"))
    return isp


@pytest.fixture
def isp(open_isp_of: Callable[[str], Isp], sqlite_url: str) -> Isp:
    """Return an ISP with the provider and product X, without a source yet."""
    return furnished(open_isp_of(sqlite_url))


@pytest.fixture
def isp_on_each(open_isp_of: Callable[[str], Isp], database_url: str) -> Isp:
    """Return the same, once on each database."""
    return furnished(open_isp_of(database_url))


@pytest.fixture
def erp_url(erp: Erp) -> Iterator[str]:
    """Return where the ERP answers over the network, dating its answers by its own clock."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(erp.now(), usegmt=True)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        erp.answers = True
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
