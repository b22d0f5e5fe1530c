"""What each hook asks of Olli: its simulator over real sockets, without a store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from svahub import Aspect, BlockReason, Observed, Reason, errors
from svahub.testing import Fault
from svahub_iot.units import Status, Unit

OVERDUE = frozenset({BlockReason(Reason.OVERDUE, "import")})
OTHER = "11144477735"
QUANTITY = frozenset({Aspect.QUANTITY})


def licences_of(user: Any) -> list[dict[str, Any]]:
    return list(user.subscriptions[0].details["licences"])


def routes(olli: Any) -> list[str]:
    return [f"{seen.method} {seen.path}" for seen in olli.simulator.requests]


# -- creating


def test_a_sale_makes_customer_subscription_and_a_licence_for_each_unit_in_that_order(olli: Any) -> None:
    user = olli.provider.create_user(olli.sold(quantity=2))
    (customer,) = olli.state("customers")
    (subscription,) = olli.state("subscriptions")
    assert (user.remote_id, user.reference, user.status) == (customer["id"], "a1", Observed.ACTIVE)
    assert (subscription["externalReference"], subscription["itemId"]) == ("s1", olli.items[0].remote_id)
    assert [one["externalReference"] for one in olli.live()] == ["s1:1", "s1:2"]
    licences = f"POST /subscriptions/{subscription['id']}/licenses"
    subscribe = f"POST /customers/{customer['id']}/subscriptions"
    assert routes(olli) == ["GET /fn/customers", "POST /customers", subscribe, licences, licences]


def test_what_a_sale_came_to_names_each_licence(olli: Any) -> None:
    user = olli.provider.create_user(olli.sold(quantity=2))
    told = {one["id"]: (one["code"], one["status"]) for one in licences_of(user)}
    assert told == {one["id"]: (one["code"], "A") for one in olli.live()}
    assert (user.subscriptions[0].quantity, user.subscriptions[0].reference) == (2, "s1")


def test_a_customer_of_ours_that_fn_knows_is_not_made_again(olli: Any) -> None:
    first, _ = olli.made("s1")
    second, _ = olli.made("s2")
    assert (first, len(olli.state("customers")), len(olli.state("subscriptions"))) == (second, 1, 2)


def test_somebody_elses_customer_with_the_same_document_is_named(olli: Any) -> None:
    first, _ = olli.made("s1")
    with pytest.raises(errors.AlreadyExists) as caught:
        olli.provider.create_user(olli.sold("s2", account=replace(olli.sold().account, key="a2")))
    assert caught.value.remote_user.remote_id == first
    assert len(olli.state("subscriptions")) == 1


def test_who_has_another_document_is_not_meant_by_a_lookup_for_one(olli: Any) -> None:
    stranger, _ = olli.made("s1")
    account = replace(olli.sold().account, key="a2", customer=replace(olli.sold().account.customer, document=OTHER))
    olli.simulator.account.by_document[OTHER] = [stranger]
    assert olli.provider.find_user(olli.sold("s2", account=account)) is None
    assert olli.provider.create_user(olli.sold("s2", account=account)).remote_id != stranger


def test_a_customer_that_is_known_is_not_looked_up(olli: Any) -> None:
    customer, _ = olli.made("s1")
    olli.simulator.requests.clear()
    account = olli.sold().account
    olli.provider.create_user(olli.sold("s2", account=replace(account, remote_id=customer)))
    assert not [route for route in routes(olli) if "/fn/" in route]


def test_nothing_is_sold_without_an_item(olli: Any) -> None:
    with pytest.raises(errors.Rejected, match="plan_missing"):
        olli.provider.create_user(olli.sold(plan=None))
    assert routes(olli) == []


@pytest.mark.parametrize("known", [False, True])
def test_a_customer_is_told_of_if_the_subscription_is_refused_and_nobody_knew_them(olli: Any, known: bool) -> None:
    account = olli.sold().account
    if known:
        account = replace(account, remote_id=olli.made("s1")[0])
    unknown = replace(olli.items[0], remote_id="itm_none")
    with pytest.raises(errors.Rejected if known else errors.Partial) as caught:
        olli.provider.create_user(olli.sold("s2", account=account, plan=unknown))
    told = getattr(caught.value, "remote_user", None)
    assert (told and told.remote_id) == (None if known else olli.state("customers")[0]["id"])


def test_a_licence_that_is_refused_does_not_keep_the_others_from_being_made(olli: Any) -> None:
    olli.simulator.account.refused_devices = frozenset({"SN-2"})
    kept = {"licences": [Unit("s1:d1", device="SN-1"), Unit("s1:d2", device="SN-2"), Unit("s1:d3", device="SN-3")]}
    with pytest.raises(errors.Partial) as caught:
        olli.provider.create_user(olli.sold(quantity=3, kept=kept))
    assert [one["device"] for one in olli.live()] == ["SN-1", "SN-3"]
    assert caught.value.remote_user.subscriptions[0].quantity == 2
    assert isinstance(caught.value.failed, errors.Rejected)
    states = {one["reference"]: one["status"] for one in licences_of(caught.value.remote_user)}
    assert states == {"s1:d1": "A", "s1:d2": "P", "s1:d3": "A"}


def test_when_the_licences_run_out_nothing_more_is_asked(olli: Any) -> None:
    olli.simulator.account.stock = 1
    with pytest.raises(errors.Partial) as caught:
        olli.provider.create_user(olli.sold(quantity=4))
    assert isinstance(caught.value.failed, errors.NoLicences)
    assert (len(olli.live()), routes(olli)[-2:].count(routes(olli)[-1])) == (1, 2)


def test_many_licences_come_in_several_steps(olli: Any) -> None:
    with pytest.raises(errors.Partial) as caught:
        olli.provider.create_user(olli.sold(quantity=30))
    assert isinstance(caught.value.failed, errors.NotSent)
    assert (len(olli.live()), len(licences_of(caught.value.remote_user))) == (25, 30)


# -- changing the quantity


def test_more_of_it_creates_only_what_is_missing(olli: Any) -> None:
    held = olli.held(quantity=4, sold=2)
    before = {one["id"] for one in olli.live()}
    olli.provider.change(held, QUANTITY)
    assert before < {one["id"] for one in olli.live()}
    assert sorted(one["externalReference"] for one in olli.live()) == ["s1:1", "s1:2", "s1:3", "s1:4"]


def test_less_of_it_ends_the_newest(olli: Any) -> None:
    held = olli.held(quantity=1, sold=3)
    user = olli.provider.change(held, QUANTITY)
    assert [one["externalReference"] for one in olli.live()] == ["s1:1"]
    assert {one["reference"]: one["status"] for one in licences_of(user)} == {"s1:1": "A", "s1:2": "I", "s1:3": "I"}


def test_a_change_that_was_made_already_asks_for_nothing(olli: Any) -> None:
    held = olli.held(quantity=3, sold=3)
    olli.simulator.requests.clear()
    olli.provider.change(held, QUANTITY)
    assert [route.split()[0] for route in routes(olli)] == ["GET"]


def test_a_number_that_was_used_is_not_used_again(olli: Any) -> None:
    held = olli.held(quantity=1, sold=2)
    olli.provider.change(held, QUANTITY)
    olli.provider.change(replace(held, quantity=2), QUANTITY)
    assert [one["externalReference"] for one in olli.live()] == ["s1:1", "s1:3"]


def test_licences_that_somebody_made_by_hand_are_left_alone(olli: Any) -> None:
    held = olli.held(quantity=1, sold=2)
    account = olli.simulator.account
    by_hand = replace(next(iter(account.licences)), id="lic_hand", reference="made at the portal")
    account.licences.write(by_hand.id, by_hand)
    account.by_subscription[by_hand.subscription].append(by_hand.id)
    olli.provider.change(held, QUANTITY)
    assert {one["id"] for one in olli.live()} >= {"lic_hand"}
    assert len(olli.live()) == 2


def test_a_change_of_which_nothing_was_applied_says_so(olli: Any) -> None:
    held = olli.held(quantity=3, sold=1)
    olli.simulator.faults.next(Fault.RATE_LIMIT, method="POST")
    with pytest.raises(errors.RateLimited):
        olli.provider.change(held, QUANTITY)


def test_a_change_that_breaks_off_tells_what_was_reached(olli: Any) -> None:
    held = olli.held(quantity=3, sold=1)
    olli.simulator.faults.next(None, Fault.DROP_AFTER, method="POST")
    with pytest.raises(errors.Partial) as caught:
        olli.provider.change(held, QUANTITY)
    assert isinstance(caught.value.failed, errors.OutcomeUnknown)
    assert caught.value.remote_user.subscriptions[0].quantity == 2


def test_a_subscription_that_was_ended_at_olli_is_not_found(olli: Any) -> None:
    held = olli.held(quantity=3, sold=1)
    olli.provider.cancel(held)
    with pytest.raises(errors.NotFound):
        olli.provider.change(held, QUANTITY)


def test_a_listing_that_lags_behind_what_our_own_table_heard_is_not_believed(olli: Any) -> None:
    held = olli.held(quantity=3, sold=1)
    (first,) = olli.live()
    fresh = {"status": Status.ACTIVE, "changed_at": olli.clock.now()}
    kept = {"licences": [Unit("s1:1", id=first["id"], **fresh), Unit("s1:2", id="lic_unseen", **fresh)]}
    olli.provider.change(replace(held, kept=kept), QUANTITY)
    assert [one["externalReference"] for one in olli.live()] == ["s1:1", "s1:3"]
    olli.clock.advance(seconds=31)  # by now it would be listed
    olli.provider.change(replace(held, kept=kept), QUANTITY)
    assert [one["externalReference"] for one in olli.live()] == ["s1:1", "s1:3", "s1:4"]


# -- blocking


@pytest.mark.parametrize("cascades", [True, False])
def test_blocking_stops_the_subscription_and_every_licence(olli: Any, cascades: bool) -> None:
    held = olli.held(quantity=2)
    olli.simulator.account.cascades = cascades
    for _ in range(2):
        olli.provider.block(held, OVERDUE)
        assert {one["status"] for one in (*olli.live(), *olli.state("subscriptions"))} == {"BLOCKED"}
    for _ in range(2):
        olli.provider.unblock(held)
        assert {one["status"] for one in (*olli.live(), *olli.state("subscriptions"))} == {"ACTIVE"}


def test_licences_that_follow_their_subscription_are_not_blocked_one_by_one(olli: Any) -> None:
    held = olli.held(quantity=3)
    olli.simulator.requests.clear()
    olli.provider.block(held, OVERDUE)
    assert [route.split()[0] for route in routes(olli)] == ["PATCH", "GET"]


# -- cancelling


def test_cancelling_ends_every_licence_and_the_subscription_and_leaves_the_customer(olli: Any) -> None:
    held = olli.held(quantity=2)
    olli.provider.cancel(held)
    assert (olli.live(), olli.state("subscriptions")[0]["status"], len(olli.state("customers"))) == ([], "CANCELLED", 1)


@pytest.mark.parametrize("step", ["block", "cancel"])
def test_a_licence_that_is_there_twice_has_no_access_left_by_either(olli: Any, step: str) -> None:
    olli.simulator.account.cascades = False
    held = olli.held()
    olli.provider.licences.create(held.remote_id, Unit("s1:1"), olli.clock.now())
    (olli.provider.cancel if step == "cancel" else lambda sold: olli.provider.block(sold, OVERDUE))(held)
    assert "ACTIVE" not in {one["status"] for one in olli.live()}


def test_cancelling_twice_is_not_found_and_harms_nothing(olli: Any) -> None:
    held = olli.held()
    olli.provider.cancel(held)
    with pytest.raises(errors.NotFound):
        olli.provider.cancel(held)


def test_a_subscription_whose_id_is_not_known_is_cancelled_by_our_reference(olli: Any) -> None:
    olli.made("s1")
    olli.made("s2")
    olli.provider.cancel(olli.sold("s2"))
    assert [one["externalReference"] for one in olli.live()] == ["s1:1"]


# -- looking up


def test_a_subscription_is_found_by_our_reference_with_its_licences(olli: Any) -> None:
    customer, id = olli.made(quantity=2)
    user = olli.provider.find_user(olli.sold(quantity=2))
    entry = user.subscription("s1")
    assert (user.remote_id, user.reference, entry.remote_id) == (customer, "a1", id)
    assert (entry.quantity, entry.status, len(licences_of(user))) == (2, Observed.ACTIVE, 2)


def test_a_customer_without_the_subscription_is_found_in_fn(olli: Any) -> None:
    customer, _ = olli.made("s1")
    user = olli.provider.find_user(olli.sold("s2"))
    assert (user.remote_id, user.reference, user.subscriptions) == (customer, "a1", ())


def test_a_subscription_whose_id_is_known_is_not_searched_for(olli: Any) -> None:
    held = olli.held(quantity=2)
    olli.simulator.requests.clear()
    assert olli.provider.find_user(held).subscription("s1").quantity == 2
    assert len(routes(olli)) == 1


def test_a_subscription_that_is_gone_is_told_as_cancelled(olli: Any) -> None:
    held = replace(olli.held(), remote_id="sub_none")
    assert olli.provider.find_user(held).subscription("s1").status is Observed.CANCELLED


def test_customers_are_listed_with_what_the_most_active_subscription_of_each_is(olli: Any) -> None:
    held = olli.held("s1")
    olli.made("s2")
    olli.provider.block(held, OVERDUE)
    (user,) = olli.provider.list_users(None)
    assert (user.status, len(user.subscriptions)) == (Observed.ACTIVE, 2)
    assert list(olli.provider.list_users(Observed.BLOCKED)) == []


# -- the account


def test_a_client_that_may_do_nothing_is_told_from_wrong_credentials(olli: Any) -> None:
    olli.simulator.access.forbidden = {olli.simulator.credentials["client_id"]}
    with pytest.raises(errors.AuthenticationFailed) as caught:
        olli.provider.check_connection()
    assert caught.value.cause is errors.AuthenticationCause.PERMISSION
    olli.simulator.accept({"client_secret": "another"})  # pragma: allowlist secret: an invented word
    olli.simulator.access.tokens.revoke()
    with pytest.raises(errors.AuthenticationFailed) as caught:
        olli.provider.check_connection()
    assert caught.value.cause is errors.AuthenticationCause.CREDENTIALS


def test_each_client_has_an_account_of_its_own(olli: Any) -> None:
    olli.made()
    other = {"client_id": "olli.oa2-client.other"}
    olli.simulator.accept({}, other)
    assert olli.simulator.account_of(other["client_id"]).state(other["client_id"])["customers"] == []
    assert {one["account"] for one in olli.state("licences")} == {olli.simulator.credentials["client_id"]}
