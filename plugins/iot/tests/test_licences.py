"""Licences from the command line: listed, added, replaced, cancelled; and what an import does to them."""

from __future__ import annotations

from typing import Any

import pytest
from svahub.testing import Fault

LICENCES = ("iot", "licences")


@pytest.fixture
def shop(isp: Any) -> Any:
    """Return an ISP that has sold a contract with two licences."""
    isp.sell(2)
    return isp


def do(isp: Any, command: str, *arguments: str, code: int = 0) -> Any:
    yes = () if command == "add" else ("--yes",)
    return isp.told(*LICENCES, command, "C1", *arguments, *yes, code=code)


def agree(isp: Any) -> None:
    """See that Olli, our own table and the contract tell of the same licences."""
    theirs = {one["id"]: one["externalReference"] for one in isp.live()}
    ours = {row["licence"]: row["reference"] for row in isp.rows("A", "B")}
    assert theirs == ours
    assert len(theirs) == isp.sold["quantity"]
    assert not isp.rows("P")


def test_a_sale_is_listed_with_what_olli_calls_each_licence(shop: Any) -> None:
    assert [(row["status"], row["code"][:4], row["device"]) for row in shop.rows()] == [("A", "OLLI", None)] * 2
    agree(shop)


def test_a_licence_is_shown_with_olli_s_ids(shop: Any) -> None:
    row = shop.rows()[0]
    shown = shop.told(*LICENCES, "show", "C1", row["code"])
    (customer,), (subscription,) = shop.olli.state()["customers"], shop.olli.state()["subscriptions"]
    assert (shown["customer"], shown["subscription"]) == (customer["id"], subscription["id"])
    assert (shown["licence"], shown["integration"]) == (row["licence"], "casa")


def test_a_contract_or_licence_that_is_not_there_is_refused_with_where_to_look(shop: Any) -> None:
    assert "contracts list" in shop.invoke(*LICENCES, "list", "C9", code=1).output
    assert "svahub iot licences list C1" in shop.invoke(*LICENCES, "show", "C1", "nothing", code=1).output


# -- adding


def test_devices_are_added_with_their_serials_and_the_contract_has_so_many_more(shop: Any) -> None:
    added = do(shop, "add", "SN-1", "SN-2", "--description", "Portão")
    assert [(row["device"], row["status"]) for row in added["licences"]] == [("SN-1", "A"), ("SN-2", "A")]
    assert [one["device"] for one in shop.live()] == [None, None, "SN-1", "SN-2"]
    assert {one["description"] for one in shop.live()} == {"Licença 1", "Licença 2", "Portão"}
    agree(shop)


def test_a_device_that_has_a_licence_is_not_added_again(shop: Any) -> None:
    do(shop, "add", "SN-1")
    assert "SN-1 has a licence already" in shop.invoke(*LICENCES, "add", "C1", "SN-1", code=1).output
    agree(shop)


@pytest.mark.parametrize("serial", ["", " ", "x" * 201, "SN\n1"])
def test_what_is_no_serial_is_refused(shop: Any, serial: str) -> None:
    refused = shop.invoke(*LICENCES, "add", "C1", serial, code=1).output
    assert "A serial has 1 to 200 characters" in refused
    assert (
        "A serial" in shop.invoke(*LICENCES, "replace", "C1", shop.rows()[0]["licence"], serial, "--yes", code=1).output
    )
    agree(shop)


def test_a_description_is_one_line(shop: Any) -> None:
    assert "one line" in shop.invoke(*LICENCES, "add", "C1", "SN-1", "--description", "a\nb", code=1).output
    agree(shop)


def test_a_device_that_olli_refuses_waits_for_a_person_while_the_others_are_added(shop: Any) -> None:
    shop.olli.account.refused_devices = frozenset({"SN-2"})
    added = do(shop, "add", "SN-1", "SN-2", "SN-3", code=4)
    assert {row["device"]: row["status"] for row in added["licences"]} == {"SN-1": "A", "SN-2": "P", "SN-3": "A"}
    assert "device_refused" in shop.rows("P")[0]["cause"]
    assert "operations retry" in added["operations"][0]["advice"]


def test_a_refused_device_that_is_let_go_leaves_nothing_waiting(shop: Any) -> None:
    shop.olli.account.refused_devices = frozenset({"SN-2"})
    do(shop, "add", "SN-1", "SN-2", code=4)
    do(shop, "cancel", "SN-2")
    assert (shop.sold["state"], shop.sold["quantity"]) == ("settled", 3)
    agree(shop)


def test_a_refused_device_is_replaced_by_another(shop: Any) -> None:
    shop.olli.account.refused_devices = frozenset({"SN-2"})
    do(shop, "add", "SN-2", code=4)
    do(shop, "replace", "SN-2", "SN-9")
    assert shop.live()[-1]["device"] == "SN-9"
    assert shop.sold["state"] == "settled"
    agree(shop)


