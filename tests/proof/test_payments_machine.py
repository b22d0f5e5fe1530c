"""Charges, payments, webhooks that are lost, doubled and out of order, restarts: in the end both sides agree.

What is compared is what Asaas's own list says of who owes, what svahub keeps as debts, and whom TeleClínica blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from svahub.desk import Desk
from svahub.errors import ProviderError, Refused
from svahub.fleet import Fleet, holding
from svahub.intray import Ended, Intray, Reading
from svahub.models import Reason
from svahub.testing import Fault
from svahub.verbs import Action, Command
from svahub_asaas import following, sweeping
from svahub_asaas.charges.calls import Kind

from proof.charging import ASAAS, OWNERS, Charging
from proof.machines import USUAL, on_file, on_server
from proof.till import OPEN, SETTLED, TAKEN_BACK, Charge, Till

OTHERWISE = {Fault.UNAUTHORIZED, Fault.REPEATING, Fault.REPEATED_PAGE, Fault.DRIP}  # each waits for a person, or long
FAULTS = sorted(set(Fault) - OTHERWISE - {Fault.SHORT_PAGE, Fault.DELAY, Fault.REFUSE, Fault.HUGE})
contracts = st.sampled_from(sorted(OWNERS))
picks = st.integers(0, 9)


def _is(statuses: Iterable[str]) -> Callable[[Charge], bool]:
    return lambda charge: charge.status in statuses and not charge.deleted


def _set(status: str) -> Callable[[Till, str], object]:
    return lambda till, id: till.set_status(id, status)


AT_ASAAS: dict[str, tuple[Callable[[Charge], bool], Callable[[Till, str], object]]] = {
    "paid": (_is(OPEN), Till.pay),
    "overdue": (_is({"PENDING"}), Till.make_overdue),
    "overdue too": (_is({"PENDING"}), Till.make_overdue),
    "refunded": (_is(SETTLED), _set("REFUNDED")),
    "charged back": (_is(SETTLED), _set("CHARGEBACK_REQUESTED")),
    "disputed": (_is({"CHARGEBACK_REQUESTED"}), _set("CHARGEBACK_DISPUTE")),
    "won": (_is(TAKEN_BACK - {"REFUNDED"}), _set("RECEIVED")),
    "paid in cash": (_is(OPEN), _set("RECEIVED_IN_CASH")),
    "not paid in cash": (_is({"RECEIVED_IN_CASH"}), Till.take_no_cash),
    "handed to collectors": (_is({"OVERDUE"}), _set("DUNNING_REQUESTED")),
    "collected": (_is({"DUNNING_REQUESTED"}), _set("DUNNING_RECEIVED")),
    "removed": (_is(OPEN), Till.remove),
    "restored": (lambda charge: charge.deleted, Till.restore),
    "postponed": (_is(OPEN), lambda till, id: till.postpone(id, 2)),
    "postponed to today": (_is(OPEN), lambda till, id: till.postpone(id, 0)),
}


class Isp(Charging, RuleBasedStateMachine):
    """Everything that may happen to an ISP that charges, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.slow: list[tuple[Fleet, Intray, list[Ended]]] = []

    @initialize(grace=st.integers(0, 2), restores=st.booleans())
    def set_up(self, grace: int, restores: bool) -> None:
        self.restores = restores  # who restores charges by hand does not ask for them again: that would be two
        self.sell(grace)
        self.charge()
        self.work()

    def teardown(self) -> None:
        try:
            while self.slow:
                self.who_dawdled_writes()
            self.both_sides_agree()
        finally:
            self.end()

    def close(self) -> None:
        while self.slow:
            self.slow.pop()[0].close()
        super().close()

    @rule(pick=picks, what=st.sampled_from(sorted(AT_ASAAS)))
    def something_happens_at_asaas(self, pick: int, what: str) -> None:
        """Do something to one of those charges for which it can be done."""
        which, do = AT_ASAAS[what]
        found = [charge.id for charge in self.till.charges if which(charge)]
        if not found or (what == "restored" and not self.restores):
            return
        id = found[pick % len(found)]
        if what == "removed" and not self.is_known(id):
            if self.restores:
                return
            self.asked_again += 1  # Asaas lists no deleted charge: it is made once more
        do(self.till, id)

    @rule(pick=picks, what=st.sampled_from([None, None, Kind.CANCEL, Kind.REFUND, Kind.RECEIVE_IN_CASH]))
    def the_office_charges(self, pick: int, what: Kind | None) -> None:
        """Ask for the month's charges, or for something to be done about one of those that are there."""
        charged = [one for one in following.listed(self.office) if one.charge is not None]
        if what is None or not charged:
            self.charge(again=pick % 2 == 1 and not self.restores)
            return
        one = charged[pick % len(charged)]
        paid = {"paid_on": self.till.today.isoformat(), "value": str(one.invoice.value)}
        payload = paid if what is Kind.RECEIVE_IN_CASH else {}
        following.follow(self.office, one, what, payload, adds=what is not Kind.CANCEL)

    @rule(contract=contracts, what=st.sampled_from(["grace", "exempt", "staff"]), grace=st.integers(0, 2))
    def the_office_decides(self, contract: str, what: str, grace: int) -> None:
        match what:
            case "grace":
                self.decide(grace)
            case "exempt":
                debts = self.office.debts
                (debts.unexempt if contract in self.exempt else debts.exempt)(contract)
                self.exempt ^= {contract}
            case _:
                action = Action.UNBLOCK if contract in self.staff else Action.BLOCK
                self.office.verbs.issue(Command(action, contract, actor="eva", reason=Reason.STAFF))
                self.staff ^= {contract}

    @rule(fault=st.sampled_from(FAULTS), spared=st.integers(0, 2), at_asaas=st.booleans())
    def a_provider_misbehaves(self, fault: Fault, spared: int, at_asaas: bool) -> None:
        (self.till if at_asaas else self.clinic).faults.next(*[None] * spared, fault)

    # -- what is told of it --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.till.untold)
    @rule(order=st.lists(picks, min_size=1, max_size=6), first=st.sampled_from(["once", "once", "twice", "never"]))
    def events_arrive(self, order: list[int], first: str) -> None:
        """Some events come, in any order; the first of them perhaps never, or now and once more later."""
        with self.carrying() as carrier:
            for number, pick in enumerate(order):
                if not self.till.untold:
                    return
                parcel = self.till.untold[pick % len(self.till.untold)]
                if number or first != "never":
                    carrier.carry(parcel)
                if number or first != "twice":
                    self.till.untold.remove(parcel)
                self.is_anything_lost |= first == "never"

    # -- what svahub does ----------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["read", "read", "work", "sweep_overdue", "sweep_missed"]))
    def svahub_acts(self, what: str) -> None:
        if what in {"read", "work"}:
            getattr(self, what)()
            return
        with suppress(ProviderError, Refused):  # it is tried again by the clock
            getattr(sweeping, what)(self.office, ASAAS)

    def read(self) -> None:
        """Read what may be read now, one after another, so that a run can be repeated; nobody's claim is waited for."""
        with self.hub.receiving(threads=1) as receiving:
            while receiving.turn():
                pass

    def work(self) -> None:
        """Do what may be done now, one after another."""
        with self.hub.work(threads=1) as worker:
            while worker.turn():
                pass

    @rule(days=st.sampled_from([0, 0, 0, 1, 2, 9, 31]), seconds=st.sampled_from([1, 15, 70]))
    def time_passes(self, days: int, seconds: int) -> None:
        self.hand.advance(seconds=seconds)
        self.till.advance(0)
        for _ in range(days):
            before = list(self.till.untold)
            self.till.advance(1)
            self.is_anything_lost |= any(parcel not in self.till.untold for parcel in before)  # none is kept for ever

    # -- how processes die ---------------------------------------------------------------------------------------------

    @rule(sent=st.booleans())
    def a_worker_dies(self, sent: bool) -> None:
        """Die between attempt and result, before or after the call, and come back."""
        fleet = Fleet(self.hub.registry, self.clock)
        desk = Desk(self.hub.store, fleet, self.clock, lambda: 0.5)
        for work in desk.take(1 if sent else 2)[0]:
            if sent:
                with holding(work.held):
                    work.carried_out()
        fleet.close()
        self.close()
        self.open()

    @rule(dies=st.booleans())
    def a_reader_dies_or_dawdles(self, dies: bool) -> None:
        """Claim deliveries and read them; then die, or write only later what was read, after what came between."""
        while self.slow:
            self.who_dawdled_writes()
        fleet = Fleet(self.hub.registry, self.clock)
        intray = Intray(self.hub, fleet, lambda: 0.5)
        readings, ended = intray.take(3)
        ended += [(reading, _heard(reading)) for reading in readings]
        self.slow.append((fleet, intray, ended))
        if dies:
            self.close()
            self.open()

    def who_dawdled_writes(self) -> None:
        """Write what was read long ago."""
        fleet, intray, ended = self.slow.pop(0)
        intray.put(ended)
        fleet.close()

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def no_contract_is_charged_twice_for_a_month(self) -> None:
        self.nobody_is_charged_twice()


def _heard(reading: Reading) -> Any:
    try:
        return reading.opened.relay.receive_webhook(reading.webhook)
    except ProviderError as error:
        return error


CI = settings(USUAL, max_examples=4, stateful_step_count=30)
DEEP = settings(CI, max_examples=600, stateful_step_count=50)


def test_any_order_of_payments_webhooks_and_restarts_ends_in_agreement(sqlite_template: Path) -> None:
    run_state_machine_as_test(on_file(Isp, sqlite_template), settings=CI)  # type: ignore[no-untyped-call]


@pytest.mark.deep
def test_many_orders_of_payments_webhooks_and_restarts_end_in_agreement(sqlite_template: Path) -> None:
    run_state_machine_as_test(on_file(Isp, sqlite_template), settings=DEEP)  # type: ignore[no-untyped-call]


@pytest.mark.deep
def test_and_so_they_do_on_postgresql(postgresql_url: str) -> None:
    run_state_machine_as_test(on_server(Isp, postgresql_url), settings=settings(DEEP, max_examples=200))  # type: ignore[no-untyped-call]
