"""Charges of Asaas's simulator: made, paid, overdue, given back, and how they can be paid."""

from __future__ import annotations

from base64 import b64decode
from binascii import crc_hqx
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.testing import Fault, Problem
from svahub_asaas.simulator.slip import bar_code, modulo_10, typed_line
from svahub_asaas.simulator.terms import Terms

DOCUMENTED_ORDER = (
    "object id dateCreated customer checkoutSession paymentLink value netValue originalValue interestValue description "
    "billingType canBePaidAfterDueDate pixTransaction status dueDate originalDueDate paymentDate clientPaymentDate "
    "installmentNumber invoiceUrl invoiceNumber externalReference deleted anticipated anticipable creditDate "
    "estimatedCreditDate transactionReceiptUrl nossoNumero bankSlipUrl lastInvoiceViewedDate lastBankSlipViewedDate "
    "discount fine interest postalService escrow refunds"
)


@pytest.fixture
def customer(http):
    return http.post("/customers", json={"name": "Ana Inventada", "cpfCnpj": "52998224725"}).json()["id"]


@pytest.fixture
def charge(http, simulator, customer):
    def made(billing_type="BOLETO", value=49.9, due=0, **more):
        body = {"customer": customer, "billingType": billing_type, "value": value, **more}
        return http.post("/payments", json={**body, "dueDate": day(simulator, due)}).json()

    return made


def day(simulator, days=0):
    return (simulator.today + timedelta(days=days)).isoformat()


def codes(answer):
    return answer.status_code, [error["code"] for error in answer.json()["errors"]]


def test_a_boleto_is_told_in_the_documented_order(charge):
    payment = charge()
    assert " ".join(payment) == DOCUMENTED_ORDER
    assert (payment["status"], payment["netValue"], payment["refunds"]) == ("PENDING", 47.91, None)
    assert payment["estimatedCreditDate"] is None


def test_a_pix_has_no_boleto_and_costs_the_same_fee(charge):
    payment = charge("PIX")
    assert "canBePaidAfterDueDate" not in payment
    assert (payment["nossoNumero"], payment["bankSlipUrl"], payment["netValue"]) == (None, None, 47.91)


def test_an_empty_charge_is_refused_for_its_customer_alone(http):
    assert codes(http.post("/payments", json={})) == (400, ["invalid_customer"])


def test_the_rest_of_what_is_wrong_with_a_charge_is_said_together(http, simulator, customer):
    yesterday = day(simulator, -1)
    answer = http.post("/payments", json={"customer": customer, "value": 1.999, "dueDate": yesterday})
    assert codes(answer) == (400, ["invalid_billingType", "invalid_dueDate", "invalid_value"])


def test_a_description_has_at_most_500_characters(http, simulator, customer):
    body = {"customer": customer, "billingType": "PIX", "value": 10, "dueDate": day(simulator)}
    assert codes(http.post("/payments", json={**body, "description": "x" * 501})) == (400, ["invalid_description"])


def test_one_reference_may_have_several_charges(http, charge):
    made = [charge(externalReference="r1")["id"] for _ in range(2)]
    found = http.get("/payments", params={"externalReference": "r1"}).json()["data"]
    assert [row["id"] for row in found] == made[::-1]


def test_charges_are_found_by_status_and_by_ranges_of_dates_even_after_they_changed(http, simulator, charge):
    first, second, third = (charge(due=days)["id"] for days in (0, 5, 10))
    simulator.pay(second)
    simulator.pay(first)

    def found(**query):
        return [row["id"] for row in http.get("/payments", params=query).json()["data"]]

    assert found(status="CONFIRMED") == [second, first]
    assert found(status="PENDING") == [third]
    assert found(**{"dueDate[ge]": day(simulator, 5)}) == [third, second]
    assert found(**{"dueDate[ge]": day(simulator, 5), "dueDate[le]": day(simulator, 9)}) == [second]
    assert found(**{"dateCreated[le]": day(simulator, -1)}) == []
    assert codes(http.get("/payments", params={"dueDate[ge]": "soon"})) == (400, ["invalid_dueDate"])


def test_a_pix_is_received_at_once(http, charge):
    payment = http.post(f"/sandbox/payment/{charge('PIX')['id']}/confirm").json()
    assert payment["status"] == "RECEIVED"
    assert payment["paymentDate"] == payment["clientPaymentDate"] == payment["creditDate"]
    assert payment["pixTransaction"] is not None


