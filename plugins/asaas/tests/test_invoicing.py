"""Charging contracts, whatever goes wrong: by Asaas's own list never two charges for a contract and month."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.store.states import IntegrationState, Outcome, State
from svahub.testing import Fault
from svahub_asaas import invoicing
from svahub_asaas.billing import Month
from svahub_asaas.simulator.customer import Customer

CREATE = ("asaas", "invoices", "create", "--yes")
NOVEMBER = Month(2026, 11)
PERSON = {"id": "P1", "name": "Pessoa Bia", "document": "52998224725"}
NET = {"code": "1", "product_code": "NET"}


def live(isp: Any) -> list[dict[str, Any]]:
    """Return the charges that Asaas asks for."""
    return [charge for charge in isp.asaas.state()["payments"] if not charge["deleted"]]


def doubled(isp: Any) -> dict[str, int]:
    """Return what was charged more than once."""
    counts = Counter(charge["externalReference"] for charge in live(isp))
    return {reference: many for reference, many in counts.items() if many > 1}


def listed(isp: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = isp.told("asaas", "invoices", "list")
    return rows


# -- once


def test_contracts_are_charged_once_for_a_month(isp: Any) -> None:
    isp.charge(1, 2)
    again = isp.told(*CREATE)
    assert (again["invoices"], again["left"]) == ([], {"it was charged for this month": 2})
    assert [(charge["value"], charge["dueDate"]) for charge in live(isp)] == [(49.9, "2026-11-23")] * 2
    assert [row["status"] for row in listed(isp)] == ["PENDING", "PENDING"]


def test_the_next_month_is_another_one_and_december_is_followed_by_january(isp: Any) -> None:
    isp.charge(1)
    for month, due in (("2026-12", "2026-12-10"), ("2027-01", "2027-01-10")):
        isp.invoke(*CREATE, "--month", month)
        assert live(isp)[-1]["dueDate"] == due
    assert [row["month"] for row in listed(isp)] == ["2027-01", "2026-12", "2026-11"]


def test_a_dry_run_charges_nobody(isp: Any) -> None:
    isp.sign(1)
    shown = isp.told("asaas", "invoices", "create", "--dry-run")
    assert [(one["contract"], one["month"], one["value"]) for one in shown["invoices"]] == [("C1", "2026-11", "49.90")]
    assert (live(isp), listed(isp)) == ([], [])


def test_a_date_that_has_passed_is_shown_as_the_one_that_the_charge_is_due_on(isp: Any) -> None:
    isp.sign(1)
    preview = isp.told("asaas", "invoices", "create", "--dry-run")["invoices"]
    shown = [*preview, *isp.told(*CREATE)["invoices"], *listed(isp)]
    assert {(one["due_date"], one["asked_due_date"]) for one in shown} == {("2026-11-23", "2026-11-10")}
    assert live(isp)[0]["dueDate"] == "2026-11-23"


def test_a_due_date_that_was_moved_at_asaas_is_shown(isp: Any) -> None:
    (charged,) = isp.charge(1)
    moved = {"billingType": "PIX", "value": 49.9, "dueDate": "2026-11-30"}
    isp.by_hand("PUT", f"/payments/{charged['charge']}", moved)
    isp.invoke("asaas", "sync")
    assert listed(isp)[0]["due_date"] == "2026-11-30"


def test_only_those_named_are_charged_and_who_is_not_active_is_named(isp: Any) -> None:
    isp.sign(1)
    isp.sign(2)
    isp.invoke(*CREATE, "C2")
    assert [row["contract"] for row in listed(isp)] == ["C2"]
    isp.invoke("cancel", "C1", "--yes")
    assert "C1 is cancelled" in isp.invoke(*CREATE, "C1", code=1).output
    isp.invoke(*CREATE, "C9", code=1)


def test_who_is_not_charged_is_told_with_the_reason(isp: Any) -> None:
    isp.sign(1)
    isp.invoke("cancel", "C1", "--yes")
    isp.office.contracts.take_in(
        [
            ContractRow.model_validate({"contract_id": f"C{number}", "customer": PERSON, "items": [NET]})
            for number in range(2, 9)
        ]
    )
    told = isp.told(*CREATE)
    assert told["left"] == {"it has no price": 7, "it is cancelled": 1}
    assert told["left_contracts"][-1] == {"contract": "C1", "why": "it is cancelled"}
    shown = isp.invoke(*CREATE).output
    assert "7 not: it has no price (C2, C3, C4, C5, C6, …).\n1 not: it is cancelled.\n" in shown


def test_charges_are_made_by_whoever_works_next_where_nobody_waited_or_asaas_was_away(isp: Any) -> None:
    isp.sign(1)
    isp.invoke(*CREATE, "--no-wait")
    assert live(isp) == []
    isp.asaas.refuse()
    isp.invoke(*CREATE, "--month", "2026-12", "--timeout", "1", code=3)
    isp.asaas.listen()
    isp.clock.advance(minutes=10)
    isp.invoke("work", "--once")
    assert len(live(isp)) == 2


@pytest.fixture
def two(isp: Any, database_url: str) -> Any:
    """Return two installations on one store, as two processes have it."""
    with Hub.open(database_url, clock=isp.clock) as one, Hub.open(database_url, clock=isp.clock) as other:
        pair = [type(isp)(hub, isp.clock, isp.asaas) for hub in (one, other)]
        if not invoicing.integrations_of(pair[0].office):
            pair[0].add("bill")
        pair[0].sign_many(range(1, 9))
        yield pair


def together(two: Any, integrations: tuple[str, str]) -> list[object]:
    """Have both look whom to charge, and then both ask at once; return what each got."""
    barrier = Barrier(2)

    def ask(isp: Any, name: str) -> object:
        terms = invoicing.Terms(name, NOVEMBER, "PIX", "Internet", 10)
        wanted = [one.invoice for one in invoicing.considered(isp.office, terms) if one.invoice is not None]
        barrier.wait(30)
        try:
            return len(invoicing.ask(isp.office, terms, wanted))
        except Refused as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(ask, two, integrations))


def test_two_processes_at_once_charge_nobody_twice(two: Any) -> None:
    assert together(two, ("bill", "bill")) == [8, 8]
    two[0].invoke("work", "--once")
    assert (len(live(two[0])), doubled(two[0])) == (8, {})


def test_two_integrations_at_once_charge_nobody_twice(two: Any) -> None:
    two[0].add("other")
    told = together(two, ("bill", "other"))
    assert sorted(type(one).__name__ for one in told) == ["Refused", "int"]
    assert "just now. Ask again" in str(next(one for one in told if isinstance(one, Refused)))
    two[0].invoke("work", "--once")
    assert len(live(two[0])) == 8


def test_an_erasure_tells_to_ask_asaas_also_where_there_were_charges_alone(isp: Any) -> None:
    isp.charge(1)
    isp.invoke("cancel", "C1", "--yes")
    (charge,) = live(isp)
    assert isp.told("customers", "erase", "P1", "--dry-run")["providers"] == {"bill": [charge["customer"]]}


# -- again


def test_after_a_cancellation_it_is_charged_again_only_when_that_is_said(isp: Any) -> None:
    (first,) = isp.charge(1)
    isp.invoke("asaas", "invoices", "cancel", str(first["id"]), "--yes")
    assert listed(isp)[0]["status"] == "deleted"
    told = isp.told(*CREATE)
    assert (told["invoices"], told["left"]) == ([], {"its charge was cancelled: --again charges anew": 1})
    assert live(isp) == []
    isp.invoke(*CREATE, "--again")
    isp.invoke(*CREATE, "--again")
    assert len(live(isp)) == 1
    assert [(row["number"], row["status"]) for row in listed(isp)] == [(1, "deleted"), (2, "PENDING")]


def test_a_charge_that_was_brought_back_at_asaas_by_hand_is_not_made_again(isp: Any) -> None:
    (first,) = isp.charge(1)
    isp.invoke("asaas", "invoices", "cancel", str(first["id"]), "--yes")
    isp.by_hand("POST", f"/payments/{first['charge']}/restore")
    assert isp.told(*CREATE, "--again")["left"] == {"it was charged for this month": 1}
    assert len(live(isp)) == 1


def test_a_charge_that_is_there_is_not_made_again(isp: Any) -> None:
    isp.charge(1)
    assert isp.told(*CREATE, "--again")["invoices"] == []


def test_a_charge_that_was_let_go_is_asked_for_again_only_when_that_is_said(isp: Any) -> None:
    isp.sign(1)
    isp.invoke(*CREATE, "--no-wait")
    isp.invoke("tasks", "discard", str(listed(isp)[0]["id"]), "--note", "a mistake")
    assert isp.told(*CREATE)["invoices"] == []
    isp.invoke(*CREATE, "--again")
    assert len(live(isp)) == 1


def test_a_charge_that_was_let_go_and_had_been_made_all_the_same_is_not_made_again(isp: Any) -> None:
    isp.set(retry_budget=1)
    isp.asaas.faults.next(Fault.ERROR_AFTER, method="POST", path="/payments")
    isp.sign(1)
    isp.invoke(*CREATE, code=4)
    isp.invoke("tasks", "discard", str(listed(isp)[0]["id"]), "--note", "never mind")
    assert isp.told(*CREATE, "--again")["left"] == {"it was charged for this month": 1}
    assert len(live(isp)) == 1


# -- what goes wrong


@pytest.fixture
def hasty(isp: Any) -> Any:
    """Return an installation that waits for little: each second of the hand's clock is five rounds of a worker."""
    isp.set(timeout=0.2, settle_seconds=3, retry_cap=2, retry_budget=60)
    isp.asaas.timings.lag_seconds = 2
    return isp


