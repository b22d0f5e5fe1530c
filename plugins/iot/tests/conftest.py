"""An ISP with Olli's simulator beside it, and what the tests ask of both."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from svahub import Account, Customer, Desired, DocumentKind, Environment, Observed, Plan, Subscription
from svahub.cli import main
from svahub.client import ProviderClient
from svahub.converge import Converge
from svahub.extension.invented import cpf
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.testing import Timings
from svahub.testing.clocks import HandClock
from svahub_iot import Iot, IotSettings
from svahub_iot.simulator import IotSimulator

VARIABLE = "IOT_VALUE_OF_TESTS"  # the name of a variable
ANA = Customer(
    id="P1",
    name="Ana Inventada",
    document="52998224725",
    document_kind=DocumentKind.CPF,
    email="ana@example.com",
    phone="+5511987654321",
)


@dataclass
class Olli:
    """The provider at its simulator, without a store; both go by one clock, moved by hand."""

    simulator: IotSimulator
    provider: Iot
    clock: HandClock
    items: list[Plan] = field(default_factory=list)

    def sold(self, key: str = "s1", quantity: int = 1, **more: Any) -> Subscription:
        return Subscription(
            key=key,
            contract_id=f"contract {key}",
            item_code="1",
            product_type="iot",
            account=more.pop("account", Account("a1", ANA)),
            desired=Desired.ACTIVE,
            observed=more.pop("observed", Observed.ABSENT),
            plan=more.pop("plan", self.items[0]),
            quantity=quantity,
            **more,
        )

    def made(self, key: str = "s1", quantity: int = 1) -> tuple[str, str]:
        """Sell a subscription, and return the ids of customer and subscription."""
        user = self.provider.create_user(self.sold(key, quantity))
        return user.remote_id, str(user.subscriptions[0].remote_id)

    def held(self, key: str = "s1", quantity: int = 1, **more: Any) -> Subscription:
        """Return a subscription as it is once it was sold."""
        customer, id = self.made(key, more.pop("sold", quantity))
        account = Account("a1", ANA, customer)
        return self.sold(key, quantity, account=account, remote_id=id, observed=Observed.ACTIVE, **more)

    def state(self, kind: str) -> list[dict[str, Any]]:
        return list(self.simulator.state()[kind])

    def live(self) -> list[dict[str, Any]]:
        return [one for one in self.state("licences") if one["status"] != "CANCELLED"]


@pytest.fixture
def olli() -> Iterator[Olli]:
    clock = HandClock()
    with IotSimulator(seed=1, clock=clock).running() as simulator:
        settings = IotSettings.model_validate(simulator.credentials)
        auth = settings.auth()
        with ProviderClient(base_url=simulator.url, auth=auth, timeout=2, now=clock.now) as client:
            provider = Iot(settings, client)
            items = list(provider.sync_plans())
            simulator.requests.clear()
            yield Olli(simulator, provider, clock, items)


@dataclass
class Isp:
    """An ISP with one integration, `casa`, at the simulator; both go by one clock, moved by hand."""

    hub: Hub
    tenant: str
    clock: HandClock
    olli: IotSimulator
    items: dict[str, str]

    @property
    def office(self) -> TenantHub:
        """The ISP's part."""
        return self.hub.tenant(self.tenant)

    def worker(self, threads: int = 2) -> Converge:
        """Return a worker for this ISP, to be closed."""
        return self.hub.work(threads=threads, tenants=[self.tenant])

    def invoke(self, *arguments: str, code: int = 0) -> Result:
        """Run a command and see that it ends with a code."""
        result = CliRunner().invoke(main, ["--tenant", self.tenant, *arguments], obj=self.hub)
        assert result.exit_code == code, result.output
        return result

    def told(self, *arguments: str, code: int = 0) -> Any:
        """Return the JSON document that a command prints."""
        return json.loads(self.invoke(*arguments, "--json", code=code).stdout)

    def take_in(self, quantity: int = 1, contract: str = "C1", person: str = "P1", *items: dict[str, Any]) -> None:
        """Import a contract with one item of so many licences, or with these items."""
        row = {
            "contract_id": contract,
            "customer": {"id": person, "name": "Pessoa Inventada", "document": cpf(int(person[1:]))},
            "items": list(items) or [{"code": "1", "product_code": "CAM", "quantity": quantity}],
        }
        assert self.office.contracts.take_in([ContractRow.model_validate(row)]).rejected == 0

    def sell(self, quantity: int = 1, contract: str = "C1", person: str = "P1", *items: dict[str, Any]) -> None:
        """Import and do what follows."""
        self.take_in(quantity, contract, person, *items)
        self.work()

    def work(self, rounds: int = 3) -> None:
        """Work until nothing is left to do, however long things wait."""
        with self.worker() as worker:
            for _ in range(rounds):
                worker.drain()
                self.clock.advance(seconds=31)

    def live(self) -> list[dict[str, Any]]:
        """Return the licences that Olli has."""
        return [one for one in self.olli.state()["licences"] if one["status"] != "CANCELLED"]

    def rows(self, *statuses: str, contract: str = "C1") -> list[dict[str, Any]]:
        """Return the licences of a contract as our own table has them."""
        listed: list[dict[str, Any]] = self.told("iot", "licences", "list", contract)
        return [one for one in listed if not statuses or one["status"] in statuses]

    @property
    def sold(self) -> Any:
        """The only subscription."""
        (only,) = self.told("subscriptions", "list")
        return only


@dataclass
class Installation:
    """One hub and one simulator for all tests of a worker: each test is an ISP of its own, at an empty Olli."""

    hub: Hub
    clock: HandClock
    olli: IotSimulator
    isps: int = 0

    def found(self) -> Isp:
        """Return a new ISP with an integration, and with the product CAM linked to an item."""
        self.isps += 1
        tenant = f"isp{self.isps}"
        self.hub.add_tenant(tenant)
        self.olli.between_requests(self._emptied)
        office = self.hub.tenant(tenant)
        settings = {"client_id": self.olli.credentials["client_id"]}
        secret = {"client_secret": f"env:{VARIABLE}"}
        office.integrations.add(
            "casa", "iot", Environment.STAGING, address=self.olli.url, settings=settings, secret=secret
        )
        office.catalogue.sync("casa")
        items = {plan.name: plan.remote_id for plan in office.catalogue.plans("casa")}
        office.catalogue.link("CAM", "iot", "casa", plan=items["Câmera interna"])
        return Isp(self.hub, tenant, self.clock, self.olli, items)

    def _emptied(self) -> None:
        self.olli.accounts.clear()
        self.olli.faults.clear()
        self.olli.timings = Timings()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Installation]:
    """Return an installation on SQLite."""
    file, clock = shutil.copy(sqlite_template, tmp_path_factory.mktemp("iot") / "svahub.db"), HandClock()
    with IotSimulator(seed=1, clock=clock).running() as olli, Hub.open(f"sqlite:///{file}", clock=clock) as hub:
        os.environ[VARIABLE] = olli.credentials["client_secret"]
        yield Installation(hub, clock, olli)
        del os.environ[VARIABLE]


@pytest.fixture
def isp(installation: Installation) -> Isp:
    """Return an ISP that has sold nothing yet."""
    return installation.found()
