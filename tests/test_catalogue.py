"""Plans as the provider lists them, and what product codes are linked to, TeleClínica at its simulator."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from svahub import discovery
from svahub.errors import OutcomeUnknown, Refused, UnknownName, Unreachable
from svahub.models import Environment
from svahub.testing import Fault
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import CataloguePlan, TeleClinicaSimulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from svahub.areas.catalogue import Catalogue, Synced
    from svahub.hub import Hub, TenantHub

VARIABLE = "WORD_OF_THE_CLINIC"


@pytest.fixture
def catalogue(office: TenantHub) -> Catalogue:
    office.catalogue.sync("tele")
    return office.catalogue


def offered(clinic: TeleClinicaSimulator) -> list[CataloguePlan]:
    return [plan for plan in clinic.plans if plan.active]


def put(clinic: TeleClinicaSimulator, plan: CataloguePlan) -> str:
    return clinic.plans.write(plan.id, plan).id


def counted(synced: Synced) -> tuple[int, int, int]:
    return len(synced.added), len(synced.changed), len(synced.retired)


def plan_of(catalogue: Catalogue, remote_id: str) -> object:
    (row,) = [row for row in catalogue.plans("tele") if row.remote_id == remote_id]
    return row


# -- syncing -----------------------------------------------------------------------------------------------------------


def test_the_first_sync_adds_what_is_on_sale(office: TenantHub, clinic: TeleClinicaSimulator) -> None:
    synced = office.catalogue.sync("tele")
    assert set(synced.added) == {plan.id for plan in offered(clinic)}
    rows = {row.remote_id: row for row in office.catalogue.plans("tele")}
    assert rows.keys() == set(synced.added)
    assert {rows[p.id].price for p in offered(clinic)} == {Decimal("19.90"), Decimal("39.90"), Decimal("59.90")}


def test_a_second_sync_finds_nothing_new(catalogue: Catalogue) -> None:
    synced = catalogue.sync("tele")
    assert (counted(synced), synced.unchanged) == ((0, 0, 0), 3)


def test_a_dry_run_tells_and_keeps_nothing(office: TenantHub) -> None:
    assert counted(office.catalogue.sync("tele", dry_run=True)) == (3, 0, 0)
    assert office.catalogue.plans("tele") == []


def test_a_changed_plan_gets_a_new_version(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    changed = put(clinic, replace(offered(clinic)[0], price=Decimal("21.50")))
    assert catalogue.sync("tele").changed == (changed,)
    row = plan_of(catalogue, changed)
    assert (row.version, row.price, row.retired_at) == (2, Decimal("21.50"), None)


def test_a_new_plan_is_added(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    new = put(clinic, replace(offered(clinic)[0], id="pln_new", name="New"))
    assert catalogue.sync("tele").added == (new,)


@pytest.mark.parametrize("gone", ["taken off sale", "no longer listed"])
def test_a_plan_that_is_gone_is_retired_and_kept(catalogue: Catalogue, clinic: TeleClinicaSimulator, gone: str) -> None:
    plan = offered(clinic)[0]
    clinic.plans.forget(plan.id) if gone == "no longer listed" else put(clinic, replace(plan, active=False))
    assert catalogue.sync("tele").retired == (plan.id,)
    assert plan_of(catalogue, plan.id).retired_at is not None
    assert counted(catalogue.sync("tele")) == (0, 0, 0)


def test_a_plan_that_returns_is_offered_again(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    plan = offered(clinic)[0]
    put(clinic, replace(plan, active=False))
    catalogue.sync("tele")
    put(clinic, plan)
    assert catalogue.sync("tele").changed == (plan.id,)
    row = plan_of(catalogue, plan.id)
    assert (row.retired_at, row.version) == (None, 1)


def test_an_incomplete_listing_changes_nothing(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    before = catalogue.plans("tele")
    put(clinic, replace(offered(clinic)[0], price=Decimal("1.00")))
    clinic.faults[Fault.SHORT_PAGE] = 1
    with pytest.raises(Unreachable, match="ended after 3 of 4"):
        catalogue.sync("tele")
    assert catalogue.plans("tele") == before


def test_a_listing_that_fails_changes_nothing(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    before = catalogue.plans("tele")
    clinic.faults.next(Fault.ERROR_BEFORE)
    with pytest.raises(Unreachable):
        catalogue.sync("tele")
    assert catalogue.plans("tele") == before


# -- creating ----------------------------------------------------------------------------------------------------------


def test_a_created_plan_is_at_the_provider_and_in_the_catalogue(
    catalogue: Catalogue, clinic: TeleClinicaSimulator
) -> None:
    plan = catalogue.create_plan("tele", "Casal", "Para dois", Decimal("29.90"))
    assert clinic.plans.truth[plan.remote_id].price == Decimal("29.90")
    assert plan_of(catalogue, plan.remote_id).name == "Casal"


def test_a_repeated_creation_makes_no_second_plan(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    catalogue.create_plan("tele", "Casal", "Para dois", Decimal("29.90"))
    with pytest.raises(Refused, match="offers a plan 'Casal' already"):
        catalogue.create_plan("tele", "Casal", "Para dois", Decimal("29.90"))
    assert [plan.name for plan in clinic.plans].count("Casal") == 1


def test_after_a_creation_of_unknown_outcome_one_looks_first(
    catalogue: Catalogue, clinic: TeleClinicaSimulator
) -> None:
    clinic.faults.next(Fault.ERROR_AFTER, method="POST")
    with pytest.raises(OutcomeUnknown, match="look first: svahub plans sync tele"):
        catalogue.create_plan("tele", "Casal", "Para dois", Decimal("29.90"))
    assert len(catalogue.sync("tele").added) == 1
    with pytest.raises(Refused, match="already"):
        catalogue.create_plan("tele", "Casal", "Para dois", Decimal("29.90"))


# -- linking -----------------------------------------------------------------------------------------------------------


def test_the_product_type_is_checked_before_anything_else(hub: Hub) -> None:
    with pytest.raises(UnknownName) as refusal:
        hub.tenant("default").catalogue.link("TM", "telemedicina", "nowhere", "nothing")
    types = "billing, iot, streaming, telemedicine"
    assert f"product type 'telemedicina'. Did you mean 'telemedicine'? There is: {types}." in str(refusal.value)


def test_a_type_that_an_extra_serves_names_the_extra() -> None:
    assert discovery.extra_for("telemedicine") == "svahub[telemedicine]"
    assert discovery.extra_for("gardening") is None


def test_the_integration_comes_next(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownName, match=r"No integration 'tell'\. Did you mean 'tele'"):
        catalogue.link("TM", "telemedicine", "tell", "nothing")


def test_then_the_plan_with_the_nearest_one(catalogue: Catalogue) -> None:
    near = catalogue.plans("tele")[0].remote_id
    with pytest.raises(UnknownName, match=f"Did you mean '{near}'") as refusal:
        catalogue.link("TM", "telemedicine", "tele", near[:-1])
    assert "svahub plans sync tele" in str(refusal.value)


def test_a_retired_plan_is_not_linked(catalogue: Catalogue, clinic: TeleClinicaSimulator) -> None:
    retired = put(clinic, replace(offered(clinic)[0], active=False))
    catalogue.sync("tele")
    with pytest.raises(UnknownName):
        catalogue.link("TM", "telemedicine", "tele", retired)


def test_where_there_are_plans_one_is_named(catalogue: Catalogue) -> None:
    with pytest.raises(Refused, match="Name the plan of 'tele' with --plan"):
        catalogue.link("TM", "telemedicine", "tele", None)


def test_an_integration_of_another_provider_does_not_serve_the_type(catalogue: Catalogue, office, site) -> None:
    site.install("gardener", GARDENER_ENTRIES, garden_clinic=GARDENER)
    office.integrations.add("garden", "gardener", Environment.STAGING)
    with pytest.raises(Refused, match="is of gardener, which does not serve 'telemedicine'; teleclinica does"):
        catalogue.link("TM", "telemedicine", "garden", None)


GARDENER_ENTRIES = """[svahub.providers]
gardener = garden_clinic:Gardener
[svahub.product_types]
gardening = garden_clinic:Gardener
"""
GARDENER = """
from svahub import IntegrationSettings
from svahub_teleclinica import TeleClinica