@pytest.mark.parametrize(
    "fault",
    [
        Fault.ERROR_BEFORE,
        pytest.param(frozenset({Fault.ERROR_AFTER, Fault.LAG}), id="error_after, lag"),
        Fault.DROP_AFTER,
        Fault.TIMEOUT_BEFORE,
        pytest.param(frozenset({Fault.TIMEOUT_AFTER, Fault.LAG}), id="timeout_after, lag"),
        Fault.RATE_LIMIT,
    ],
)
def test_a_charge_whose_call_went_wrong_is_made_once(hasty: Any, fault: Any) -> None:
    hasty.asaas.faults.next(fault, method="POST", path="/payments")
    hasty.charge(1, 2)
    assert (len(live(hasty)), doubled(hasty)) == (2, {})
    assert {row["status"] for row in listed(hasty)} == {"PENDING"}


def test_a_storm_leaves_one_charge_for_each_contract_and_one_customer_for_each_person(hasty: Any) -> None:
    rates = (Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.DROP_AFTER, Fault.MALFORMED, Fault.RATE_LIMIT)
    hasty.asaas.faults.set(dict.fromkeys(rates, 0.08))
    hasty.sign_many(range(1, 7))
    hasty.invoke(*CREATE, "--timeout", "600")
    assert (len(live(hasty)), doubled(hasty)) == (6, {})
    made = Counter(customer["externalReference"] for customer in hasty.asaas.state()["customers"])
    assert set(made.values()) == {1}, "a customer was made twice"


