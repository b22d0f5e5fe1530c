"""What finding, listing and checking tell, what faults become, what can be set: the simulator over real sockets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from svahub import Account, BlockReason, Observed, PlanDraft, Reason, errors
from svahub.extension.invented import cpf
from svahub_teleclinica import TeleClinicaSettings

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})


# -- finding


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


# -- the catalogue, the list, the connection


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


# -- faults


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
