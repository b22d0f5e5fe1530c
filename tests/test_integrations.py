"""Registering, testing, disabling and removing a tenant's accounts at a provider, TeleClínica at its simulator."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from svahub.errors import Refused, UnknownName
from svahub.models import Environment, Observed
from svahub.registry import MissingPlugin
from svahub.store import integrations
from svahub.store.states import IntegrationState, State
from svahub.testing import Fault
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from pathlib import Path

    from svahub.hub import Hub, TenantHub
    from svahub_teleclinica.simulator import TeleClinicaSimulator

VARIABLE = "WORD_OF_THE_CLINIC"
WORD = "opens-sesame"


def add(office: TenantHub, name: str = "other", **more: Any) -> Any:
    clinic = office.integrations.show("tele")
    given = {"address": clinic.base_url, "settings": clinic.settings, "secret": {"password": f"env:{VARIABLE}"}}
    return office.integrations.add(name, "teleclinica", Environment.STAGING, **(given | more))


def names(office: TenantHub) -> list[str]:
    return [view.name for view in office.integrations.list()]


@dataclass
class Shop:
    """An office that sells one product at `tele`."""

    office: TenantHub
    hub: Hub
    folder: Path

    def sell(self, contract: str = "C1") -> None:
        file = self.folder / "contracts.jsonl"
        customer = {"id": "P1", "name": "Maria Silva", "document": "52998224725"}
        line = {"contract_id": contract, "customer": customer, "items": [{"code": "1", "product_code": "TM"}]}
        file.write_text(json.dumps(line))
        report = self.office.contracts.bring(file)
        assert report.rejected == 0, report.errors
        self.work()

    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    def issue(self, action: Action) -> None:
        self.office.verbs.issue(Command(action, "C1"))
        self.work()

    def link(self) -> None:
        self.office.catalogue.sync("tele")
        plan = self.office.catalogue.plans("tele")[0].remote_id
        self.office.catalogue.link("TM", "telemedicine", "tele", plan)


@pytest.fixture
def shop(office: TenantHub, hub: Hub, tmp_path: Path) -> Shop:
    shop = Shop(office, hub, tmp_path)
    shop.link()
    shop.sell()
    return shop


# -- adding ------------------------------------------------------------------------------------------------------------


def test_what_was_added_is_shown_with_its_secret_by_reference(office: TenantHub, clinic: TeleClinicaSimulator) -> None:
    view = office.integrations.show("tele")
    assert (view.title, view.status, view.live_subscriptions) == ("TeleClínica", "enabled", 0)
    assert view.secrets == {"password": f"env:{VARIABLE}"}
    assert os.environ[VARIABLE] not in repr(view)


def test_a_name_is_given_once(office: TenantHub) -> None:
    with pytest.raises(Refused, match="There is an integration 'tele' already"):
        add(office, "tele")


def test_a_dry_run_shows_the_integration_and_keeps_nothing(office: TenantHub) -> None:
    assert add(office, dry_run=True).name == "other"
    assert names(office) == ["tele"]


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "-a", ".a", "a\n", "a'b", "x" * 65])
def test_a_name_can_be_typed_without_quotes(office: TenantHub, name: str) -> None:
    with pytest.raises(Refused, match="is no name for the integration"):
        add(office, name)


@pytest.mark.parametrize("name", ["a", "Tele.2_b-c", "saúde", "x" * 64])
def test_other_names_are_taken(office: TenantHub, name: str) -> None:
    assert add(office, name).name == name


def test_a_provider_that_is_not_installed_is_refused_naming_those_that_are(office: TenantHub) -> None:
    with pytest.raises(MissingPlugin, match=r"'nobody'\. Installed: .*teleclinica"):
        office.integrations.add("n", "nobody", Environment.STAGING)


def test_a_secret_among_the_settings_is_refused_and_not_repeated(office: TenantHub) -> None:
    with pytest.raises(Refused, match="password is a secret: give it as --secret password=env:VAR") as refusal:
        add(office, settings={"username": "u", "password": WORD}, secret={})
    assert WORD not in str(refusal.value)


def test_a_secret_written_out_is_refused_and_not_repeated(office: TenantHub) -> None:
    with pytest.raises(Refused, match="env:VAR, file:PATH") as refusal:
        add(office, secret={"password": WORD})
    assert WORD not in str(refusal.value)


def test_a_secret_that_the_provider_does_not_have_is_refused(office: TenantHub) -> None:
    with pytest.raises(Refused, match=r"username is no secret of TeleClínica \(secrets: password\)"):
        add(office, secret={"username": "env:HOME"})


def test_a_secret_that_cannot_be_read_now_is_refused(office: TenantHub) -> None:
    unset = "env:NOT_SET"
    with pytest.raises(Refused, match=unset):
        add(office, secret={"password": unset})


def test_a_setting_that_the_provider_does_not_have_is_refused(office: TenantHub) -> None:
    with pytest.raises(Refused, match="usrname: Extra inputs"):
        add(office, settings={"usrname": "u"})


def test_what_was_refused_left_nothing(office: TenantHub) -> None:
    with pytest.raises(Refused):
        add(office, address="https://elsewhere.example.com")
    assert names(office) == ["tele"]


def test_every_setting_is_described_and_secrets_are_marked(office: TenantHub) -> None:
    described = {setting.name: setting for setting in office.integrations.settings_of("teleclinica")}
    assert (described["password"].secret, described["password"].required) == (True, True)
    assert (described["timeout"].default, described["timeout"].secret) == ("5.0", False)
    assert all(setting.description for setting in described.values())


# -- testing -----------------------------------------------------------------------------------------------------------


def test_a_test_makes_one_call_that_changes_nothing(office: TenantHub, clinic: TeleClinicaSimulator) -> None:
    tested = office.integrations.test("tele")
    assert (tested.ok, tested.fault) == (True, None)
    assert [seen.method for seen in clinic.requests] == ["GET"]


def test_a_closed_port_is_the_hosts_fault(office: TenantHub) -> None:
    add(office, address="http://127.0.0.1:1/v1")
    assert office.integrations.test("other").fault == "host"


def test_a_wrong_password_is_the_credentials_fault(office: TenantHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, WORD)
    tested = office.integrations.test("tele")
    assert (tested.ok, tested.fault, WORD in tested.message) == (False, "credentials", False)


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.MALFORMED, Fault.RATE_LIMIT])
def test_an_answer_of_no_use_is_the_providers_fault(
    office: TenantHub, clinic: TeleClinicaSimulator, fault: Fault
) -> None:
    clinic.faults[fault] = 1
    assert office.integrations.test("tele").fault == "provider"


def test_a_failed_test_changes_no_state(office: TenantHub, clinic: TeleClinicaSimulator) -> None:
    clinic.faults[Fault.ERROR_BEFORE] = 1
    office.integrations.test("tele")
    assert office.integrations.show("tele").status == "enabled"


def test_the_exchange_of_a_test_is_recorded_masked(office: TenantHub, hub: Hub) -> None:
    office.integrations.test("tele")
    with hub.store.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT path, request_headers FROM exchanges").all()
    assert (row[0], os.environ[VARIABLE] in str(row)) == ("/plans?limit=1", False)


def test_success_frees_a_quarantined_integration(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    right = os.environ[VARIABLE]
    monkeypatch.setenv(VARIABLE, WORD)
    shop.issue(Action.BLOCK)
    (held,) = shop.office.subscriptions.list()
    assert (shop.office.integrations.show("tele").status, held.state) == ("quarantined", State.QUARANTINED)
    assert not shop.office.integrations.test("tele").ok
    assert shop.office.integrations.show("tele").status == "quarantined"
    monkeypatch.setenv(VARIABLE, right)
    assert shop.office.integrations.test("tele").ok
    assert (shop.office.integrations.show("tele").status, shop.office.integrations.show("tele").cause) == (
        "enabled",
        None,
    )
    shop.work()
    assert next(shop.office.subscriptions.list()).observed is Observed.BLOCKED


def test_success_enables_nothing_that_a_person_disabled(office: TenantHub) -> None:
    office.integrations.disable("tele")
    assert office.integrations.test("tele").ok
    assert office.integrations.show("tele").status == "disabled"


# -- disabling ---------------------------------------------------------------------------------------------------------


def test_while_disabled_nothing_is_called_and_nothing_fails(shop: Shop, clinic: TeleClinicaSimulator) -> None:
    shop.office.integrations.disable("tele")
    clinic.requests.clear()
    shop.issue(Action.BLOCK)
    (waiting,) = shop.office.subscriptions.list()
    assert (waiting.state, waiting.cause, list(clinic.requests)) == (State.WAITING, "the integration is disabled", [])
    shop.office.integrations.enable("tele")
    shop.work()
    assert next(shop.office.subscriptions.list()).observed is Observed.BLOCKED


def test_a_disabled_integration_is_not_called_by_hand_either(office: TenantHub) -> None:
    office.integrations.disable("tele")
    with pytest.raises(Refused, match="is disabled"):
        office.catalogue.sync("tele")


# -- removing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", ["show", "test", "disable", "enable", "remove"])
def test_what_does_not_exist_is_unknown(office: TenantHub, use: str) -> None:
    with pytest.raises(UnknownName, match=r"No integration 'tell'\. Did you mean 'tele'"):
        getattr(office.integrations, use)("tell")


def test_an_unused_one_goes_with_its_catalogue_and_links(office: TenantHub) -> None:
    office.catalogue.sync("tele")
    office.catalogue.link("TM", "telemedicine", "tele", office.catalogue.plans("tele")[0].remote_id)
    office.integrations.remove("tele")
    assert (names(office), office.catalogue.links(), office.catalogue.plans()) == ([], [], [])


def test_a_dry_run_removes_nothing(office: TenantHub) -> None:
    office.integrations.remove("tele", dry_run=True)
    assert names(office) == ["tele"]


@pytest.mark.parametrize("before", [None, Action.BLOCK])
def test_it_is_not_removed_while_subscriptions_live(shop: Shop, before: Action | None) -> None:
    if before:
        shop.issue(before)
    with pytest.raises(Refused, match="'tele' has 1 live subscriptions: cancel them first"):
        shop.office.integrations.remove("tele")


def test_it_is_not_removed_before_the_provider_has_cancelled(shop: Shop) -> None:
    shop.office.verbs.issue(Command(Action.CANCEL, "C1"))
    with pytest.raises(Refused, match="1 live"):
        shop.office.integrations.remove("tele")


@pytest.fixture
def removed(shop: Shop) -> Shop:
    shop.issue(Action.CANCEL)
    shop.office.integrations.remove("tele")
    return shop


def test_a_used_one_goes_and_its_history_stays(removed: Shop) -> None:
    assert names(removed.office) == []
    assert [s.observed for s in removed.office.subscriptions.list()] == [Observed.CANCELLED]
    assert len(list(removed.office.operations.list())) == 2
    assert removed.office.subscriptions.show("C1/1").exchanges


def test_a_used_ones_row_stays_so_that_nothing_else_takes_its_name(removed: Shop) -> None:
    with removed.hub.store.read() as connection:
        row = integrations.one(connection, "default", "tele")
    assert row is not None
    assert row.state is IntegrationState.REMOVED


def test_a_removed_one_is_called_for_nothing(removed: Shop, clinic: TeleClinicaSimulator) -> None:
    clinic.requests.clear()
    for call in (removed.office.integrations.test, removed.office.catalogue.sync, removed.office.integrations.show):
        with pytest.raises(UnknownName):
            call("tele")
    removed.work()
    assert not clinic.requests


def test_a_removed_one_serves_no_product_any_more(removed: Shop) -> None:
    assert removed.office.catalogue.links() == []
    removed.sell("C2")
    assert [s.contract_id for s in removed.office.subscriptions.list()] == ["C1"]


def test_a_removed_one_is_added_again_and_sells(removed: Shop, clinic: TeleClinicaSimulator) -> None:
    removed.office.integrations.add(
        "tele",
        "teleclinica",
        Environment.STAGING,
        address=clinic.url,
        settings={"username": clinic.credentials["username"]},
        secret={"password": f"env:{VARIABLE}"},
    )
    removed.link()
    removed.sell("C2")
    observed = {s.contract_id: s.observed for s in removed.office.subscriptions.list()}
    assert observed == {"C1": Observed.CANCELLED, "C2": Observed.ACTIVE}


def test_another_provider_does_not_inherit_the_history(removed: Shop, site) -> None:
    site.install("other", "[svahub.providers]\nother = other_clinic:Other\n", other_clinic=OTHER)
    with pytest.raises(Refused, match="'tele' was an integration of teleclinica"):
        removed.office.integrations.add("tele", "other", Environment.STAGING)


OTHER = """
from svahub import IntegrationSettings
from svahub_teleclinica import TeleClinica

class Other(TeleClinica):
    Settings = IntegrationSettings
"""