def work(isp: Any) -> None:
    with isp.hub.work(threads=8) as worker:
        worker.drain()


def charged_across_a_rate_limit(isp: Any, contracts: int, quota: int) -> float:
    """Charge a second month with so few requests left; return how many requests a charge then took."""
    isp.sign_many(range(1, contracts + 1))
    isp.invoke(*CREATE, "--timeout", "3600")
    isp.asaas.quota.limit = isp.asaas.quota.used + quota
    before = Counter(isp.asaas.counts)
    isp.invoke(*CREATE, "--month", "2026-12", "--timeout", "2", code=3)
    assert len(live(isp)) == contracts + quota
    paused = isp.office.integrations.show("bill").paused_until - isp.clock.now()
    assert paused.total_seconds() > 11 * 3600
    asked = Counter(isp.asaas.counts)
    work(isp)
    assert Counter(isp.asaas.counts) == asked, "it was asked while it had asked for a pause"
    isp.clock.advance(hours=12, minutes=1)
    work(isp)
    assert (len(live(isp)), doubled(isp)) == (2 * contracts, {})
    assert {row["status"] for row in listed(isp)} == {"PENDING"}
    taken = Counter(isp.asaas.counts) - before
    return sum(many for (_, status), many in taken.items() if status != 429) / contracts


def test_a_rate_limit_in_the_middle_of_many_charges_pauses_the_integration_and_loses_and_doubles_none(isp: Any) -> None:
    assert charged_across_a_rate_limit(isp, contracts=20, quota=9) == 1


@pytest.mark.deep
def test_a_rate_limit_in_the_middle_of_5000_charges(isp: Any, record_property: Any) -> None:
    taken = charged_across_a_rate_limit(isp, contracts=5000, quota=2500)
    record_property("requests a charge", taken)
    assert taken == 1


def test_an_expired_key_stops_the_integration_and_no_charge_is_lost(isp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    isp.charge(1)
    old = isp.asaas.credentials
    isp.asaas.accept()
    isp.sign(2)
    told = isp.told(*CREATE, "--timeout", "5", code=4)
    assert [task["state"] for task in told["tasks"]] == [State.QUARANTINED]
    assert isp.office.integrations.show("bill").status.startswith(IntegrationState.QUARANTINED.value)
    isp.asaas.accept(old)
    isp.invoke("integration", "enable", "bill")
    isp.invoke("work", "--once")
    assert len(live(isp)) == 2


def test_a_customer_who_was_deleted_at_asaas_by_hand_is_brought_back_for_the_next_charge(isp: Any) -> None:
    isp.charge(1)
    book = isp.asaas.account.customers
    (customer,) = book
    isp.asaas.between_requests(lambda: book.write(customer.id, replace(customer, deleted=True)))
    isp.invoke(*CREATE, "--month", "2026-12")
    assert [one["deleted"] for one in isp.asaas.state()["customers"]] == [False]
    assert {charge["customer"] for charge in live(isp)} == {customer.id}


def test_somebody_elses_customer_parks_the_charge_with_advice(isp: Any) -> None:
    isp.sign(1, document="52998224725")
    book = isp.asaas.account.customers
    stranger = Customer("cus_0", isp.asaas.today, "Pessoa", "52998224725")
    isp.asaas.between_requests(lambda: book.write("cus_0", stranger))
    (task,) = isp.told(*CREATE, code=4)["tasks"]
    assert "cus_0" in task["cause"]
    isp.set(adopt="link")
    isp.invoke("tasks", "retry", str(task["id"]))
    isp.invoke("work", "--once")
    assert [charge["customer"] for charge in live(isp)] == ["cus_0"]
    assert isp.office.tasks.show(task["id"]).outcome is Outcome.SUCCEEDED
