"""TeleClínica's hooks against its simulator over real sockets: what each makes of the provider's state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from svahub import (
    Account,
    Applied,
    Aspect,
    BlockReason,
    Customer,
    Desired,
    DocumentKind,
    Observed,
    Plan,
    PlanDraft,
    Reason,
    Subscription,
    errors,
)
from svahub.client import ProviderClient
from svahub.testing import Fault
from svahub_teleclinica import TeleClinica, TeleClinicaSettings
from svahub_teleclinica.simulator import TeleClinicaSimulator

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})
MARIA = Customer(
    id="c1",
    name="Maria Silva",
    document="52998224725",
    document_kind=DocumentKind.CPF,
    email="maria@example.com",
    phone="+5511987654321",
    birth_date=date(1980, 1, 31),
)


@pytest.fixture
def simulator() -> Iterator[TeleClinicaSimulator]:
    with TeleClinicaSimulator(seed=1).running() as running:
        yield running


@pytest.fixture
def provider(simulator: TeleClinicaSimulator) -> Iterator[TeleClinica]:
    settings = settings_for(simulator)
    with ProviderClient(base_url=simulator.url, auth=settings.auth(), timeout=2) as client:
        yield TeleClinica(settings, client)


def settings_for(simulator: TeleClinicaSimulator, **more: Any) -> TeleClinicaSettings:
    return TeleClinicaSettings.model_validate({**simulator.credentials, **more})


@pytest.fixture
def plans(provider: TeleClinica) -> list[Plan]:
    return [plan for plan in provider.sync_plans() if plan.active]


def sold(plan: Plan | None, key: str = "s1", remote_id: str | None = None, **more: Any) -> Subscription:
    return Subscription(
        key=key,
        contract_id=f"contract {key}",
        item_code="1",
        product_type="telemedicine",
        account=Account("a1", MARIA, remote_id),
        desired=Desired.ACTIVE,
        observed=more.pop("observed", Observed.ACTIVE),
        plan=plan,
        **more,
    )


def created(provider: TeleClinica, *subscriptions: Subscription) -> str:
    remote_id = None
    for subscription in subscriptions:
        account = replace(subscription.account, remote_id=remote_id)
        remote_id = provider.create_user(replace(subscription, account=account)).remote_id
    assert remote_id is not None
    return remote_id


def user(simulator: TeleClinicaSimulator) -> dict[str, Any]:
    (only,) = simulator.state()["users"]
    return dict(only)


def held(simulator: TeleClinicaSimulator) -> set[str]:
    return {plan["id"] for plan in user(simulator)["plans"] if plan["status"] == "ACTIVE"}


def given(subscription: Subscription, plan: Plan) -> Subscription:
    return replace(subscription, applied=Applied(plan=plan.remote_id))


# -- creating


def test_creating_makes_a_user_with_our_references(provider, simulator, plans) -> None:
    remote = provider.create_user(sold(plans[0]))
    assert (remote.reference, remote.status, remote.document) == ("a1", Observed.ACTIVE, MARIA.document)
    assert remote.login
    assert remote.access_url
    assert remote.subscription("s1").plan == plans[0].remote_id
    assert held(simulator) == {plans[0].remote_id}


def test_a_second_plan_is_added_to_the_same_user(provider, simulator, plans) -> None:
    first = provider.create_user(sold(plans[0]))
    second = provider.create_user(sold(plans[1], "s2", first.remote_id))
    assert second.remote_id == first.remote_id
    assert second.subscription("s2").plan == plans[1].remote_id
    assert held(simulator) == {plans[0].remote_id, plans[1].remote_id}


def test_the_same_plan_in_two_contracts_belongs_to_both(provider, simulator, plans) -> None:
    remote_id = created(provider, sold(plans[0]), sold(plans[0], "s2"))
    assert provider.find_user(sold(plans[0], "s2", remote_id)).subscription("s2").status is Observed.ACTIVE
    assert provider.find_user(sold(plans[0], "s1", remote_id)).subscription("s1").status is Observed.ACTIVE


def test_a_person_that_exists_is_named(provider, plans) -> None:
    remote = provider.create_user(sold(plans[0]))
    with pytest.raises(errors.AlreadyExists) as caught:
        provider.create_user(replace(sold(plans[0]), account=Account("a2", MARIA)))
    assert caught.value.remote_user.remote_id == remote.remote_id


def test_nothing_is_sold_without_a_plan(provider, simulator) -> None:
    with pytest.raises(errors.Rejected, match="plan_missing"):
        provider.create_user(sold(None))
    assert simulator.state()["users"] == []


def test_a_plan_out_of_sale_is_rejected(provider) -> None:
    old = next(plan for plan in provider.sync_plans() if not plan.active)
    with pytest.raises(errors.Rejected, match="plan_inactive"):
        provider.create_user(sold(old))


def test_a_plan_for_a_cancelled_user_finds_no_user(provider, plans) -> None:
    remote_id = created(provider, sold(plans[0]))
    provider.cancel(sold(plans[0], remote_id=remote_id))
    with pytest.raises(errors.NotFound):
        provider.create_user(sold(plans[1], "s2", remote_id))


# -- blocking


def test_blocking_and_unblocking_are_levels(provider, simulator, plans) -> None:
    subscription = sold(plans[0], remote_id=created(provider, sold(plans[0])))
    for _ in range(2):
        provider.block(subscription, OVERDUE)
        assert user(simulator)["status"] == "BLOCKED"
    for _ in range(2):
        provider.unblock(subscription)
        assert user(simulator)["status"] == "ACTIVE"


def test_a_user_whose_id_is_not_known_is_blocked_by_our_reference(provider, simulator, plans) -> None:
    created(provider, sold(plans[0]))
    provider.block(sold(plans[0]), OVERDUE)
    assert user(simulator)["status"] == "BLOCKED"


@pytest.mark.parametrize("remote_id", ["usr_none", None, "../plans", "a/b?c"])
def test_blocking_nobody_is_not_found(provider, plans, remote_id) -> None:
    with pytest.raises(errors.NotFound):
        provider.block(sold(plans[0], remote_id=remote_id), OVERDUE)


def test_a_blocked_users_plans_are_blocked(provider, plans) -> None:
    subscription = sold(plans[0], remote_id=created(provider, sold(plans[0])))
    provider.block(subscription, OVERDUE)
    found = provider.find_user(subscription)
    assert found.status is found.subscription("s1").status is Observed.BLOCKED


# -- cancelling


def test_the_last_subscription_takes_the_user_along(provider, simulator, plans) -> None:
    ended = sold(plans[1], "s2", observed=Observed.CANCELLED)
    provider.cancel(sold(plans[0], remote_id=created(provider, sold(plans[0])), siblings=(ended,)))
    assert user(simulator)["status"] == "CANCELLED"


def test_with_others_left_only_the_plan_ends(provider, simulator, plans) -> None:
    remote_id = created(provider, sold(plans[0]), sold(plans[1], "s2"))
    provider.cancel(sold(plans[0], remote_id=remote_id, siblings=(sold(plans[1], "s2"),)))
    assert user(simulator)["status"] == "ACTIVE"
    assert held(simulator) == {plans[1].remote_id}


def test_a_plan_that_another_contract_uses_stays(provider, simulator, plans) -> None:
    remote_id = created(provider, sold(plans[0]), sold(plans[0], "s2"))
    provider.cancel(sold(plans[0], remote_id=remote_id, siblings=(sold(plans[0], "s2"),)))
    assert held(simulator) == {plans[0].remote_id}
    provider.cancel(sold(plans[0], "s2", remote_id))
    assert user(simulator)["status"] == "CANCELLED"


def test_after_an_unsure_change_both_plans_end(provider, simulator, plans) -> None:
    other = sold(plans[2], "s2")
    remote_id = created(provider, sold(plans[1]), other)
    provider.cancel(given(sold(plans[1], remote_id=remote_id, siblings=(other,)), plans[0]))
    assert held(simulator) == {plans[2].remote_id}


def test_cancelling_twice_is_not_found_and_harms_nothing(provider, plans) -> None:
    subscription = sold(plans[0], remote_id=created(provider, sold(plans[0])))
    provider.cancel(subscription)
    with pytest.raises(errors.NotFound):
        provider.cancel(subscription)


# -- changing


def changing(remote_id: str, old: Plan, new: Plan, *siblings: Subscription) -> Subscription:
    return given(sold(new, remote_id=remote_id, siblings=siblings), old)


PLAN = frozenset({Aspect.PLAN})


def test_a_plan_is_put_in_the_place_of_another(provider, simulator, plans) -> None:
    remote_id = created(provider, sold(plans[0]))
    for _ in range(2):
        provider.change(changing(remote_id, plans[0], plans[1]), PLAN)
        assert held(simulator) == {plans[1].remote_id}


def test_the_old_plan_stays_when_another_contract_uses_it(provider, simulator, plans) -> None:
    other = sold(plans[0], "s2")
    remote_id = created(provider, sold(plans[0]), other)
    subscription = changing(remote_id, plans[0], plans[1], other)
    provider.change(subscription, PLAN)
    assert held(simulator) == {plans[0].remote_id, plans[1].remote_id}
    assert provider.find_user(subscription).subscription("s1").plan == plans[1].remote_id


def test_only_the_old_plan_goes_when_another_contract_has_the_new_one(provider, simulator, plans) -> None:
    other = sold(plans[1], "s2")
    remote_id = created(provider, sold(plans[0]), other)
    for _ in range(2):
        provider.change(changing(remote_id, plans[0], plans[1], other), PLAN)
        assert held(simulator) == {plans[1].remote_id}


def test_nothing_changes_when_other_contracts_have_both_plans(provider, simulator, plans) -> None:
    others = (sold(plans[0], "s2"), sold(plans[1], "s3"))
    remote_id = created(provider, *others)
    provider.change(changing(remote_id, plans[0], plans[1], *others), PLAN)
    assert held(simulator) == {plans[0].remote_id, plans[1].remote_id}


def test_a_new_plan_that_the_user_has_already_leaves_the_old_one_to_remove(provider, simulator, plans) -> None:
    remote_id = created(provider, sold(plans[0]), sold(plans[1], "gone"))
    provider.change(changing(remote_id, plans[0], plans[1]), PLAN)
    assert held(simulator) == {plans[1].remote_id}


def test_a_plan_of_a_user_that_is_gone_is_not_found(provider, plans) -> None:
    with pytest.raises(errors.NotFound):
        provider.change(changing("usr_none", plans[0], plans[1]), PLAN)


def test_a_customers_data_change_before_the_plan(provider, simulator, plans) -> None:
    remote_id = created(provider, sold(plans[0]))
    renamed = replace(MARIA, name="Maria Souza", email=None)
    subscription = changing(remote_id, plans[0], plans[1])
    subscription = replace(subscription, account=replace(subscription.account, customer=renamed))
    provider.change(subscription, frozenset({Aspect.PLAN, Aspect.CUSTOMER}))
    assert (user(simulator)["name"], user(simulator)["email"]) == ("Maria Souza", MARIA.email)
    assert held(simulator) == {plans[1].remote_id}
    assert [seen.method for seen in simulator.requests][-2:] == ["PUT", "PUT"]


# -- finding


def test_nobody_is_nobody(provider, plans) -> None:
    assert provider.find_user(sold(plans[0])) is None


def test_a_user_is_found_by_our_reference(provider, plans) -> None:
    remote_id = created(provider, sold(plans[0]))
    found = provider.find_user(sold(plans[0]))
    assert (found.remote_id, found.reference) == (remote_id, "a1")
    assert found.subscription("s1").plan == plans[0].remote_id


def test_a_user_of_somebody_else_is_found_by_cpf_and_is_not_ours(provider, plans) -> None:
    remote_id = created(provider, replace(sold(plans[0]), account=Account("of another system", MARIA)))
    found = provider.find_user(sold(plans[0]))
    assert (found.remote_id, found.reference) == (remote_id, "of another system")
    assert found.subscription("s1") is None


def test_a_linked_user_holds_the_plans_of_ours(provider, plans) -> None:
    remote_id = created(provider, replace(sold(plans[0]), account=Account("of another system", MARIA)))
    assert provider.find_user(sold(plans[0], remote_id=remote_id)).subscription("s1").status is Observed.ACTIVE


def test_the_living_user_is_preferred_to_the_cancelled_one(provider, plans) -> None:
    first = created(provider, sold(plans[0]))
    provider.cancel(sold(plans[0], remote_id=first))
    assert provider.find_user(sold(plans[0])).status is Observed.CANCELLED
    second = created(provider, sold(plans[0], "s2"))
    assert provider.find_user(sold(plans[0], "s2")).remote_id == second


def test_an_old_sales_cancelled_plan_is_not_taken_for_the_new_one(provider, plans) -> None:
    provider.cancel(sold(plans[0], remote_id=created(provider, sold(plans[0]))))
    assert provider.find_user(sold(plans[0], "s2")).subscription("s2") is None


def test_a_plan_that_was_not_added_is_not_found(provider, plans) -> None:
    remote_id = created(provider, sold(plans[0]))
    assert provider.find_user(sold(plans[1], "s2", remote_id)).subscription("s2") is None


def test_a_failed_look_is_not_an_empty_one(provider, simulator, plans) -> None:
    created(provider, sold(plans[0]))
    for fault in (Fault.ERROR_BEFORE, Fault.MALFORMED, Fault.SHORT_PAGE):
        simulator.faults.script([fault])
        with pytest.raises(errors.Unreachable):
            provider.find_user(sold(plans[0]))


# -- the catalogue, the list, the connection


def test_the_catalogue_has_names_and_prices(provider) -> None:
    catalogue = list(provider.sync_plans())
    assert catalogue[0].name == "Individual"
    assert catalogue[0].price == Decimal("19.90")
    assert [plan.active for plan in catalogue].count(False) == 1


def test_a_registered_plan_comes_back_as_the_provider_has_it(provider) -> None:
    plan = provider.create_plan(PlanDraft("r1", "Empresarial", "Para equipes", Decimal("29.90")))
    assert plan in list(provider.sync_plans())
    assert plan.price == Decimal("29.90")


def people(count: int) -> list[Customer]:
    return [replace(MARIA, id=str(n), document=_cpf(n)) for n in range(count)]


def _cpf(number: int) -> str:
    digits = [int(d) for d in f"{100_000_000 + number}"]
    for first in (10, 11):
        rest = sum(d * w for d, w in zip(digits, range(first, 1, -1), strict=True)) % 11
        digits.append(0 if rest < 2 else 11 - rest)
    return "".join(map(str, digits))


@pytest.fixture
def crowd(provider: TeleClinica, plans: list[Plan]) -> list[str]:
    return [
        provider.create_user(replace(sold(plans[0]), account=Account(f"a{n}", customer))).remote_id
        for n, customer in enumerate(people(7))
    ]


@pytest.mark.parametrize("page_size", [1, 3, 7, 100])
def test_all_users_are_listed_whatever_the_page(simulator, crowd, page_size) -> None:
    settings = settings_for(simulator, page_size=page_size)
    with ProviderClient(base_url=simulator.url, auth=settings.auth()) as client:
        listed = list(TeleClinica(settings, client).list_users(None))
    assert [remote.remote_id for remote in listed] == crowd


def test_users_are_listed_by_status(provider, crowd, plans) -> None:
    provider.block(sold(plans[0], remote_id=crowd[2]), OVERDUE)
    provider.cancel(sold(plans[0], remote_id=crowd[4]))
    assert [u.remote_id for u in provider.list_users(Observed.BLOCKED)] == [crowd[2]]
    assert [u.remote_id for u in provider.list_users(Observed.CANCELLED)] == [crowd[4]]
    assert len(list(provider.list_users(Observed.ACTIVE))) == 5
    assert list(provider.list_users(Observed.UNKNOWN)) == []


@pytest.mark.parametrize("listing", ["list_users", "sync_plans"])
def test_a_listing_that_ends_early_says_so(provider, simulator, crowd, listing) -> None:
    simulator.faults.script([Fault.SHORT_PAGE])
    hook = getattr(provider, listing)
    with pytest.raises(errors.Unreachable) as caught:
        list(hook(None) if listing == "list_users" else hook())
    assert caught.value.cause is errors.Cause.INCOMPLETE


def test_the_connection_is_checked_with_the_credentials(provider, simulator) -> None:
    provider.check_connection()
    wrong = settings_for(simulator, password="wrong")
    with ProviderClient(base_url=simulator.url, auth=wrong.auth()) as client:
        with pytest.raises(errors.AuthenticationFailed):
            TeleClinica(wrong, client).check_connection()


# -- faults


@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.MALFORMED, Fault.TRUNCATED])
def test_a_create_of_unknown_outcome_is_found_again(provider, simulator, plans, fault) -> None:
    simulator.faults.script([fault])
    with pytest.raises(errors.OutcomeUnknown):
        provider.create_user(sold(plans[0]))
    assert provider.find_user(sold(plans[0])).subscription("s1").status is Observed.ACTIVE


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.RATE_LIMIT_RETRY_AFTER, Fault.REFUSE])
def test_what_was_surely_not_applied_says_so(provider, simulator, plans, fault) -> None:
    simulator.faults.script([fault])
    with pytest.raises((errors.NotApplied, errors.OutcomeUnknown)):
        provider.create_user(sold(plans[0]))
    assert simulator.state()["users"] == []


def test_no_error_names_the_service_or_the_person(provider, simulator, plans) -> None:
    created(provider, sold(plans[0]))
    with pytest.raises(errors.ProviderError) as caught:
        provider.create_user(replace(sold(plans[0]), account=Account("a2", MARIA)))
    text = str(caught.value).lower()
    assert not any(word in text for word in ("tele", "clinic", "medic", "maria", MARIA.document))


# -- settings


def test_routes_can_be_set_as_json(simulator) -> None:
    settings = settings_for(simulator, routes='{"block": "/users/{user}/suspend"}')
    assert settings.routes.block == "/users/{user}/suspend"
    assert settings.routes.users == "/users"


@pytest.mark.parametrize("route", ["users", "/users/{cpf}", "/users/{user", "/{0}"])
def test_a_route_that_cannot_be_filled_is_refused(simulator, route) -> None:
    with pytest.raises(ValidationError):
        settings_for(simulator, routes={"block": route})


def test_each_setting_is_described() -> None:
    assert all(field.description for field in TeleClinicaSettings.model_fields.values())


def test_the_password_is_not_shown() -> None:
    settings = TeleClinicaSettings(username="isp", password=SecretStr("segredo"))
    assert "segredo" not in repr(settings)
    assert "segredo" not in repr(settings.auth())
