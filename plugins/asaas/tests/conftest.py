"""What Asaas's tests share: its simulator, a client of it, and the OpenAPI document as a judge."""

from __future__ import annotations

import importlib.util
import json
import os
import ssl
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from svahub import Account, Address, Customer, Desired, DocumentKind, Environment, Observed, Subscription, Task
from svahub.cli import main
from svahub.client import ProviderClient
from svahub.extension.invented import cpf
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.testing import Request
from svahub.testing.clocks import HandClock
from svahub_asaas import Asaas, AsaasSettings
from svahub_asaas.simulator import AsaasSimulator

ONE_CONTEXT = ssl.create_default_context()  # a new one for each client costs more than most tests


@pytest.fixture
def simulator() -> Iterator[AsaasSimulator]:
    """Return a running simulator whose days only pass by hand, and that tries webhooks again at once."""
    with AsaasSimulator(seed=1, clock=HandClock()).running() as running:
        running.timings.webhook_scale = 0
        yield running


@pytest.fixture
def http(simulator: AsaasSimulator) -> Iterator[httpx.Client]:
    """Return a client that has the key."""
    headers = {"access_token": simulator.credentials["key"]}
    with httpx.Client(base_url=simulator.url, headers=headers, verify=ONE_CONTEXT) as client:
        yield client


KEY = "ASAAS_KEY_OF_TESTS"


@dataclass
class Isp:
    """An installation with one integration, `bill`, at the simulator; both go by one clock, moved by hand."""

    hub: Hub
    clock: HandClock
    asaas: AsaasSimulator

    @property
    def office(self) -> TenantHub:
        """The default tenant's part."""
        return self.hub.tenant("default")

    def invoke(self, *arguments: str, code: int = 0) -> Result:
        """Run a command and see that it ends with a code."""
        result = CliRunner().invoke(main, list(arguments), obj=self.hub)
        assert result.exit_code == code, result.output
        return result

    def told(self, *arguments: str, code: int = 0) -> Any:
        """Return the JSON document that a command prints."""
        return json.loads(self.invoke(*arguments, "--json", code=code).stdout)

    def set(self, integration: str = "bill", **settings: Any) -> None:
        """Change an integration's settings."""
        self.office.integrations.set(integration, settings=settings)

    def add(self, name: str) -> None:
        """Add an integration with the same account at Asaas."""
        self.office.integrations.add(
            name, "asaas", Environment.STAGING, address=self.asaas.url, secret={"key": f"env:{KEY}"}
        )

    def sign(self, number: int, birth_date: str | None = None, **customer: Any) -> str:
        """Have a customer sign a contract for 49.90 a month, and return its id."""
        self._take_in([_contract(number, birth_date=birth_date, **customer)])
        return f"C{number}"

    def sign_many(self, numbers: Iterable[int]) -> None:
        """Have many customers sign a contract each."""
        self._take_in(map(_contract, numbers))

    def _take_in(self, contracts: Iterable[dict[str, Any]]) -> None:
        taken = self.office.contracts.take_in(map(ContractRow.model_validate, contracts))
        assert taken.rejected == 0

    def charge(self, *numbers: int) -> list[dict[str, Any]]:
        """Sign contracts and charge them for the month; return their invoices, by contract."""
        for number in numbers:
            self.sign(number)
        self.invoke("asaas", "invoices", "create", "--yes")
        listed: list[dict[str, Any]] = self.told("asaas", "invoices", "list")
        self.clock.advance(minutes=1)
        return listed

    def by_hand(self, method: str, path: str, body: Any = None) -> Any:
        """Do something as a person does at Asaas's own page."""
        headers = {"access_token": self.asaas.credentials["key"]}
        answer = httpx.request(method, f"{self.asaas.url}{path}", json=body, headers=headers, verify=ONE_CONTEXT)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pass_days(self, days: int = 1) -> None:
        """Let days pass, here and at Asaas."""
        self.clock.advance(days=days)
        self.asaas.between_requests(self.asaas._settlements.turn_day)  # the clock is one: only the day's work is left


def _contract(number: int, **customer: Any) -> dict[str, Any]:
    person = {
        "id": f"P{number}",
        "name": f"Pessoa {('Ana', 'Bia', 'Caio', 'Davi')[number % 4]}",
        "document": cpf(number),
        "email": f"p{number}@example.com",
    }
    return {
        "contract_id": f"C{number}",
        "customer": person | customer,
        "due_day": 10,
        "price": "49.90",
        "items": [{"code": "1", "product_code": "NET"}],
    }


@contextmanager
def _isp(url: str, request: pytest.FixtureRequest) -> Iterator[Isp]:
    """Open an installation; afterwards all that it asked of Asaas is held against the OpenAPI document."""
    judging, clock = _judging(request), HandClock()
    with Asked(seed=1, clock=clock).running() as asaas, Hub.open(url, clock=clock) as hub:
        request.getfixturevalue("monkeypatch").setenv(KEY, asaas.credentials["key"])
        isp = Isp(hub, clock, asaas)
        isp.add("bill")
        yield isp
    if judging is not None:
        judge(judging, asaas)


@pytest.fixture
def isp(sqlite_url: str, request: pytest.FixtureRequest) -> Iterator[Isp]:
    """Return an installation on SQLite, with the simulator running."""
    with _isp(sqlite_url, request) as isp:
        yield isp


@pytest.fixture
def isp_on_both(database_url: str, request: pytest.FixtureRequest) -> Iterator[Isp]:
    """Return an installation; the test runs once on each database."""
    with _isp(database_url, request) as isp:
        yield isp