def test_more_licences_than_were_bought_wait_for_a_person_and_are_added_afterwards(shop: Any) -> None:
    shop.olli.account.stock = 3
    added = do(shop, "add", "SN-1", "SN-2", code=4)
    assert "buy more licences" in added["operations"][0]["advice"]
    shop.olli.account.stock = None
    shop.invoke("operations", "retry", str(added["operations"][0]["operation"]))
    agree(shop)


def test_nothing_is_added_to_what_is_not_sold(isp: Any) -> None:
    isp.sell(1, "C1", "P1", {"code": "9", "product_code": "NET"})
    assert "Nothing of IoT is sold" in isp.invoke(*LICENCES, "add", "C1", "SN-1", code=1).output


def test_of_several_items_one_is_named(isp: Any) -> None:
    items = [{"code": code, "product_code": "CAM", "quantity": 1} for code in ("1", "2")]
    isp.sell(1, "C1", "P1", *items)
    assert "name one with --item" in isp.invoke(*LICENCES, "add", "C1", "SN-1", code=1).output
    added = do(isp, "add", "SN-1", "--item", "2")
    assert added["licences"][0]["item"] == "2"
    assert len(isp.olli.state()["customers"]) == 1


def test_a_device_is_added_while_the_contract_is_blocked_once_it_is_unblocked(shop: Any) -> None:
    shop.invoke("block", "C1", "--yes")
    do(shop, "add", "SN-1", "--no-wait")
    shop.work()
    assert len(shop.live()) == 2
    shop.invoke("unblock", "C1")
    shop.work()
    agree(shop)


# -- cancelling


def test_a_named_licence_is_cancelled_and_no_other(shop: Any) -> None:
    first, second = shop.rows()
    done = do(shop, "cancel", first["licence"])
    assert [one["id"] for one in shop.live()] == [second["licence"]]
    assert (done["licences"][0]["status"], shop.sold["quantity"]) == ("I", 1)
    agree(shop)


def test_the_last_licence_goes_with_its_item_only(shop: Any) -> None:
    both = [row["licence"] for row in shop.rows()]
    told = shop.invoke(*LICENCES, "cancel", "C1", *both, "--yes", code=1).output
    assert "svahub cancel C1 --item 1" in told
    agree(shop)


def test_a_licence_that_is_being_cancelled_is_not_cancelled_twice(shop: Any) -> None:
    first = shop.rows()[0]["licence"]
    do(shop, "cancel", first, "--no-wait")
    assert "being cancelled already" in shop.invoke(*LICENCES, "cancel", "C1", first, "--yes", code=1).output
    shop.work()
    assert "has ended" in shop.invoke(*LICENCES, "cancel", "C1", first, "--yes", code=1).output
    agree(shop)


def test_one_that_leaves_while_another_comes_is_exchanged_although_the_quantity_stays(shop: Any) -> None:
    first = shop.rows()[0]["licence"]
    do(shop, "cancel", first, "--no-wait")
    do(shop, "add", "SN-1", "--no-wait")
    shop.work()
    assert (first in {one["id"] for one in shop.live()}, shop.live()[-1]["device"]) == (False, "SN-1")
    agree(shop)


def test_a_named_licence_goes_although_an_import_wants_as_many_as_before(shop: Any) -> None:
    first = shop.rows()[0]["licence"]
    do(shop, "cancel", first, "--no-wait")
    shop.invoke("change", "C1", "--quantity", "2", "--no-wait")
    shop.work()
    assert first not in {one["id"] for one in shop.live()}
    agree(shop)


def test_a_licence_is_cancelled_while_the_contract_is_blocked(shop: Any) -> None:
    shop.invoke("block", "C1", "--yes")
    do(shop, "cancel", shop.rows()[0]["licence"], code=0)
    assert [one["status"] for one in shop.live()] == ["BLOCKED"]
    shop.invoke("unblock", "C1")
    agree(shop)


# -- replacing


def test_a_device_is_replaced_by_another_and_the_quantity_stays(shop: Any) -> None:
    do(shop, "add", "SN-1")
    done = do(shop, "replace", "SN-1", "SN-2", "--description", "Sala")
    assert [(row["device"], row["status"]) for row in done["licences"]] == [("SN-1", "I"), ("SN-2", "A")]
    assert shop.live()[-1]["device"] == "SN-2"
    agree(shop)


def test_a_device_comes_back_under_a_licence_of_its_own(shop: Any) -> None:
    do(shop, "add", "SN-1")
    do(shop, "replace", "SN-1", "SN-2")
    do(shop, "replace", "SN-2", "SN-1")
    assert [one["device"] for one in shop.live()] == [None, None, "SN-1"]
    agree(shop)