def test_a_boleto_is_confirmed_first_and_received_on_the_next_day(http, simulator, charge):
    payment = http.post(f"/sandbox/payment/{charge()['id']}/confirm").json()
    assert (payment["status"], payment["paymentDate"]) == ("CONFIRMED", None)
    assert (payment["clientPaymentDate"], payment["estimatedCreditDate"]) == (day(simulator), day(simulator, 1))
    simulator.advance()
    received = http.get(f"/payments/{payment['id']}").json()
    assert (received["status"], received["paymentDate"]) == ("RECEIVED", day(simulator))


def test_what_is_paid_cannot_be_paid_changed_or_deleted(http, simulator, charge):
    path = f"/payments/{charge('PIX')['id']}"
    simulator.pay(path.rpartition("/")[2])
    body = {"billingType": "PIX", "value": 1, "dueDate": day(simulator)}
    refused = [http.put(path, json=body), http.delete(path), http.post(f"/sandbox{path.replace('s/', '/')}/confirm")]
    assert [codes(answer) for answer in refused] == [(400, ["invalid_action"])] * 3
    with pytest.raises(Problem):
        simulator.pay(path.rpartition("/")[2])


def test_a_charge_is_overdue_the_day_after_it_was_due(http, simulator, charge):
    id = charge()["id"]
    assert http.get(f"/payments/{id}/status").json() == {"status": "PENDING"}
    simulator.advance()
    assert http.get(f"/payments/{id}/status").json() == {"status": "OVERDUE"}


def test_the_sandbox_makes_a_charge_overdue_since_yesterday(http, simulator, charge):
    payment = http.post(f"/sandbox/payment/{charge(due=5)['id']}/overdue").json()
    assert (payment["status"], payment["dueDate"]) == ("OVERDUE", day(simulator, -1))
    assert payment["originalDueDate"] == day(simulator, 5)


def test_fine_and_interest_are_in_the_value_of_what_is_paid_late(simulator, charge):
    id = charge("PIX", 100, fine={"value": 2}, interest={"value": 1})["id"]
    simulator.advance(30)
    paid = simulator.pay(id)
    assert (paid["value"], paid["originalValue"], paid["interestValue"]) == (103.0, 100.0, 3.0)
    assert paid["netValue"] == 101.01


@given(value=st.decimals("0.01", 99999, places=2), percent=st.decimals(0, 20, places=2), late=st.integers(-40, 400))
def test_what_is_payable_is_to_the_cent_and_never_less_when_it_is_late(value, percent, late):
    terms, due = Terms(fine=percent, fine_kind="PERCENTAGE", interest=percent), date(2026, 11, 30)
    payable = terms.payable(value, due, due + timedelta(days=late))
    assert payable == payable.quantize(Decimal("0.01"))
    assert payable >= value
    assert late > 0 or payable == value


def test_a_deleted_charge_is_not_listed_and_comes_back_as_what_its_due_date_says(http, simulator, charge):
    id = charge()["id"]
    assert http.delete(f"/payments/{id}").json() == {"deleted": True, "id": id}
    assert http.get("/payments").json()["totalCount"] == 0
    assert http.get(f"/payments/{id}").json()["deleted"] is True
    assert http.delete(f"/payments/{id}").status_code == 404
    simulator.advance()
    restored = http.post(f"/payments/{id}/restore").json()
    assert (restored["deleted"], restored["status"]) == (False, "OVERDUE")


def test_cash_is_received_without_a_fee_and_can_be_undone(http, simulator, charge):
    payment = charge()
    body = {"paymentDate": day(simulator), "value": 40, "notifyCustomer": False}
    cash = http.post(f"/payments/{payment['id']}/receiveInCash", json=body).json()
    assert (cash["status"], cash["value"], cash["netValue"]) == ("RECEIVED_IN_CASH", 40, 40)
    assert http.post(f"/payments/{payment['id']}/undoReceivedInCash").json() == payment