class Gardener(TeleClinica):
    Settings = IntegrationSettings
"""


def test_the_only_integration_of_the_type_need_not_be_named(catalogue: Catalogue) -> None:
    plan = catalogue.plans("tele")[0].remote_id
    assert catalogue.link("TM", "telemedicine", None, plan).link.integration == "tele"


def test_of_several_none_is_picked_silently(
    catalogue: Catalogue, office: TenantHub, clinic: TeleClinicaSimulator
) -> None:
    settings = {"username": clinic.credentials["username"]}
    secret = {"password": f"env:{VARIABLE}"}
    office.integrations.add(
        "second", "teleclinica", Environment.STAGING, address=clinic.url, settings=settings, secret=secret
    )
    with pytest.raises(Refused, match=r"Several integrations serve 'telemedicine' \(second, tele\)"):
        catalogue.link("TM", "telemedicine", None, None)


def test_without_an_integration_of_the_type_one_is_asked_for(hub: Hub) -> None:
    with pytest.raises(Refused, match="No integration serves 'telemedicine' yet"):
        hub.tenant("default").catalogue.link("TM", "telemedicine", None, None)


def test_a_dry_run_links_nothing(catalogue: Catalogue) -> None:
    catalogue.link("TM", "telemedicine", "tele", catalogue.plans("tele")[0].remote_id, dry_run=True)
    assert catalogue.links() == []


def test_linking_again_replaces_the_link(catalogue: Catalogue) -> None:
    first, second, _ = (plan.remote_id for plan in catalogue.plans("tele"))
    for plan in (first, second):
        catalogue.link("TM", "telemedicine", "tele", plan)
    assert [link.plan for link in catalogue.links()] == [second]


# -- unlinking ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sell(catalogue: Catalogue, office: TenantHub, hub: Hub, tmp_path: Path) -> Callable[[], None]:
    catalogue.link("TM", "telemedicine", "tele", catalogue.plans("tele")[0].remote_id)

    def sold() -> None:
        file = tmp_path / "contracts.csv"
        names = "contract_id;customer_id;customer_name;customer_document;item_code;item_product_code"
        file.write_text(f"{names}\nC1;P1;Maria Silva;52998224725;1;TM\n")
        assert office.contracts.bring(file).added == 1
        with hub.work(threads=2) as worker:
            worker.drain()

    return sold


def test_an_unsold_product_is_unlinked(catalogue: Catalogue, sell: Callable[[], None]) -> None:
    catalogue.unlink("TM")
    assert catalogue.links() == []


def test_an_unknown_product_suggests_the_nearest(catalogue: Catalogue, sell: Callable[[], None]) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'TM'"):
        catalogue.unlink("TMM")


def test_a_product_is_not_unlinked_while_its_subscriptions_live(catalogue: Catalogue, sell: Callable[[], None]) -> None:
    sell()
    with pytest.raises(Refused, match="1 subscriptions of product 'TM' live"):
        catalogue.unlink("TM")


def test_a_product_is_unlinked_once_its_subscriptions_have_ended(
    catalogue: Catalogue, office: TenantHub, hub: Hub, sell: Callable[[], None]
) -> None:
    sell()
    office.verbs.issue(Command(Action.CANCEL, "C1"))
    with hub.work(threads=2) as worker:
        worker.drain()
    catalogue.unlink("TM")
    assert catalogue.links() == []


def test_a_new_link_leaves_what_is_sold_where_it_is(
    catalogue: Catalogue, office: TenantHub, sell: Callable[[], None]
) -> None:
    sell()
    (before,) = office.subscriptions.list()
    catalogue.link("TM", "telemedicine", "tele", catalogue.plans("tele")[1].remote_id)
    (after,) = office.subscriptions.list()
    assert (after.plan, after.state) == (before.plan, before.state)
