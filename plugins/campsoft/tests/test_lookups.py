"""What is read at Campsoft, what its faults mean, and what an integration is set to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from svahub import Account, Observed, errors
from svahub.client import recording
from svahub.testing import Fault
from svahub_campsoft import Campsoft, CampsoftSettings

FOREIGN = "outra-assinante"


def foreign(tv: Any, status: str = "active") -> None:
    document = {"type": "CPF", "number": tv.customer.document}
    body = {"username": FOREIGN, "name": "Maria", "login": "m", "password": "x", "document": document, "status": status}
    tv.provider.calls.client.post("/customers", body)


# -- looking one up


def test_a_subscriber_is_found_under_our_key_with_all_it_has(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.provider.create_user(tv.sold(tv.plans[1], "s2", tv.key, siblings=(tv.there(tv.plans[0]),)))
    found = tv.provider.find_user(tv.there(tv.plans[1], "s2", siblings=(tv.there(tv.plans[0]),)))
    assert (found.reference, found.status, found.document) == (tv.key, Observed.ACTIVE, tv.customer.document)
    assert (found.phone, found.email) == (tv.customer.phone, tv.customer.email)
    assert found.subscription("s2").plan == tv.plans[1].remote_id
    assert {entry.plan for entry in found.subscriptions} == {plan.remote_id for plan in tv.plans[:2]}


def test_somebody_elses_subscriber_is_found_by_document_without_our_reference(tv: Any) -> None:
    foreign(tv)
    found = tv.provider.find_user(tv.sold(tv.plans[0]))
    assert (found.remote_id, found.reference, found.subscription("s1")) == (FOREIGN, None, None)


@pytest.mark.parametrize(("number", "whose"), [("111.444.777-35", None), ("529.982.247-25", FOREIGN), (None, FOREIGN)])
def test_who_has_another_document_is_not_meant_by_a_lookup_for_one(tv: Any, number: str | None, whose: str) -> None:
    everybody = [{"username": FOREIGN, "status": "active", "document": {"number": number}}]
    answers = {"customers": everybody, "subscriptions": [], "authentication": {"AccessToken": "a" * 20}}

    def unfiltered(request: httpx.Request) -> httpx.Response:
        last = request.url.path.rpartition("/")[2]
        return httpx.Response(200 if last in answers else 404, json=answers.get(last, {}))

    client = tv.recorded(transport=httpx.MockTransport(unfiltered))
    found = Campsoft(tv.settings(), client).find_user(tv.sold(tv.plans[0]))
    assert (found.remote_id if found else None) == whose


def test_an_adopted_subscriber_is_found_by_its_own_name(tv: Any) -> None:
    foreign(tv)
    tv.provider.create_user(tv.sold(tv.plans[0], remote_id=FOREIGN))
    found = tv.provider.find_user(tv.given(tv.sold(tv.plans[0], remote_id=FOREIGN), tv.plans[0]))
    assert (found.remote_id, found.subscription("s1").plan) == (FOREIGN, tv.plans[0].remote_id)


@pytest.mark.parametrize(("cancelled", "status"), [(False, Observed.BLOCKED), (True, Observed.CANCELLED)])
def test_who_is_suspended_is_blocked_with_products_and_cancelled_without(
    tv: Any, cancelled: bool, status: Observed
) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    (tv.provider.cancel if cancelled else lambda s: tv.provider.block(s, frozenset()))(tv.there(tv.plans[0]))
    assert tv.provider.find_user(tv.there(tv.plans[0])).status is status


def test_a_subscriber_of_whom_campsoft_knows_little_is_read_all_the_same(tv: Any) -> None:
    parts = {"document": {"number": None}, "email": {"data": None}, "phone": {"ddi": "55", "number": "9"}, "more": [1]}
    answers = {tv.key: {"username": tv.key, "status": "active", **parts}, "subscriptions": [{"ProductId": 7}]}

    def scarce(request: httpx.Request) -> httpx.Response:
        token = {"AccessToken": "a" * 20, "ExpiresIn": 4_000_000_000}
        return httpx.Response(200, json=answers.get(request.url.path.rpartition("/")[2], token))

    client = tv.recorded(transport=httpx.MockTransport(scarce))
    found = Campsoft(tv.settings(), client).find_user(tv.sold(tv.plans[0]))
    assert (found.status, found.document, found.email, found.phone) == (Observed.ACTIVE, None, None, None)
    assert [entry.plan for entry in found.subscriptions] == ["7"]


# -- listing


@pytest.fixture
def crowd(tv: Any) -> list[str]:
    """Create subscribers of seven people, the third suspended and the fifth cancelled, and return their names."""
    accounts = [Account(f"{tv.key[:-1]}{n}", replace(tv.customer, document=tv.cpf(n))) for n in range(7)]
    for account in accounts:
        tv.provider.create_user(tv.sold(tv.plans[0], account=account))
    tv.provider.block(tv.sold(tv.plans[0], account=accounts[2]), frozenset())
    tv.provider.cancel(tv.sold(tv.plans[0], account=accounts[4]))
    return [account.key for account in accounts]


@pytest.mark.parametrize(("page_size", "at_once"), [(1, 30), (3, 1), (3, 3), (7, 30), (100, 2)])
def test_all_subscribers_are_listed_in_order(tv: Any, crowd: list[str], page_size: int, at_once: int) -> None:
    listed = list(tv.another(page_size=page_size, at_once=at_once).list_users(None))
    assert [user.remote_id for user in listed] == crowd
    assert [len(user.subscriptions) for user in listed] == [1, 1, 1, 1, 0, 1, 1]


@pytest.mark.parametrize(
    ("status", "there"),
    [(Observed.ACTIVE, [0, 1, 3, 5, 6]), (Observed.BLOCKED, [2]), (Observed.CANCELLED, [4]), (Observed.UNKNOWN, [])],
)
@pytest.mark.parametrize("after", [None, 1])
def test_subscribers_are_listed_by_status_and_after_one(
    tv: Any, crowd: list[str], status: Observed, there: list[int], after: int | None
) -> None:
    listed = tv.provider.list_users(status) if after is None else tv.provider.list_users_after(status, crowd[after])
    assert [user.remote_id for user in listed] == [crowd[n] for n in there if after is None or n > after]


def test_a_listing_that_was_cut_off_goes_on_without_looking_again_at_those_before(tv: Any, crowd: list[str]) -> None:
    tv.simulator.faults.next(Fault.ERROR_BEFORE, path=f"/customers/{crowd[3]}/")
    got = []
    with pytest.raises(errors.Unreachable):
        got.extend(user.remote_id for user in _noting(got, tv.another(at_once=1).list_users(None)))
    tv.asked()
    rest = [user.remote_id for user in tv.provider.list_users_after(None, got[-1])]
    assert got + rest == crowd
    assert tv.asked().count(("GET", "subscriptions")) == len(rest)


def _noting(got: list[str], users: Any) -> Any:
    for user in users:
        got.append(user.remote_id)
    return iter(())


def test_going_on_after_somebody_who_is_not_listed_is_incomplete(tv: Any, crowd: list[str]) -> None:
    with pytest.raises(errors.Unreachable, match="list all of them") as caught:
        list(tv.provider.list_users_after(None, "nobody"))
    assert caught.value.cause is errors.Cause.INCOMPLETE


def test_a_listing_is_left_without_waiting_for_the_rest(tv: Any, crowd: list[str]) -> None:
    users = tv.another(at_once=2).list_users(None)
    assert next(users).remote_id == crowd[0]
    users.close()
    assert tv.asked().count(("GET", "subscriptions")) < len(crowd)


@pytest.mark.parametrize("many", [400, pytest.param(2_000, marks=pytest.mark.deep)])
def test_many_are_looked_at_thirty_at_once_and_never_further_ahead_than_that(crowded: Any, many: int) -> None:
    tv = crowded(many)
    ahead = [tv.looks() - read for read, _ in enumerate(tv.provider.list_users(None), start=1)]
    assert (len(ahead), tv.looks()) == (many, many)
    assert max(ahead) <= 30  # so many at most are in memory, whatever their number
    assert 15 < tv.simulator.most <= 30


def test_a_listing_keeps_within_the_connections_of_its_integration(crowded: Any) -> None:
    tv = crowded(60)
    assert len(list(tv.another(connections=4).list_users(None))) == 60
    assert tv.simulator.most == 4


# -- access


def test_a_link_to_hand_on_comes_with_its_end_and_is_not_kept(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    link = tv.provider.resend_access(tv.there(tv.plans[0]))
    assert link.url.startswith("https://")
    assert 590 < (link.expires_at - tv.simulator.clock.now()).total_seconds() <= 600
    assert link.url not in repr(link)
    assert not any(link.url[-20:] in (exchange.response_body or "") for exchange in tv.exchanges)


def test_who_is_suspended_is_not_let_in(tv: Any) -> None:
    tv.provider.create_user(tv.sold(tv.plans[0]))
    tv.provider.block(tv.there(tv.plans[0]), frozenset())
    with pytest.raises(errors.Conflict, match="inactive_user"):
        tv.provider.resend_access(tv.there(tv.plans[0]))


def test_no_password_is_kept_or_used_twice(tv: Any) -> None:
    tv.simulator.passwords = passwords = []
    for number in range(2):
        account = Account(f"{tv.key[:-1]}{number}", replace(tv.customer, document=tv.cpf(number)))
        tv.provider.create_user(tv.sold(tv.plans[0], account=account))
    assert len(set(passwords)) == 2
    assert all(len(password) >= 32 for password in passwords)
    kept = str(tv.exchanges)
    assert not any(password in kept for password in passwords)


def test_a_password_that_campsoft_repeats_is_kept_nowhere(tv: Any) -> None:
    said: list[str] = []

    def echo(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/authentication"):
            return httpx.Response(200, json={"AccessToken": "a" * 20, "ExpiresIn": 4_000_000_000})
        said.append(json.loads(request.content)["password"])
        return httpx.Response(422, json={"error_id": "weak", "message": f"{said[-1]} is too weak"})

    kept = tv.recorded(transport=httpx.MockTransport(echo))
    with recording(("a1", 1), tv.customer), pytest.raises(errors.Rejected, match="weak") as caught:
        Campsoft(tv.settings(), kept).create_user(tv.sold(tv.plans[0]))
    assert len(kept.exchanges) == 2
    assert said[0] not in f"{kept.exchanges} {caught.value}"


# -- credentials


def test_neither_keys_nor_token_are_kept(tv: Any) -> None:
    tv.simulator.tokens.revoke()
    tv.provider.check_connection()
    secrets = {*tv.simulator.credentials.values(), *tv.simulator.tokens.alive()}
    assert "/authentication" in str(tv.exchanges)
    assert not [secret for secret in secrets if secret in str(tv.exchanges)]


# -- settings


def test_routes_words_and_error_ids_can_be_set_as_json(tv: Any) -> None:
    settings = tv.settings(
        routes='{"inactive": "/customers/{username}/off"}',
        statuses='{"inactive": "D"}',
        error_ids='{"no_licences": "7"}',
    )
    assert (settings.routes.inactive, settings.routes.customers) == ("/customers/{username}/off", "/customers")
    assert (settings.statuses.inactive, settings.error_ids.no_licences) == ("D", "7")


@pytest.mark.parametrize("route", ["users", "/users/{cpf}", "/users/{username", "/{0}"])
def test_a_route_that_cannot_be_filled_is_refused(tv: Any, route: str) -> None:
    with pytest.raises(ValidationError):
        tv.settings(routes={"inactive": route})


def test_an_error_id_that_is_set_means_what_it_is_set_for(tv: Any) -> None:
    provider = tv.another(error_ids={"no_licences": "user_not_found"})
    with pytest.raises(errors.NoLicences):
        provider.unblock(tv.there(tv.plans[0]))


def test_each_setting_is_described() -> None:
    assert all(field.description for field in CampsoftSettings.model_fields.values())


def test_no_address_is_declared() -> None:
    assert Campsoft.hosts == {}
