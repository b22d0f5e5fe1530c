"""What finding, listing and checking tell, what faults become, what can be set: the simulator over real sockets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from svahub import Account, BlockReason, Observed, PlanDraft, Reason, errors
from svahub.client import ProviderClient
from svahub.extension.invented import cpf
from svahub.testing import Fault
from svahub_teleclinica import TeleClinica, TeleClinicaSettings

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})


# -- finding


def test_nobody_is_nobody(clinic: Any) -> None:
    assert clinic.provider.find_user(clinic.sold(clinic.plans[0])) is None


def test_a_user_is_found_by_our_reference(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]))
    found = clinic.provider.find_user(clinic.sold(clinic.plans[0]))
    assert (found.remote_id, found.reference) == (remote_id, "a1")
    assert found.subscription("s1").plan == clinic.plans[0].remote_id


def test_a_user_of_somebody_else_is_found_by_cpf_and_is_not_ours(clinic: Any) -> None:
    remote_id = clinic.created(
        replace(clinic.sold(clinic.plans[0]), account=Account("of another system", clinic.customer))
    )
    found = clinic.provider.find_user(clinic.sold(clinic.plans[0]))
    assert (found.remote_id, found.reference) == (remote_id, "of another system")
    assert found.subscription("s1") is None


def test_a_linked_user_holds_the_plans_of_ours(clinic: Any) -> None:
    remote_id = clinic.created(
        replace(clinic.sold(clinic.plans[0]), account=Account("of another system", clinic.customer))
    )
    assert (
        clinic.provider.find_user(clinic.sold(clinic.plans[0], remote_id=remote_id)).subscription("s1").status
        is Observed.ACTIVE
    )


def test_the_living_user_is_preferred_to_the_cancelled_one(clinic: Any) -> None:
    first = clinic.created(clinic.sold(clinic.plans[0]))
    clinic.provider.cancel(clinic.sold(clinic.plans[0], remote_id=first))
    assert clinic.provider.find_user(clinic.sold(clinic.plans[0])).status is Observed.CANCELLED
    second = clinic.created(clinic.sold(clinic.plans[0], "s2"))
    assert clinic.provider.find_user(clinic.sold(clinic.plans[0], "s2")).remote_id == second


def test_an_old_sales_cancelled_plan_is_not_taken_for_the_new_one(clinic: Any) -> None:
    clinic.provider.cancel(clinic.sold(clinic.plans[0], remote_id=clinic.created(clinic.sold(clinic.plans[0]))))
    assert clinic.provider.find_user(clinic.sold(clinic.plans[0], "s2")).subscription("s2") is None


def test_a_plan_that_was_not_added_is_not_found(clinic: Any) -> None:
    remote_id = clinic.created(clinic.sold(clinic.plans[0]))
    assert clinic.provider.find_user(clinic.sold(clinic.plans[1], "s2", remote_id)).subscription("s2") is None


def test_a_failed_look_is_not_an_empty_one(clinic: Any) -> None:
    clinic.created(clinic.sold(clinic.plans[0]))
    for fault in (Fault.ERROR_BEFORE, Fault.MALFORMED, Fault.SHORT_PAGE):
        clinic.simulator.faults.next(fault)
        with pytest.raises(errors.Unreachable):
            clinic.provider.find_user(clinic.sold(clinic.plans[0]))


# -- the catalogue, the list, the connection


def test_the_catalogue_has_names_and_prices(clinic: Any) -> None:
    catalogue = list(clinic.provider.sync_plans())
    assert catalogue[0].name == "Individual"
    assert catalogue[0].price == Decimal("19.90")
    assert [plan.active for plan in catalogue].count(False) == 1


def test_a_registered_plan_comes_back_as_the_provider_has_it(clinic: Any) -> None:
    plan = clinic.provider.create_plan(PlanDraft("r1", "Empresarial", "Para equipes", Decimal("29.90")))
    assert plan in list(clinic.provider.sync_plans())
    assert plan.price == Decimal("29.90")


@pytest.fixture
def crowd(clinic: Any) -> list[str]:
    """Create users of seven people, and return their ids."""
    people = [replace(clinic.customer, id=str(n), document=cpf(n)) for n in range(7)]
    accounts = [Account(f"a{n}", person) for n, person in enumerate(people)]
    return [clinic.created(replace(clinic.sold(clinic.plans[0]), account=account)) for account in accounts]


@pytest.mark.parametrize("page_size", [1, 3, 7, 100])
def test_all_users_are_listed_whatever_the_page(clinic: Any, crowd: list[str], page_size: int) -> None:
    settings = clinic.settings(page_size=page_size)
    with ProviderClient(base_url=clinic.simulator.url, auth=settings.auth()) as client:
        listed = list(TeleClinica(settings, client).list_users(None))
    assert [remote.remote_id for remote in listed] == crowd


def test_users_are_listed_by_status(clinic: Any, crowd: list[str]) -> None:
    clinic.provider.block(clinic.sold(clinic.plans[0], remote_id=crowd[2]), OVERDUE)
    clinic.provider.cancel(clinic.sold(clinic.plans[0], remote_id=crowd[4]))
    assert [u.remote_id for u in clinic.provider.list_users(Observed.BLOCKED)] == [crowd[2]]
    assert [u.remote_id for u in clinic.provider.list_users(Observed.CANCELLED)] == [crowd[4]]
    assert len(list(clinic.provider.list_users(Observed.ACTIVE))) == 5
    assert list(clinic.provider.list_users(Observed.UNKNOWN)) == []


@pytest.mark.parametrize("listing", ["list_users", "sync_plans"])
def test_a_listing_that_ends_early_says_so(clinic: Any, crowd: list[str], listing: str) -> None:
    clinic.simulator.faults.next(Fault.SHORT_PAGE)
    hook = getattr(clinic.provider, listing)
    with pytest.raises(errors.Unreachable) as caught:
        list(hook(None) if listing == "list_users" else hook())
    assert caught.value.cause is errors.Cause.INCOMPLETE


def test_the_connection_is_checked_with_the_credentials(clinic: Any) -> None:
    clinic.provider.check_connection()
    wrong = clinic.settings(username="somebody")
    with (
        ProviderClient(base_url=clinic.simulator.url, auth=wrong.auth()) as client,
        pytest.raises(errors.AuthenticationFailed),
    ):
        TeleClinica(wrong, client).check_connection()


# -- faults


@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.MALFORMED, Fault.TRUNCATED])
def test_a_create_of_unknown_outcome_is_found_again(clinic: Any, fault: Fault) -> None:
    clinic.simulator.faults.next(fault)
    with pytest.raises(errors.OutcomeUnknown):
        clinic.provider.create_user(clinic.sold(clinic.plans[0]))
    assert clinic.provider.find_user(clinic.sold(clinic.plans[0])).subscription("s1").status is Observed.ACTIVE


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.RATE_LIMIT_RETRY_AFTER, Fault.REFUSE])
def test_what_was_surely_not_applied_says_so(clinic: Any, fault: Fault) -> None:
    clinic.simulator.faults.next(fault)
    with pytest.raises((errors.NotApplied, errors.OutcomeUnknown)):
        clinic.provider.create_user(clinic.sold(clinic.plans[0]))
    assert clinic.simulator.state()["users"] == []


def test_no_error_names_the_service_or_the_person(clinic: Any) -> None:
    clinic.created(clinic.sold(clinic.plans[0]))
    with pytest.raises(errors.ProviderError) as caught:
        clinic.provider.create_user(replace(clinic.sold(clinic.plans[0]), account=Account("a2", clinic.customer)))
    text = str(caught.value).lower()
    assert not any(word in text for word in ("tele", "clinic", "medic", "maria", clinic.customer.document))


# -- settings


def test_routes_can_be_set_as_json(clinic: Any) -> None:
    settings = clinic.settings(routes='{"block": "/users/{user}/suspend"}')
    assert settings.routes.block == "/users/{user}/suspend"
    assert settings.routes.users == "/users"


@pytest.mark.parametrize("route", ["users", "/users/{cpf}", "/users/{user", "/{0}"])
def test_a_route_that_cannot_be_filled_is_refused(clinic: Any, route: str) -> None:
    with pytest.raises(ValidationError):
        clinic.settings(routes={"block": route})


def test_each_setting_is_described() -> None:
    assert all(field.description for field in TeleClinicaSettings.model_fields.values())


def test_the_password_is_not_shown() -> None:
    settings = TeleClinicaSettings(username="isp", password=SecretStr("segredo"))
    assert "segredo" not in repr(settings)
    assert "segredo" not in repr(settings.auth())