def test_a_replacement_while_blocked_is_blocked_too(shop: Any) -> None:
    do(shop, "add", "SN-1")
    shop.invoke("block", "C1", "--yes")
    do(shop, "replace", "SN-1", "SN-2")
    assert {one["status"] for one in shop.live()} == {"BLOCKED"}
    assert {row["status"] for row in shop.rows("A", "B")} == {"B"}


def test_a_replacement_while_blocked_is_blocked_though_it_was_cut_off_before_that(shop: Any) -> None:
    shop.olli.account.cascades = False
    shop.invoke("block", "C1", "--yes")
    shop.olli.faults.next(Fault.DROP_AFTER, method="POST", path="/subscriptions/")
    do(shop, "replace", shop.rows()[0]["licence"], "SN-1", "--no-wait")
    shop.work(rounds=5)
    assert {one["status"] for one in shop.live()} == {"BLOCKED"}
    assert [task["state"] for task in shop.told("tasks", "list")] == ["settled"]


def test_a_replacement_is_cancelled_while_the_contract_is_blocked(shop: Any) -> None:
    do(shop, "replace", shop.rows()[0]["licence"], "SN-1")
    shop.invoke("block", "C1", "--yes")
    do(shop, "cancel", "SN-1")
    assert [one["device"] for one in shop.live()] == [None]
    shop.invoke("unblock", "C1")
    agree(shop)


def test_a_replacement_that_olli_refuses_is_replaced_and_leaves_nothing_waiting(shop: Any) -> None:
    shop.olli.account.refused_devices = frozenset({"SN-1"})
    do(shop, "replace", shop.rows()[0]["licence"], "SN-1", code=4)
    do(shop, "replace", "SN-1", "SN-2")
    assert [one["device"] for one in shop.live()] == [None, "SN-2"]
    agree(shop)
    assert [task["state"] for task in shop.told("tasks", "list")] == ["settled"] * 2


# -- beside imports


def test_an_import_that_says_what_it_said_before_takes_no_device_away(shop: Any) -> None:
    do(shop, "add", "SN-1")
    shop.sell(2)
    assert len(shop.live()) == 3
    agree(shop)


def test_an_import_with_another_quantity_is_a_new_word(shop: Any) -> None:
    do(shop, "add", "SN-1")
    shop.sell(4)
    assert len(shop.live()) == 4
    shop.sell(1)
    assert len(shop.live()) == 1
    agree(shop)


def test_devices_that_wait_are_the_first_that_an_import_with_fewer_takes_away(shop: Any) -> None:
    shop.olli.account.stock = 2
    do(shop, "add", "SN-1", code=4)
    shop.sell(1)
    assert [row["status"] for row in shop.rows()] == ["A", "I", "I"]
    agree(shop)


# -- for good


def test_a_cancelled_contract_has_no_licence_left(shop: Any) -> None:
    shop.invoke("cancel", "C1", "--yes")
    assert (shop.live(), {row["status"] for row in shop.rows()}) == ([], {"I"})


def test_a_contract_that_is_sold_again_has_new_licences(shop: Any) -> None:
    shop.invoke("cancel", "C1", "--yes")
    shop.invoke("activate", "C1")
    assert (len(shop.live()), len(shop.olli.state()["customers"])) == (2, 1)
    assert [row["status"] for row in shop.rows()].count("A") == 2


# -- what FN sells


def test_items_are_searched_by_what_they_are_called_whatever_the_accents(shop: Any) -> None:
    found = shop.told("iot", "items", "search", "camera")
    assert {(item["code"], tuple(item["products"])) for item in found} == {("CAM-INT", ("CAM",)), ("CAM-EXT", ())}
    assert "nothing" in shop.invoke("iot", "items", "search", "geladeira").output


# -- personal data


def test_devices_of_a_customer_are_exported_and_forgotten(shop: Any) -> None:
    do(shop, "add", "SN-1", "--description", "Portão da Ana")
    shop.invoke("cancel", "C1", "--yes")
    exported = shop.told("customers", "export", "P1")
    assert "Portão da Ana" in str(exported)
    shop.invoke("customers", "erase", "P1", "--yes")
    assert {(row["device"], row["description"]) for row in shop.rows()} == {(None, None)}


def test_what_olli_said_of_an_erased_customers_device_is_forgotten(shop: Any) -> None:
    shop.olli.account.refused_devices = frozenset({"SN-1"})
    do(shop, "add", "SN-1", code=4)
    do(shop, "cancel", "SN-1")
    shop.invoke("cancel", "C1", "--yes")
    before = {row["cause"] for row in shop.rows()}
    shop.invoke("customers", "erase", "P1", "--yes")
    assert (len(before), {row["cause"] for row in shop.rows()}) == (2, {None})


def test_no_document_stands_in_the_audit_of_the_lookup(shop: Any) -> None:
    said = shop.invoke("audit", "list", "--json").output
    assert "700000001" not in said
