"""Sweeps: whatever webhooks missed is found, with what it says of debts; nothing is asked more often than it has to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

from hypothesis import given
from hypothesis import strategies as st
from svahub import Webhook
from svahub.errors import Cause, NotFound, Unreachable
from svahub_asaas import sweeping
from svahub_asaas.charges.ledger import recorded
from svahub_asaas.charges.receiving import received
from svahub_asaas.charges.wire import Payment
from svahub_asaas.store import charges as store
from svahub_asaas.store import texts
from svahub_asaas.sweeping import FEW, MISSED, MOST_ALONE, sweep_missed, sweep_overdue, windows
from svahub_asaas.taking import Swept, take

if TYPE_CHECKING:
    from svahub_asaas.charges.calls import Charges
    from svahub_asaas.store.charges import ChargeRow

    from conftest import Isp


def ledger(isp: Isp) -> dict[str, ChargeRow]:
    with isp.office.reading() as transaction:
        everything = store.issued(transaction.connection, "default", "bill", date(2000, 1, 1), date(2099, 1, 1))
        return {row.id: row for row in everything}


def owed(isp: Isp) -> set[str]:
    return {debt.contract_id for debt in isp.office.debts.list()}


def agrees(isp: Isp) -> bool:
    """Say whether the ledger is what Asaas has, charge by charge."""
    theirs = [Payment.model_validate(one) for one in isp.asaas.state()["payments"]]
    ours = ledger(isp)
    seen = {
        id: (row.status, row.deleted, row.value, row.due_date, row.payment_date, row.client_payment_date)
        for id, row in ours.items()
    }
    return seen == {
        p.id: (p.status, p.deleted, p.value, p.due_date, p.payment_date, p.client_payment_date) for p in theirs
    }


def charged(isp: Isp, many: int) -> dict[str, str]:
    """Charge contracts C1 and on, and return their charges."""
    return {one["contract"]: one["charge"] for one in isp.charge(*range(1, many + 1))}


def later(isp: Isp, days: int = 0) -> None:
    isp.pass_days(days) if days else isp.clock.advance(minutes=1)


def commands(isp: Isp) -> int:
    return sum(entry["kind"] == "command" for entry in isp.told("audit", "list"))


# -- what webhooks missed ----------------------------------------------------------------------------------------------


def test_a_sweep_finds_whatever_was_missed(isp_on_both: Isp) -> None:
    isp, at = isp_on_both, charged(isp_on_both, 13)
    for paid_before in ("C1", "C2", "C3", "C4", "C5"):
        isp.asaas.pay(at[paid_before])
    isp.by_hand("DELETE", f"/payments/{at['C6']}")
    isp.asaas.make_overdue(at["C7"])
    isp.asaas.make_overdue(at["C8"])
    isp.by_hand("POST", f"/payments/{at['C12']}/receiveInCash", {"paymentDate": "2026-11-23", "value": 49.9})
    sweep_missed(isp.office, "bill")
    assert owed(isp) == {"C7", "C8"}
    later(isp, days=40)
    sweep_missed(isp.office, "bill")
    assert owed(isp) == {"C7", "C8", "C9", "C10", "C11", "C13"}
    later(isp, days=2)

    isp.by_hand("POST", f"/payments/{at['C1']}/refund", {})
    isp.asaas.set_status(at["C2"], "CHARGEBACK_REQUESTED")
    isp.asaas.set_status(at["C3"], "REFUND_IN_PROGRESS")
    isp.asaas.set_status(at["C4"], "AWAITING_CHARGEBACK_REVERSAL")
    isp.by_hand("POST", f"/payments/{at['C6']}/restore")
    isp.asaas.set_status(at["C7"], "CONFIRMED")
    isp.by_hand("DELETE", f"/payments/{at['C8']}")
    isp.by_hand("POST", f"/payments/{at['C9']}/receiveInCash", {"paymentDate": "2026-11-25", "value": 49.9})
    isp.asaas.set_status(at["C10"], "DUNNING_REQUESTED")
    isp.asaas.pay(at["C11"])
    isp.by_hand("POST", f"/payments/{at['C12']}/undoReceivedInCash")
    later(isp)
    swept = sweep_missed(isp.office, "bill")
    assert agrees(isp)
    assert owed(isp) == {"C1", "C2", "C3", "C4", "C6", "C10", "C12", "C13"}
    assert (swept.debts, swept.settled) == (7, 4)


def test_what_a_task_undid_is_owed_again_though_its_webhook_was_missed(isp: Isp) -> None:
    at = charged(isp, 1)
    later(isp, days=40)
    sweep_missed(isp.office, "bill")
    for command in ("receive-in-cash", "undo-cash"):
        isp.invoke("asaas", "invoices", command, at["C1"], "--yes")
        later(isp)
        sweep_missed(isp.office, "bill")
        assert owed(isp) == ({"C1"} if command == "undo-cash" else set())
    isp.office.debts.forgive("C1", at["C1"])
    before = commands(isp)
    assert sweep_missed(isp.office, "bill").debts == 0
    assert commands(isp) == before


def test_payments_that_were_missed_are_listed_and_not_asked_for_one_by_one(isp: Isp) -> None:
    at = charged(isp, 3)
    later(isp, days=10)
    sweep_missed(isp.office, "bill")
    later(isp, days=10)
    for contract in ("C1", "C2"):
        isp.asaas.pay(at[contract])
    isp.asaas.set_status(at["C3"], "CONFIRMED")
    isp.asaas.requests.clear()
    assert sweep_missed(isp.office, "bill").settled == 3
    assert {one.path.rpartition("/")[2] for one in isp.asaas.requests} == {"payments"}


def test_a_chargeback_that_is_won_is_found(isp: Isp) -> None:
    at = charged(isp, 1)
    isp.asaas.pay(at["C1"])
    isp.asaas.set_status(at["C1"], "CHARGEBACK_DISPUTE")
    sweep_missed(isp.office, "bill")
    assert owed(isp) == {"C1"}
    later(isp, days=60)
    isp.asaas.set_status(at["C1"], "RECEIVED")
    sweep_missed(isp.office, "bill")
    assert owed(isp) == set()


def test_what_was_made_by_hand_for_nobody_is_known_and_owed_by_nobody(isp: Isp) -> None:
    charged(isp, 1)
    customer = isp.asaas.state()["customers"][0]["id"]
    made = {"customer": customer, "billingType": "PIX", "value": 5, "dueDate": "2026-11-23"}
    isp.by_hand("POST", "/payments", made)
    later(isp)
    told = isp.told("asaas", "sync")
    assert (told["read"], told["debts"], agrees(isp)) == (2, 0, True)


def test_a_sweep_that_finds_nothing_new_writes_nothing(isp: Isp) -> None:
    charged(isp, 2)
    isp.told("asaas", "sync")
    entries = commands(isp)
    later(isp)
    assert isp.told("asaas", "sync") == {"read": 2, "changed": 0, "debts": 0, "settled": 0, "left": 0}
    assert commands(isp) == entries


def test_what_a_webhook_told_since_asaas_was_asked_stays(isp: Isp) -> None:
    at = charged(isp, 1)
    asked_at = isp.clock.now()
    (old,) = [Payment.model_validate(one) for one in isp.asaas.state()["payments"]]
    isp.clock.advance(seconds=1)
    with isp.office.transaction("a webhook", "a charge") as transaction:
        told = replace(ledger(isp)[at["C1"]], status="RECEIVED", seen_at=transaction.now)
        store.put(transaction.connection, [told])
    assert take(isp.office, "bill", [old], asked_at) == Swept(read=1)
    assert ledger(isp)[at["C1"]].status == "RECEIVED"


def test_what_waited_in_the_inbox_is_no_newer_than_when_it_came(isp: Isp) -> None:
    at = charged(isp, 1)
    (pending,) = isp.asaas.state()["payments"]
    created = json.dumps({"id": "evt_1", "event": "PAYMENT_CREATED", "payment": pending}).encode()
    webhook = Webhook({}, created, isp.clock.now())
    later(isp, days=40)
    with isp.office.transaction("a webhook", "a charge") as transaction:
        recorded(replace(transaction, integration="bill"), webhook, received(webhook, _never))
    assert ledger(isp)[at["C1"]].status == "PENDING"
    sweep_missed(isp.office, "bill")
    assert owed(isp) == {"C1"}


def _never(charge: str) -> Payment:
    raise AssertionError(charge)


# -- every hour --------------------------------------------------------------------------------------------------------


def test_what_is_overdue_and_what_no_longer_is_are_found_every_hour(isp: Isp) -> None:
    at = charged(isp, 3)
    later(isp, days=20)
    ran = isp.invoke("schedule", "run", "asaas-overdue-sweep").output
    assert "3 charges read, 3 changed; 3 owed" in ran
    isp.asaas.pay(at["C1"])
    isp.by_hand("DELETE", f"/payments/{at['C2']}")
    later(isp)
    assert (sweep_overdue(isp.office, "bill").settled, owed(isp)) == (2, {"C3"})


def test_many_payments_that_were_missed_are_listed_every_hour_too(isp: Isp) -> None:
    at = charged(isp, FEW + 1)
    later(isp, days=10)
    sweep_overdue(isp.office, "bill")
    for charge in at.values():
        isp.asaas.pay(charge)
    isp.clock.advance(minutes=1)
    isp.asaas.requests.clear()
    assert sweep_overdue(isp.office, "bill").settled == FEW + 1
    assert {one.path.rpartition("/")[2] for one in isp.asaas.requests} == {"payments"}


def test_charges_that_stay_pending_over_a_weekend_cost_no_request_each(isp: Isp) -> None:
    charged(isp, 3)
    isp.clock.advance(days=20)  # Asaas's own day's work waits: to it they are pending still
    isp.asaas.requests.clear()
    assert sweep_overdue(isp.office, "bill").read == 3
    assert len(isp.asaas.requests) == 4


def test_charges_that_were_taken_back_are_not_asked_for_every_hour(isp: Isp) -> None:
    at = charged(isp, 1)
    isp.asaas.pay(at["C1"])
    isp.by_hand("POST", f"/payments/{at['C1']}/refund", {})
    sweep_missed(isp.office, "bill")
    assert owed(isp) == {"C1"}
    later(isp)
    assert sweep_overdue(isp.office, "bill").read == 0


# -- how far -----------------------------------------------------------------------------------------------------------


def until(isp: Isp) -> date | None:
    with isp.office.reading() as transaction:
        return texts.swept_until(transaction.connection, "default", "bill", MISSED)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 500))
def test_windows_have_every_day_once_and_in_order(first: date, days: int) -> None:
    spans = list(windows(first, first + timedelta(days=days)))
    every = [start + timedelta(days=n) for start, end in spans for n in range((end - start).days + 1)]
    assert every == [first + timedelta(days=n) for n in range(days + 1)]


def test_a_sweep_that_meets_a_limit_says_from_where_to_go_on(isp: Isp) -> None:
    charged(isp, 1)
    isp.asaas.quota.limit = isp.asaas.quota.used + 5
    told = isp.invoke("asaas", "sync", "--since", "2026-07-01", code=1)
    assert "Go on: svahub asaas sync --since 2026-09-01" in told.stderr
    assert until(isp) == date(2026, 8, 31)
    isp.asaas.quota.limit = 25_000
    isp.invoke("asaas", "sync", "--since", "2026-09-01")
    assert until(isp) == date(2026, 11, 23)


def test_a_sweep_of_few_days_does_not_hide_those_before(isp: Isp) -> None:
    isp.invoke("asaas", "sync", "--since", "2026-11-20")
    assert until(isp) is None
    isp.invoke("asaas", "sync")
    assert until(isp) == date(2026, 11, 23)
    isp.clock.advance(days=10)
    isp.invoke("asaas", "sync", "--since", "2026-12-02")
    assert until(isp) == date(2026, 11, 23)


class Elsewhere:
    """An Asaas that lists nothing, or less than it said, and has no charge that it is asked for."""

    def __init__(self, *, whole: bool = True) -> None:
        self.whole = whole
        self.asked: list[str] = []

    def list(self, **_filters: Any) -> Iterator[Payment]:
        if not self.whole:
            raise Unreachable(Cause.INCOMPLETE)
        yield from ()

    def get(self, id: str) -> Payment:
        self.asked.append(id)
        raise NotFound


def swept_at(isp: Isp, asaas: Elsewhere) -> Swept:
    return sweeping._Sweep(isp.office, "bill", cast("Charges", asaas), lambda _many: None).overdue()


def test_one_sweep_reads_so_many_charges_alone_and_the_next_goes_on(isp: Isp) -> None:
    row = ledger_row(isp)
    with isp.office.transaction("a test", "charges") as transaction:
        store.put(transaction.connection, [replace(row, id=f"pay_{n}") for n in range(MOST_ALONE + 5)])
    later(isp)
    first, second = swept_at(isp, Elsewhere()), swept_at(isp, Elsewhere())
    assert (first.read, first.left, second.read, second.left) == (MOST_ALONE, 5, 5, 0)
    assert all(one.deleted for one in ledger(isp).values())


def ledger_row(isp: Isp) -> ChargeRow:
    """Return a charge that was due yesterday."""
    yesterday = date(2026, 11, 22)
    payment = Payment(id="pay_0", value=5, status="OVERDUE", due_date=yesterday, date_created=yesterday)  # type: ignore[arg-type]
    take(isp.office, "bill", [payment], isp.clock.now())
    return ledger(isp)["pay_0"]


def test_what_moves_while_it_is_listed_is_read_alone(isp: Isp) -> None:
    ledger_row(isp)
    later(isp)
    asaas = Elsewhere(whole=False)
    assert (swept_at(isp, asaas).changed, asaas.asked) == (1, ["pay_0"])
