"""Subscriptions of Asaas's simulator: the charges that they make, stopping, and what goes with them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub_asaas.simulator.calendar import CYCLES, MONTHS, following

SEEN_ORDER = (
    "object id dateCreated customer paymentLink value nextDueDate cycle description billingType deleted status "
    "externalReference checkoutSession sendPaymentByPostalService fine interest split"
)


@pytest.fixture
def customer(http):
    return http.post("/customers", json={"name": "Ana Inventada", "cpfCnpj": "52998224725"}).json()["id"]


@pytest.fixture
def sold(http, customer):
    def made(due="2026-11-30", cycle="MONTHLY", **more):
        body = {"customer": customer, "billingType": "BOLETO", "value": 49.9, "nextDueDate": due, "cycle": cycle}
        return http.post("/subscriptions", json={**body, **more}).json()

    return made


@pytest.fixture
def heard(http, simulator, receiver):
    events = [f"SUBSCRIPTION_{word}" for word in ("CREATED", "UPDATED", "INACTIVATED", "DELETED")]
    events += [f"PAYMENT_{word}" for word in ("CREATED", "UPDATED", "DELETED")]
    body = {"name": "svahub", "url": receiver.url, "sendType": "SEQUENTIALLY", "events": events}
    http.post("/webhooks", json=body)

    def names():
        simulator.wait_delivered()
        told = receiver.names.copy()
        receiver.seen.clear()
        return told

    return names


def dues(simulator):
    return [payment["dueDate"] for payment in simulator.state()["payments"] if not payment["deleted"]]


def codes(answer):
    return answer.status_code, [error["code"] for error in answer.json()["errors"]]


def test_a_subscription_makes_its_first_charge_at_once_and_is_already_one_cycle_further(simulator, sold):
    subscription = sold(externalReference="s1", description="Internet", fine={"value": 2})
    assert " ".join(subscription) == SEEN_ORDER
    assert (subscription["nextDueDate"], subscription["status"]) == ("2026-12-30", "ACTIVE")
    (payment,) = simulator.state()["payments"]
    assert (payment["subscription"], payment["dueDate"]) == (subscription["id"], "2026-11-30")
    inherited = ("customer", "value", "billingType", "description", "externalReference", "fine")
    assert [payment[name] for name in inherited] == [subscription[name] for name in inherited]


def test_a_subscription_that_lacks_something_is_refused(http, customer):
    assert codes(http.post("/subscriptions", json={})) == (400, ["invalid_customer"])
    assert codes(http.post("/subscriptions", json={"customer": customer, "nextDueDate": "2026-11-22"})) == (
        400,
        ["invalid_billingType", "invalid_value", "invalid_cycle", "invalid_nextDueDate"],
    )


def test_a_due_day_of_31_is_the_last_day_of_shorter_months(simulator, sold):
    sold("2026-12-31")
    simulator.account.charges_ahead_days = 120
    simulator.advance()
    assert dues(simulator) == ["2026-12-31", "2027-01-31", "2027-02-28"]


@given(st.dates(date(2026, 1, 1), date(2040, 12, 31)), st.sampled_from(sorted(CYCLES)), st.integers(2, 8))
def test_a_due_date_never_drifts_from_its_day(due, cycle, times):
    dates = [due]
    for _ in range(times):
        dates.append(following(dates[-1], cycle, due.day))
    assert all(earlier < later for earlier, later in pairwise(dates))
    if cycle in MONTHS:
        assert all(one.day == due.day or (one + timedelta(days=1)).day == 1 for one in dates)


def test_further_charges_are_made_forty_days_ahead(simulator, sold):
    sold("2027-01-10")
    assert dues(simulator) == ["2027-01-10"]
    simulator.advance(39)
    assert simulator.today == date(2027, 1, 1)
    assert dues(simulator) == ["2027-01-10", "2027-02-10"]


def test_an_inactive_subscription_makes_no_charges_and_leaves_the_open_ones(http, simulator, sold, heard):
    subscription = sold()
    assert heard() == ["SUBSCRIPTION_CREATED", "PAYMENT_CREATED"]
    stopped = http.put(f"/subscriptions/{subscription['id']}", json={"status": "INACTIVE"}).json()
    assert (stopped["status"], heard()) == ("INACTIVE", ["SUBSCRIPTION_INACTIVATED"])
    simulator.advance(3)
    assert dues(simulator) == ["2026-11-30"]
    assert http.get(f"/subscriptions/{subscription['id']}/payments").json()["data"][0]["status"] == "PENDING"


def test_active_again_needs_the_next_due_date(http, simulator, sold, heard):
    path = f"/subscriptions/{sold()['id']}"
    http.put(path, json={"status": "INACTIVE"})
    heard()
    assert codes(http.put(path, json={"status": "ACTIVE"})) == (400, ["invalid_nextDueDate"])
    again = http.put(path, json={"status": "ACTIVE", "nextDueDate": "2027-01-05"}).json()
    assert (again["status"], again["nextDueDate"], heard()) == ("ACTIVE", "2027-01-05", ["SUBSCRIPTION_UPDATED"])
    simulator.advance(3)
    assert dues(simulator) == ["2026-11-30", "2027-01-05"]


def test_a_new_price_is_for_new_charges_unless_the_pending_ones_are_named(http, simulator, sold, heard):
    path = f"/subscriptions/{sold()['id']}"
    heard()
    http.put(path, json={"value": 59.9})
    assert (simulator.state()["payments"][0]["value"], heard()) == (49.9, ["SUBSCRIPTION_UPDATED"])
    http.put(path, json={"value": 69.9, "updatePendingPayments": True})
    assert simulator.state()["payments"][0]["value"] == 69.9
    assert heard() == ["SUBSCRIPTION_UPDATED", "PAYMENT_UPDATED"]


def test_deleting_takes_the_pending_and_overdue_charges_along_and_leaves_the_paid_ones(http, simulator, sold, heard):
    subscription = sold("2026-11-24", "WEEKLY")
    simulator.account.charges_ahead_days = 10
    simulator.advance(9)
    paid, overdue, _ = (payment["id"] for payment in simulator.state()["payments"])
    simulator.pay(paid)
    heard()
    assert http.get(f"/payments/{overdue}").json()["status"] == "OVERDUE"
    id = subscription["id"]
    assert http.delete(f"/subscriptions/{id}").json() == {"deleted": True, "id": id}
    assert heard() == ["PAYMENT_DELETED", "PAYMENT_DELETED", "SUBSCRIPTION_DELETED"]
    assert dues(simulator) == ["2026-11-24"]
    assert codes(http.put(f"/subscriptions/{id}", json={"value": 1})) == (404, ["not_found"])
    assert http.get("/subscriptions").json()["totalCount"] == 0
    assert http.get("/subscriptions", params={"deletedOnly": "true"}).json()["totalCount"] == 1


def test_a_subscription_ends_with_its_end_date_or_its_last_charge(http, simulator, sold):
    ends, counted = sold(endDate="2026-12-15")["id"], sold(maxPayments=2)["id"]
    simulator.advance(1)
    assert http.get(f"/subscriptions/{ends}").json()["status"] == "EXPIRED"
    assert http.get(f"/subscriptions/{ends}").json()["endDate"] == "2026-12-15"
    assert http.get(f"/subscriptions/{counted}").json()["status"] == "EXPIRED"
    assert dues(simulator) == ["2026-11-30", "2026-11-30", "2026-12-30"]


def test_subscriptions_are_found_by_what_the_query_names(http, sold, customer):
    first, second = sold(externalReference="s1")["id"], sold(externalReference="s2")["id"]

    def found(**query):
        return [row["id"] for row in http.get("/subscriptions", params=query).json()["data"]]

    assert found(externalReference="s1") == [first]
    assert found(customer=customer, status="ACTIVE") == [second, first]
    assert found(order="asc") == [first, second]
    assert found(status="INACTIVE") == []


def test_deleting_a_customer_deletes_subscriptions_and_open_charges(http, simulator, sold, customer, heard):
    sold()
    body = {"customer": customer, "billingType": "PIX", "value": 10, "dueDate": "2026-11-30"}
    http.post("/payments", json=body)
    heard()
    http.delete(f"/customers/{customer}")
    assert heard() == ["PAYMENT_DELETED", "SUBSCRIPTION_DELETED", "PAYMENT_DELETED"]
    assert dues(simulator) == []
    assert codes(http.post("/payments", json=body)) == (400, ["invalid_customer"])


def test_webhooks_tell_of_subscriptions_with_brazilian_dates_as_documented(simulator, sold, heard, receiver):
    sold()
    simulator.wait_delivered()
    told = receiver.events[0]["subscription"]
    assert (told["dateCreated"], told["nextDueDate"]) == ("23/11/2026", "30/12/2026")
