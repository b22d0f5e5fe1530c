"""An ISP with Olli's simulator beside it, and what the tests ask of both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from click.testing import CliRunner, Result
from svahub import Account, Customer, Desired, DocumentKind, Environment, Observed, Plan, Subscription
from svahub.cli import main
from svahub.client import ProviderClient
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
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
    """An installation with one integration, `casa`, at the simulator; both go by one clock, moved by hand."""

    hub: Hub
    clock: HandClock
    olli: IotSimulator
    items: dict[str, str]

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

    def take_in(self, quantity: int = 1, contract: str = "C1", person: str = "P1", *items: dict[str, Any]) -> None:
        """Import a contract with one item of so many licences, or with these items."""
        row = {
            "contract_id": contract,
            "customer": {"id": person, "name": "Pessoa Inventada", "document": _cpf(int(person[1:]))},
            "items": list(items) or [{"code": "1", "product_code": "CAM", "quantity": quantity}],
        }
        assert self.office.contracts.take_in([ContractRow.model_validate(row)]).rejected == 0

    def sell(self, quantity: int = 1, contract: str = "C1", person: str = "P1", *items: dict[str, Any]) -> None:
        """Import and do what follows."""
        self.take_in(quantity, contract, person, *items)
        self.work()

    def work(self, rounds: int = 6) -> None:
        """Work until nothing is left to do, however long things wait."""
        with self.hub.work(threads=4) as worker:
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


def _cpf(number: int) -> str:
    digits = [int(digit) for digit in f"{700_000_000 + number}"]
    for length in (9, 10):
        total = sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=True))
        digits.append(total * 10 % 11 % 10)
    return "".join(map(str, digits))


def _opened(url: str) -> Iterator[Isp]:
    """Open an installation, with the product CAM linked to an item."""
    clock = HandClock()
    with IotSimulator(seed=1, clock=clock).running() as olli, Hub.open(url, clock=clock) as hub:
        os.environ[VARIABLE] = olli.credentials["client_secret"]
        office = hub.tenant("default")
        office.integrations.add(
            "casa", "iot", Environment.STAGING, address=olli.url, settings={"client_id": olli.credentials["client_id"]},
            secret={"client_secret": f"env:{VARIABLE}"},
        )  # fmt: skip
        office.catalogue.sync("casa")
        items = {plan.name: plan.remote_id for plan in office.catalogue.plans("casa")}
        office.catalogue.link("CAM", "iot", "casa", plan=items["Câmera interna"])
        yield Isp(hub, clock, olli, items)
    del os.environ[VARIABLE]


@pytest.fixture(scope="session")
def make_isp() -> Callable[[str], Iterator[Isp]]:
    """Return what opens an installation on a store."""
    return _opened


@pytest.fixture
def isp(sqlite_url: str) -> Iterator[Isp]:
    """Return an installation on SQLite."""
    yield from _opened(sqlite_url)
