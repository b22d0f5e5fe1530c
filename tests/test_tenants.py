"""Two tenants on one installation, with the same names for everything: neither sees, names or changes the other's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from svahub.errors import Refused, UnknownName
from svahub.hub import Hub, TenantHub
from svahub.models import Environment, Observed
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import TeleClinicaSimulator

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = {"north": "52998224725", "south": "11144477735"}

LISTS: dict[str, Callable[[TenantHub], Any]] = {
    "integrations": lambda t: t.integrations.list(),
    "plans": lambda t: t.catalogue.plans(),
    "links": lambda t: t.catalogue.links(),
    "contracts": lambda t: t.contracts.list(),
    "contracts of a customer": lambda t: t.contracts.list(customer="P1"),
    "subscriptions": lambda t: t.subscriptions.list(),
    "subscriptions of a contract": lambda t: t.subscriptions.list(contract="C1"),
    "operations": lambda t: t.operations.list(),
    "operations of a contract": lambda t: t.operations.list(contract="C1"),
    "states": lambda t: t.counts().states,
}
SHOWS: dict[str, Callable[[TenantHub, TenantHub], Any]] = {
    "integration": lambda t, _: t.integrations.show("tele"),
    "contract": lambda t, _: t.contracts.show("C1"),
    "customer": lambda t, _: t.contracts.customer("P1", actor="test"),
    "subscription": lambda t, _: t.subscriptions.show("C1/1"),
    "subscription by key": lambda t, other: t.subscriptions.show(key_of(other)),
    "operation": lambda t, other: t.operations.show(next(other.operations.list()).id),
    "retry": lambda t, other: t.operations.retry(next(other.operations.list()).id, actor="test"),
    "users": lambda t, _: list(t.users.list("tele")),
    "access": lambda t, _: t.users.access("C1", None, reveal=False, actor="test"),
    "verb": lambda t, _: t.verbs.issue(Command(Action.BLOCK, "C1")),
    "sync": lambda t, _: t.catalogue.sync("tele"),
    "unlink": lambda t, _: t.catalogue.unlink("TM"),
    "removal": lambda t, _: t.integrations.remove("tele"),
}


def key_of(tenant: TenantHub) -> str:
    (only,) = tenant.subscriptions.list()
    return only.key


class Country:
    """The tenants north and south, each with a TeleClínica of its own that it calls `tele`."""

    def __init__(self, hub: Hub, folder: Path, clinics: dict[str, TeleClinicaSimulator]) -> None:
        self.hub, self.folder, self.clinics = hub, folder, clinics
        self.north, self.south = (self._added(name) for name in ("north", "south"))

    def _added(self, name: str) -> TenantHub:
        self.hub.add_tenant(name)
        return self.hub.tenant(name)

    def furnish(self, tenant: TenantHub) -> None:
        """Register, sync, link and sell the same names for each tenant."""
        clinic = self.clinics[tenant.name]
        settings = {"username": clinic.credentials["username"]}
        secret = {"password": f"env:WORD_OF_{tenant.name}"}
        tenant.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=clinic.url, settings=settings, secret=secret
        )
        tenant.catalogue.sync("tele")
        tenant.catalogue.link("TM", "telemedicine", "tele", tenant.catalogue.plans("tele")[0].remote_id)
        self._bring(tenant)
        self.work(tenant)

    def _bring(self, tenant: TenantHub) -> None:
        customer = {"id": "P1", "name": f"Person {tenant.name}", "document": DOCUMENTS[tenant.name]}
        contract = {"contract_id": "C1", "customer": customer, "items": [{"code": "1", "product_code": "TM"}]}
        file = self.folder / "contracts.jsonl"
        file.write_text(json.dumps(contract))
        assert tenant.contracts.bring(file).added == 1

    def work(self, *tenants: TenantHub) -> None:
        with self.hub.work(threads=2, tenants=[tenant.name for tenant in tenants]) as worker:
            worker.drain()


@pytest.fixture
def country(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Country]:
    with TeleClinicaSimulator(seed=1).running() as north, TeleClinicaSimulator(seed=2).running() as south:
        clinics = {"north": north, "south": south}
        for name, clinic in clinics.items():
            monkeypatch.setenv(f"WORD_OF_{name}", clinic.credentials["password"])
        country = Country(hub, tmp_path, clinics)
        country.furnish(country.north)
        yield country


def test_no_list_of_one_tenant_has_rows_of_another(country: Country) -> None:
    seen = {name: list(rows(country.south)) for name, rows in LISTS.items()}
    assert seen == {name: [] for name in LISTS}
    assert all(list(rows(country.north)) for rows in LISTS.values())


@pytest.mark.parametrize("what", SHOWS)
def test_nothing_of_another_tenant_can_be_named(country: Country, what: str) -> None:
    with pytest.raises(UnknownName):
        SHOWS[what](country.south, country.north)


def test_the_same_names_are_each_tenants_own(country: Country) -> None:
    before = {name: list(rows(country.north)) for name, rows in LISTS.items()}
    country.furnish(country.south)
    assert {name: list(rows(country.north)) for name, rows in LISTS.items()} == before
    assert {name: len(list(rows(country.south))) for name, rows in LISTS.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    assert country.south.contracts.customer("P1", actor="test").name == "Person south"
    assert key_of(country.south) != key_of(country.north)


def test_each_provider_has_its_own_tenants_customers_only(country: Country) -> None:
    country.furnish(country.south)
    cpfs = {name: {user.cpf for user in clinic.users} for name, clinic in country.clinics.items()}
    assert cpfs == {name: {document} for name, document in DOCUMENTS.items()}


def test_a_verb_changes_the_contract_of_its_own_tenant(country: Country) -> None:
    country.furnish(country.south)
    country.south.verbs.issue(Command(Action.BLOCK, "C1"))
    country.work()
    observed = [next(t.subscriptions.list()).observed for t in (country.north, country.south)]
    assert observed == [Observed.ACTIVE, Observed.BLOCKED]
    assert [u.status for u in country.clinics["north"].users] == ["ACTIVE"]


def test_working_for_one_tenant_leaves_another_alone(country: Country) -> None:
    country.furnish(country.south)
    for tenant in (country.north, country.south):
        tenant.verbs.issue(Command(Action.BLOCK, "C1"))
    country.work(country.south)
    observed = [next(t.subscriptions.list()).observed for t in (country.north, country.south)]
    assert observed == [Observed.ACTIVE, Observed.BLOCKED]


def test_an_idempotency_key_of_another_tenant_is_free(country: Country) -> None:
    country.furnish(country.south)
    country.north.verbs.issue(Command(Action.BLOCK, "C1", idempotency_key="k"))
    assert not country.south.verbs.issue(Command(Action.CANCEL, "C1", idempotency_key="k")).replayed


def test_another_tenants_integration_does_not_stand_for_ones_own(country: Country) -> None:
    with pytest.raises(Refused, match="No integration serves 'telemedicine' yet"):
        country.south.catalogue.link("TM", "telemedicine", None, None)


def test_disabling_ones_own_stops_no_other(country: Country) -> None:
    country.furnish(country.south)
    country.south.integrations.disable("tele")
    assert country.north.integrations.show("tele").status == "enabled"


def test_removing_ones_own_leaves_the_others_catalogue(country: Country) -> None:
    country.furnish(country.south)
    country.north.verbs.issue(Command(Action.CANCEL, "C1"))
    country.work(country.north)
    country.north.integrations.remove("tele")
    assert (len(country.south.catalogue.plans()), len(country.south.catalogue.links())) == (3, 1)
    assert country.south.integrations.show("tele").live_subscriptions == 1


@pytest.mark.parametrize("name", ["", "a b", "-n"])
def test_a_tenants_name_can_be_typed_without_quotes(hub: Hub, name: str) -> None:
    with pytest.raises(Refused, match="is no name for the tenant"):
        hub.add_tenant(name)


def test_an_unknown_tenant_is_an_error(hub: Hub) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'default'"):
        hub.tenant("defualt")