def test_a_refund_of_a_part_leaves_the_charge_paid_until_all_is_given_back(http, simulator, charge):
    id = charge("PIX")["id"]
    assert codes(http.post(f"/payments/{id}/refund", json={})) == (400, ["invalid_action"])
    simulator.pay(id)
    part = http.post(f"/payments/{id}/refund", json={"value": 9.9, "description": "Meio mês"}).json()
    assert (part["status"], part["refunds"][0]["value"]) == ("RECEIVED", 9.9)
    assert codes(http.post(f"/payments/{id}/refund", json={"value": 40.01})) == (400, ["invalid_value"])
    whole = http.post(f"/payments/{id}/refund", json={}).json()
    assert (whole["status"], [one["value"] for one in whole["refunds"]]) == ("REFUNDED", [9.9, 40.0])


def test_a_charge_can_be_put_into_any_of_the_known_statuses(simulator, charge):
    id = charge()["id"]
    assert simulator.set_status(id, "DUNNING_RECEIVED")["paymentDate"] == day(simulator)
    assert simulator.set_status(id, "CHARGEBACK_REQUESTED")["status"] == "CHARGEBACK_REQUESTED"
    with pytest.raises(ValueError, match="no status 'LOST'"):
        simulator.set_status(id, "LOST")


def test_a_write_that_lags_is_true_before_it_is_seen(http, simulator, charge):
    simulator.timings.lag_seconds = 3600
    simulator.faults.next(Fault.LAG, method="POST", path="/payments")
    payment = charge()
    assert http.get("/payments").json()["totalCount"] == 0
    assert http.get(f"/payments/{payment['id']}").status_code == 404
    assert [one["id"] for one in simulator.state()["payments"]] == [payment["id"]]
    simulator.advance()
    assert http.get("/payments").json()["totalCount"] == 1


def test_statistics_and_balance_agree_with_the_rows(http, simulator, charge):
    paid = [charge("PIX", value)["id"] for value in (10, 20.55)]
    charge("PIX", 99)
    for id in paid:
        simulator.pay(id)
    rows = http.get("/payments", params={"status": "RECEIVED"}).json()["data"]
    told = http.get("/finance/payment/statistics", params={"status": "RECEIVED"}).json()
    assert told == {"quantity": 2, "value": 30.55, "netValue": 26.57}
    assert sum(Decimal(str(row["netValue"])) for row in rows) == Decimal("26.57")
    assert http.get("/finance/balance").json() == {"balance": 26.57}


def test_a_pix_payload_is_emv_with_its_check_sum_and_the_image_is_a_png(http, charge):
    told = http.get(f"/payments/{charge('PIX')['id']}/pixQrCode").json()
    fields = emv(told["payload"])
    assert (fields["00"], fields["53"], fields["54"], fields["58"]) == ("01", "986", "49.90", "BR")
    assert emv(fields["26"])["00"] == "br.gov.bcb.pix"
    assert fields["63"] == f"{crc_hqx(told['payload'][:-4].encode(), 0xFFFF):04X}"
    assert b64decode(told["encodedImage"]).startswith(b"\x89PNG\r\n\x1a\n")


def emv(text):
    fields, at = {}, 0
    while at < len(text):
        length = int(text[at + 2 : at + 4])
        fields[text[at : at + 2]] = text[at + 4 : at + 4 + length]
        at += 4 + length
    return fields


def test_only_what_has_a_boleto_has_its_digits(http, charge):
    told = http.get(f"/payments/{charge()['id']}/identificationField").json()
    assert (len(told["identificationField"]), len(told["barCode"])) == (47, 44)
    assert codes(http.get(f"/payments/{charge('PIX')['id']}/identificationField")) == (400, ["invalid_action"])
    assert codes(http.get(f"/payments/{charge('CREDIT_CARD')['id']}/pixQrCode")) == (400, ["invalid_action"])


@given(
    st.decimals("0.01", "99999999.99", places=2), st.dates(date(2025, 3, 1), date(2045, 1, 1)), st.integers(1, 10**9)
)
def test_a_boletos_line_holds_its_bar_code_value_and_check_digits(value, due, number):
    code = bar_code(value, due, number)
    line = typed_line(code)
    assert int(line[-10:]) == int(value * 100)
    assert line[:4] + line[32] + line[33:] + line[4:9] + line[10:20] + line[21:31] == code
    assert [modulo_10(field) for field in (line[:9], line[10:20], line[21:31])] == [int(line[at]) for at in (9, 20, 31)]