@dataclass
class Receiver:
    """Takes webhooks: keeps each with its headers, and answers what `statuses` says next, else 200."""

    url: str = ""
    statuses: deque[int] = field(default_factory=deque)
    status: int = 200
    seen: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was received, in the order in which it came."""
        return [event for _, event in self.seen]

    @property
    def names(self) -> list[str]:
        """The events' names."""
        return [event["event"] for event in self.events]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep a request and return what it is answered."""
        self.seen.append((headers, json.loads(body)))
        return self.statuses.popleft() if self.statuses else self.status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a server on loopback that takes webhooks."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/endpoint"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def openapi() -> Any:
    """Return the document of `openapi.py`; skip where none is named, which CI must not do."""
    module = _sibling("openapi")
    path = module.path_from_environment()
    if path is None:
        missing = f"no OpenAPI document of Asaas: {module.VARIABLE} has to name the file"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return module.OpenApi.read(path)


def _sibling(name: str) -> Any:
    """Import a module beside this one: tests are imported one by one, so that none is on the path."""
    full = f"svahub_asaas_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


class Asked(AsaasSimulator):
    """Keeps every request as it came, to be held against the OpenAPI document."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.asked: list[Request] = []

    def authorize(self, request: Request) -> None:
        self.asked.append(request)
        super().authorize(request)


ANA = Customer(
    id="c1",
    name="Ana Inventada",
    document="52998224725",
    document_kind=DocumentKind.CPF,
    email="ana@example.com",
    phone="+5511987654321",
    address=Address("Rua das Flores", "10", "", "Centro", "Santos", "SP", "11010000"),
)


@dataclass
class Till:
    """The provider at its simulator, whose days pass by hand; what they say to each other is kept."""

    simulator: Asked
    client: ProviderClient
    clock: HandClock
    provider: Asaas

    def with_settings(self, **settings: Any) -> Asaas:
        """Return the provider set otherwise, and take it from now on."""
        self.provider = Asaas(AsaasSettings.model_validate({**self.simulator.credentials, **settings}), self.client)
        return self.provider

    def sold(self, key: str = "s1", *, account: Account | None = None, **more: Any) -> Subscription:
        """Return an item that is sold for 49.90 a month, due on the 10th."""
        fields = {
            "contract_id": "C1",
            "item_code": "1",
            "product_type": "billing",
            "desired": Desired.ACTIVE,
            "observed": Observed.ACTIVE,
            "price": Decimal("49.90"),
            "due_day": 10,
        }
        return Subscription(key=key, account=account or Account("a1", ANA), **{**fields, **more})

    def made(self, key: str = "s1", **more: Any) -> Subscription:
        """Make a subscription, and return it with the ids that Asaas gave."""
        sold = self.sold(key, **more)
        user = self.provider.create_user(sold)
        account = replace(sold.account, remote_id=user.remote_id)
        return replace(sold, account=account, remote_id=user.subscription(key).remote_id)

    def task(
        self, kind: str = "charge.create", key: str = "t1", *, customer: str | None = None, **payload: Any
    ) -> Task:
        """Return a task about a charge; by default one of 49.90 for November."""
        charge = {"value": "49.90", "due_date": "2026-11-25", "month": "2026-11", "billing_type": "PIX",
                  "template": "Contrato $contract, $due_date"}  # fmt: skip
        asked = {**charge, **payload} if kind == "charge.create" else payload
        return Task(key, kind, key, asked, Account("a1", ANA, customer), "C1")

    def calls(self) -> list[str]:
        """Return what was asked since this was last called, by route."""
        seen = [f"{one.method} {one.path.replace('/', ' ').split()[0]}" for one in self.simulator.requests]
        self.simulator.requests.clear()
        return seen

    def kept(self, kind: str) -> list[dict[str, Any]]:
        """Return what Asaas has, deleted or not, the oldest first."""
        rows: list[dict[str, Any]] = self.simulator.state()[kind]
        return rows

    def by_hand(self, method: str, path: str, body: Any = None) -> Any:
        """Do something as a person does at Asaas's own page."""
        headers = {"access_token": self.simulator.credentials["key"]}
        url = f"{self.simulator.url}{path}"
        answer = httpx.request(method, url, json=body, headers=headers, verify=ONE_CONTEXT)
        assert answer.status_code == 200, answer.text
        self.simulator.requests.clear()
        return answer.json()

    def pass_days(self, days: int) -> None:
        """Let days pass; Asaas does what it does when each begins."""
        self.simulator.between_requests(lambda: self._pass_days(days))

    def _pass_days(self, days: int) -> None:
        for _ in range(days):
            self.clock.advance(days=1)
            self.simulator._settlements.turn_day()
            self.simulator._subscriptions.turn_day()


@pytest.fixture
def till(request: pytest.FixtureRequest) -> Iterator[Till]:
    """Return a provider at its simulator; afterwards all that it asked is held against the OpenAPI document."""
    judging, clock = _judging(request), HandClock()
    with Asked(seed=1, clock=clock).running() as simulator:
        settings = AsaasSettings.model_validate(simulator.credentials)
        with ProviderClient(base_url=simulator.url, auth=settings.auth(), timeout=2, now=clock.now) as client:
            yield Till(simulator, client, clock, Asaas(settings, client))
    if judging is not None:
        judge(judging, simulator)


def _judging(request: pytest.FixtureRequest) -> Any:
    """Return the document, None where none is named: what needs no document is tested there all the same."""
    named = _sibling("openapi").path_from_environment() is not None or os.environ.get("CI")
    return request.getfixturevalue("openapi") if named else None


def judge(openapi: Any, simulator: Asked) -> None:
    """Hold what the plugin asked against the document: bodies, and the names in queries."""
    for asked in simulator.asked:
        if asked.header("user-agent").startswith("svahub-asaas/"):
            openapi.validate_request(asked.method, asked.path, asked.json() if asked.body else None, asked.query)
