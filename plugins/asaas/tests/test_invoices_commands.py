"""What is done about a charge from the command line: shown, cancelled, given back, paid at the counter, paid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

INVOICES = ("asaas", "invoices")


@pytest.fixture
def charge(isp: Any) -> dict[str, Any]:
    """Return the invoice of a contract that was charged."""
    (charged,) = isp.charge(1)
    return dict(charged)


def payment(isp: Any) -> dict[str, Any]:
    (only,) = isp.asaas.state()["payments"]
    return dict(only)


def do(isp: Any, command: str, id: object, *more: str, code: int = 0) -> str:
    return str(isp.invoke(*INVOICES, command, str(id), "--yes", *more, code=code).output)


def listened(isp: Any) -> None:
    """Read from Asaas what webhooks would have told."""
    isp.clock.advance(minutes=1)
    isp.invoke("asaas", "sync")


def test_an_invoice_is_shown_with_its_charge_and_its_task(isp: Any, charge: dict[str, Any]) -> None:
    shown = isp.told(*INVOICES, "show", str(charge["id"]))
    assert (shown["contract"], shown["value"], shown["status"]) == ("C1", "49.90", "PENDING")
    assert (shown["state"], shown["outcome"], shown["charge"]) == ("settled", "succeeded", payment(isp)["id"])
    assert shown["invoice_url"].startswith("https://")


def test_an_invoice_that_is_not_there_is_refused_with_where_to_look(isp: Any, charge: dict[str, Any]) -> None:
    assert "svahub asaas invoices list" in do(isp, "cancel", 99, code=1)


def test_an_invoice_is_also_found_by_its_charge_and_cancelled_once(isp: Any, charge: dict[str, Any]) -> None:
    assert isp.told(*INVOICES, "show", charge["charge"])["id"] == charge["id"]
    assert "svahub asaas invoices list" in do(isp, "cancel", "pay_none", code=1)
    done = isp.told(*INVOICES, "cancel", str(charge["id"]), charge["charge"], "--yes")
    assert len(done) == 1


def test_what_is_asked_about_a_charge_that_is_not_made_yet_is_refused(isp: Any) -> None:
    isp.sign(1)
    isp.invoke(*INVOICES, "create", "--yes", "--no-wait")
    (waiting,) = isp.told(*INVOICES, "list")
    assert "has no charge yet" in do(isp, "cancel", waiting["id"], code=1)


def test_a_list_can_be_of_one_month_or_one_contract(isp: Any, charge: dict[str, Any]) -> None:
    assert isp.told(*INVOICES, "list", "--month", "2026-12") == []
    assert len(isp.told(*INVOICES, "list", "--contract", "C1", "--month", "2026-11")) == 1
    assert "is no month" in isp.invoke(*INVOICES, "list", "--month", "11/2026", code=2).output


# -- cancelling


def test_a_charge_is_cancelled_once_and_then_said_to_be(isp: Any, charge: dict[str, Any]) -> None:
    do(isp, "cancel", charge["id"])
    assert payment(isp)["deleted"]
    assert "was cancelled" in do(isp, "cancel", charge["id"], code=1)


def test_a_charge_that_was_restored_at_asaas_can_be_cancelled_again(isp: Any, charge: dict[str, Any]) -> None:
    do(isp, "cancel", charge["id"])
    isp.asaas.between_requests(lambda: restore(isp))
    listened(isp)
    do(isp, "cancel", charge["id"])
    assert payment(isp)["deleted"]


def restore(isp: Any) -> None:
    from dataclasses import replace

    (one,) = isp.asaas.account.payments
    isp.asaas.account.keep_payment(replace(one, deleted=False), None)


def test_a_paid_charge_is_not_cancelled_and_it_is_said_what_can_be_done(isp: Any, charge: dict[str, Any]) -> None:
    isp.asaas.pay(payment(isp)["id"])
    listened(isp)
    told = do(isp, "cancel", charge["id"], code=1)
    assert "is paid (RECEIVED)" in told
    assert f"svahub asaas invoices refund {charge['id']}" in told
    assert isp.told("tasks", "list", "--kind", "charge.cancel") == []


def test_a_payment_that_is_not_known_yet_keeps_a_charge_from_being_cancelled_too(
    isp: Any, charge: dict[str, Any]
) -> None:
    isp.asaas.pay(payment(isp)["id"])
    assert "pendentes ou vencidas" in do(isp, "cancel", charge["id"], code=4)
    assert not payment(isp)["deleted"]


# -- giving back, and the counter


def test_a_payment_is_given_back_once(isp: Any, charge: dict[str, Any]) -> None:
    isp.asaas.pay(payment(isp)["id"])
    for _ in range(2):
        do(isp, "refund", charge["id"])
    assert payment(isp)["status"] == "REFUNDED"
    assert len(payment(isp)["refunds"]) == 1
    assert isp.told(*INVOICES, "list")[0]["status"] == "REFUNDED"


def test_a_payment_whose_refund_was_undone_is_given_back_when_that_is_asked_again(
    isp: Any, charge: dict[str, Any]
) -> None:
    isp.asaas.pay(payment(isp)["id"])
    do(isp, "refund", charge["id"])
    book = isp.asaas.account.payments
    (refunded,) = book
    isp.asaas.between_requests(lambda: book.write(refunded.id, replace(refunded, status="RECEIVED", refunds=())))
    listened(isp)
    do(isp, "refund", charge["id"])
    assert payment(isp)["status"] == "REFUNDED"


def test_a_part_is_given_back_once_and_another_part_too(isp: Any, charge: dict[str, Any]) -> None:
    isp.asaas.pay(payment(isp)["id"])
    for part in ("9.90", "9.90", "10,00"):
        do(isp, "refund", charge["id"], "--value", part)
    assert [one["value"] for one in payment(isp)["refunds"]] == [9.9, 10.0]
    assert payment(isp)["status"] == "RECEIVED"


def test_what_was_paid_at_the_counter_is_noted_once(isp: Any, charge: dict[str, Any]) -> None:
    do(isp, "receive-in-cash", charge["id"], "--on", "2026-11-20", "--value", "40.00")
    assert (payment(isp)["status"], payment(isp)["paymentDate"]) == ("RECEIVED_IN_CASH", "2026-11-20")
    assert payment(isp)["value"] == 40
    assert "is paid (RECEIVED_IN_CASH)" in do(isp, "receive-in-cash", charge["id"], code=1)


def test_at_the_counter_the_whole_is_paid_today_unless_it_is_said(isp: Any, charge: dict[str, Any]) -> None:
    do(isp, "receive-in-cash", charge["id"])
    assert (payment(isp)["value"], payment(isp)["paymentDate"]) == (49.9, "2026-11-23")


def test_what_was_noted_at_the_counter_is_taken_back_and_can_be_noted_again(isp: Any, charge: dict[str, Any]) -> None:
    for _ in range(2):
        do(isp, "receive-in-cash", charge["id"], "--value", "40.00")
        do(isp, "undo-cash", charge["id"])
        assert (payment(isp)["status"], payment(isp)["value"]) == ("PENDING", 49.9)
    assert isp.told(*INVOICES, "list")[0]["status"] == "PENDING"


def test_what_was_paid_at_the_counter_is_not_asaass_to_give_back_and_each_advice_is_of_use(
    isp: Any, charge: dict[str, Any]
) -> None:
    do(isp, "receive-in-cash", charge["id"])
    for command in ("refund", "cancel", "receive-in-cash"):
        assert f"svahub asaas invoices undo-cash {charge['id']}" in do(isp, command, charge["id"], code=1)
    assert isp.told("tasks", "list", "--kind", "charge.refund") == []


def test_only_what_was_noted_at_the_counter_is_taken_back(isp: Any, charge: dict[str, Any]) -> None:
    assert "was not paid at the counter: it is PENDING" in do(isp, "undo-cash", charge["id"], code=1)


# -- paying


def test_a_pix_is_a_code_to_copy_a_picture_in_the_terminal_or_a_file(
    isp: Any, charge: dict[str, Any], tmp_path: Path
) -> None:
    picture = tmp_path / "pix.png"
    code = isp.told(*INVOICES, "pix", str(charge["id"]))["payload"]
    assert code.startswith("000201")
    drawn = isp.invoke(*INVOICES, "pix", str(charge["id"])).stdout
    assert drawn.rstrip().endswith(code)
    assert "█" in drawn or "▄" in drawn
    alone = isp.invoke(*INVOICES, "pix", str(charge["id"]), "--png", str(picture))
    assert alone.stdout == f"{code}\n"
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_boleto_is_a_line_to_type_and_a_bar_code(isp: Any, charge: dict[str, Any]) -> None:
    told = isp.told(*INVOICES, "boleto", str(charge["id"]))
    assert (len(told["identification_field"]), len(told["bar_code"])) == (47, 44)


def test_a_pix_has_no_boleto_and_asaas_says_so(isp: Any) -> None:
    isp.set(billing_type="PIX")
    (charged,) = isp.charge(1)
    told = isp.invoke(*INVOICES, "boleto", str(charged["id"]), code=1)
    assert "invalid_action" in told.output


# -- which integration


def test_with_several_integrations_one_is_named(isp: Any) -> None:
    isp.add("second")
    isp.sign(1)
    assert "There are several: bill, second" in isp.invoke(*INVOICES, "create", "--yes", code=1).output
    isp.invoke(*INVOICES, "create", "--yes", "--integration", "second")
    told = isp.told(*INVOICES, "create", "--yes", "--integration", "bill")
    assert told["left"] == {"it was charged for this month": 1}
    assert "Did you mean" in isp.invoke(*INVOICES, "create", "--integration", "seconds", code=1).output
