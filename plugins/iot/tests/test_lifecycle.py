"""A contract's licences through the core: sold, blocked, cancelled; found and adopted; killed in between; masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from svahub.desk import Desk
from svahub.fleet import Fleet
from svahub.testing import Fault
from svahub_iot.simulator.account import Status

DOCUMENT = "700000001"  # the first nine digits of the only customer's CPF


def statuses(isp: Any) -> set[str]:
    return {one["status"] for one in isp.live()}


def test_a_sale_blocked_unblocked_and_cancelled_is_the_same_at_olli_and_in_our_table(isp: Any) -> None:
    isp.sell(3)
    assert ({row["status"] for row in isp.rows()}, statuses(isp)) == ({"A"}, {"ACTIVE"})
    isp.invoke("block", "C1", "--yes")
    assert ({row["status"] for row in isp.rows()}, statuses(isp)) == ({"B"}, {"BLOCKED"})
    isp.invoke("unblock", "C1")
    assert ({row["status"] for row in isp.rows()}, statuses(isp)) == ({"A"}, {"ACTIVE"})
    isp.invoke("cancel", "C1", "--yes")
    assert ({row["status"] for row in isp.rows()}, isp.live()) == ({"I"}, [])


def test_items_and_contracts_of_one_customer_at_the_same_time_make_one_customer_at_olli(isp: Any) -> None:
    for contract in ("C1", "C2"):
        items = [{"code": code, "product_code": "CAM", "quantity": 1} for code in ("1", "2", "3")]
        isp.take_in(1, contract, "P1", *items)
    with isp.worker(8) as one, isp.worker(8) as other:
        one.drain()
        other.drain()
    state = isp.olli.state()
    assert (len(state["customers"]), len(state["subscriptions"]), len(isp.live())) == (1, 6, 6)


@pytest.mark.parametrize("route", ["/customers", "/subscriptions/"])
def test_what_was_made_without_an_answer_is_there_once_although_lookups_lag(isp: Any, route: str) -> None:
    isp.olli.timings.lag_seconds = 25
    isp.olli.faults.next({Fault.LAG, Fault.ERROR_AFTER}, method="POST", path=route)
    isp.sell(2)
    isp.work(10)
    state = isp.olli.state()
    assert (len(state["customers"]), len(state["subscriptions"]), len(isp.live())) == (1, 1, 2)
    assert isp.sold["state"] == "settled"


def test_a_block_without_an_answer_is_undone_on_every_licence_although_lookups_lag(isp: Any) -> None:
    isp.sell(2)
    isp.work(10)
    isp.olli.account.cascades = False
    isp.olli.timings.lag_seconds = 25
    isp.olli.faults.next(None, frozenset({Fault.LAG, Fault.ERROR_AFTER}), method="PATCH")
    with isp.worker() as worker:
        for verb in (("block", "--yes"), ("unblock",)):
            isp.invoke(verb[0], "C1", "--no-wait", *verb[1:])
            worker.drain()
    isp.work(3)
    assert (statuses(isp), isp.sold["state"]) == ({"ACTIVE"}, "settled")


@pytest.mark.parametrize(("verb", "back"), [("block", "unblock"), ("unblock", "block")])
def test_a_level_that_broke_off_after_its_first_call_and_is_not_wanted_any_more_is_undone(
    isp: Any, verb: str, back: str
) -> None:
    isp.sell(1)
    if verb == "unblock":
        isp.invoke("block", "C1", "--yes")
    wanted = statuses(isp)
    isp.olli.faults.next(Fault.DROP, method="GET", path="/subscriptions/")
    with isp.worker() as worker:
        for asked in (verb, back):
            isp.invoke(asked, "C1", "--no-wait", *(["--yes"] if asked == "block" else []))
            worker.turn()
            worker.turn()
    isp.work(3)
    assert (statuses(isp), isp.sold["state"]) == (wanted, "settled")
    assert {sold["status"] for sold in isp.olli.state()["subscriptions"]} == wanted


@pytest.mark.parametrize("lag", [0, 25])
def test_killed_between_two_licences_no_licence_is_made_twice(isp: Any, lag: int) -> None:
    isp.olli.timings.lag_seconds = lag
    licences = [frozenset({Fault.LAG}), frozenset({Fault.LAG, Fault.DROP_AFTER})]
    isp.olli.faults.next(*licences, method="POST", path="/subscriptions")
    isp.take_in(4)
    fleet = Fleet(isp.hub.registry, isp.clock, [isp.tenant], isp.hub.store)
    doomed = Desk(isp.hub.store, fleet, isp.clock, lambda: 0.5)
    (taken,), _ = doomed.take(10)
    taken.carried_out()  # and here it is killed: nobody writes what came of it
    assert len(isp.live()) == 2
    isp.clock.advance(seconds=16)  # its lease ends
    isp.work(10)
    references = [one["externalReference"] for one in isp.live()]
    assert (len(references), len(set(references)), isp.sold["state"]) == (4, 4, "settled")
    assert {row["reference"] for row in isp.rows("A")} == set(references)


def test_licences_that_failed_are_shown_with_why_and_made_when_that_is_mended(isp: Any) -> None:
    isp.olli.account.stock = 1
    isp.sell(3)
    assert [row["status"] for row in isp.rows()] == ["A", "P", "P"]
    assert "no free licence" in isp.rows("P")[0]["cause"]
    parked = isp.told("operations", "list")[-1]
    assert "buy more licences" in parked["advice"]
    isp.olli.account.stock = None
    isp.invoke("operations", "retry", str(parked["id"]))
    assert [row["status"] for row in isp.rows()] == ["A", "A", "A"]


def test_a_sale_of_which_no_licence_could_be_made_is_given_up_whole(isp: Any) -> None:
    isp.olli.account.stock = 0
    isp.sell(1)
    parked = isp.told("operations", "list")[-1]
    isp.invoke("operations", "discard", str(parked["id"]), "--note", "sold out")
    isp.work()
    assert (isp.sold["desired"], isp.sold["observed"], isp.live()) == ("CANCELLED", "CANCELLED", [])


def test_a_customer_whom_the_isp_made_by_hand_is_adopted_where_the_settings_say_so(isp: Any) -> None:
    isp.sell(1)
    account = isp.olli.account
    (customer,) = account.customers
    account.customers.write(customer.id, replace(customer, reference="made at the portal"))
    isp.office.integrations.set("casa", settings={"adopt": "link"})
    isp.sell(1, "C2", "P2")
    theirs = replace(next(one for one in account.customers if one.id != customer.id), reference="by hand")
    account.customers.write(theirs.id, theirs)
    isp.invoke("cancel", "C2", "--yes")
    isp.invoke("activate", "C2")
    isp.work()
    assert (len(isp.olli.state()["customers"]), len(isp.live())) == (2, 2)


def test_a_customer_whom_the_isp_made_by_hand_waits_for_a_person_otherwise(isp: Any) -> None:
    isp.sell(1)
    isp.invoke("cancel", "C1", "--yes")
    account = isp.olli.account
    (customer,) = account.customers
    account.customers.write(customer.id, replace(customer, reference="by hand"))
    isp.invoke("activate", "C1", code=4)
    newest = isp.told("operations", "list")[-1]
    assert "--adopt" in newest["advice"]
    isp.invoke("operations", "retry", str(newest["id"]), "--adopt")
    assert (len(isp.olli.state()["customers"]), len(isp.live())) == (1, 1)


def test_a_subscription_that_was_ended_at_olli_by_hand_waits_for_a_person(isp: Any) -> None:
    isp.sell(1)
    account = isp.olli.account
    (sold,) = account.subscriptions
    account.subscriptions.write(sold.id, replace(sold, status=Status.CANCELLED))
    isp.invoke("change", "C1", "--quantity", "2", code=4)
    assert "vanished" in isp.sold["cause"]


def test_a_plan_cannot_change_and_that_is_said_when_it_is_asked(isp: Any) -> None:
    isp.sell(1)
    told = isp.invoke("change", "C1", "--plan", isp.items["Câmera externa"], code=1).output
    assert "cannot change the plan" in told


def test_customers_are_listed_as_olli_has_them(isp: Any) -> None:
    isp.sell(1)
    isp.invoke("block", "C1", "--yes")
    (user,) = isp.told("users", "list", "casa", "--status", "blocked")
    assert user["remote_id"] == isp.olli.state()["customers"][0]["id"]


def test_nobodys_document_stands_in_a_url_that_is_kept_nor_any_secret(isp: Any) -> None:
    isp.sell(1)
    history = isp.office.subscriptions.show(isp.sold["key"])
    said = str(history.exchanges)
    assert "/fn/customers?document=" in said
    assert DOCUMENT not in said
    assert isp.olli.credentials["client_secret"] not in said


def test_the_settings_say_what_an_erp_keeps_and_name_what_is_wrong(isp: Any) -> None:
    kept = {"platform": "olli", "login": "isp@example.com", "external_id": "4711"}
    isp.office.integrations.set("casa", settings=kept)
    shown = isp.told("integration", "show", "casa")
    assert {name: shown["settings"][name] for name in ("platform", "external_id")} == {
        "platform": "olli",
        "external_id": "4711",
    }
    told = isp.invoke("integration", "set", "casa", "--set", 'routes={"token": "oauth"}', code=1).output
    assert "a route begins with /" in told


def test_without_an_address_an_integration_is_refused_with_what_to_name(isp: Any) -> None:
    told = isp.invoke(
        "integration", "add", "outra", "--provider", "iot", "--environment", "production", "--set", "client_id=x",
        "--secret", "client_secret=env:IOT_VALUE_OF_TESTS", code=1,
    )  # fmt: skip
    assert "--base-url" in told.output
