"""An ISP that charges by Asaas and sells telemedicine, opened and closed again on one clock; what must hold of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select
from svahub.debt_rule import Policy
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Desired, Environment
from svahub.store import tables
from svahub.store.states import InboxState, Outcome
from svahub.testing.clocks import HandClock
from svahub_asaas import invoicing, sweeping
from svahub_asaas.billing import Month
from svahub_asaas.charges.calls import Kind
from svahub_teleclinica.simulator import Status, TeleClinicaSimulator

from proof.machines import Stored
from proof.till import TEXT, Carrier, Till

KEY, TOKEN, WORD = "SVAHUB_TEST_TILL_KEY", "SVAHUB_TEST_TILL_TOKEN", "SVAHUB_TEST_TILL_CLINIC"
ASAAS, TELE = "cobranca", "tele"
OWNERS = {"A1": ("ana", "52998224725"), "A2": ("ana", "52998224725"), "B1": ("bia", "11144477735")}
TIMEOUT, LAG = 0.4, 20.0


class Charging(Stored):
    """One ISP that charges three contracts of two people, and blocks their telemedicine while they owe."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = HandClock()
        self.till = Till(seed=1, clock=self.hand)
        self.clock = self.till.clock  # whoever moves Asaas's days moves everybody's
        self.clinic = TeleClinicaSimulator(seed=1, clock=self.clock)
        self.till.timings.lag_seconds = self.clinic.timings.lag_seconds = LAG
        self.servers = [self.till.running(), self.clinic.running()]
        for server in self.servers:
            server.__enter__()
        os.environ[KEY], os.environ[TOKEN] = self.till.credentials["key"], self.till.token
        os.environ[WORD] = self.clinic.credentials["password"]
        self.folder = tempfile.TemporaryDirectory()
        self.url = self.fresh_url(Path(self.folder.name))
        self.grace = self.asked_again = 0
        self.is_anything_lost = False
        self.exempt: set[str] = set()
        self.staff: set[str] = set()
        self.open()

    def open(self) -> None:
        """Open the store, as a process does that starts."""
        self.hub = Hub.open(self.url, clock=self.clock, draw=lambda: 0.5)
        self.office: TenantHub = self.hub.tenant("default", actor="eva")

    def close(self) -> None:
        """Forget all that this process knows."""
        self.hub.close()

    def end(self) -> None:
        """End everything."""
        self.close()
        for server in self.servers:
            server.__exit__(None, None, None)
        self.folder.cleanup()

    def sell(self, grace: int) -> None:
        """Register both providers, decide on a policy, and sell."""
        self._register(ASAAS, "asaas", self.till.url, {}, {"key": f"env:{KEY}", "webhook_token": f"env:{TOKEN}"})
        name = {"username": self.clinic.credentials["username"]}
        self._register(TELE, "teleclinica", self.clinic.url, name, {"password": f"env:{WORD}"})
        self.office.catalogue.sync(TELE)
        plan = min(p.remote_id for p in self.office.catalogue.plans(TELE))
        self.office.catalogue.link("TELE", "telemedicine", TELE, plan)
        self.decide(grace)
        report = self.office.contracts.take_in([ContractRow.model_validate(_row(c)) for c in OWNERS])
        assert not report.errors

    def _register(self, name: str, provider: str, address: str, own: dict[str, Any], secret: dict[str, str]) -> None:
        own |= {"timeout": TIMEOUT}
        self.office.integrations.add(name, provider, Environment.STAGING, address=address, settings=own, secret=secret)

    def decide(self, grace: int) -> None:
        """Let debts block after so many days."""
        self.grace = grace
        self.office.debts.set_policy(Policy(grace))

    def charge(self, *, again: bool = False) -> None:
        """Ask for the month's charges."""
        terms = invoicing.Terms(ASAAS, Month.of(self.till.today), "UNDEFINED", TEXT, 10, again)
        wanted = [one.invoice for one in invoicing.considered(self.office, terms) if one.invoice is not None]
        self.asked_again += sum(one.number > 1 for one in wanted)
        invoicing.ask(self.office, terms, wanted)

    def is_known(self, id: str) -> bool:
        """Say whether we know that this charge was made."""
        return any(task.remote_id == id for task in self.office.tasks.list())

    @contextmanager
    def carrying(self) -> Iterator[Carrier]:
        """Bring events from Asaas to us."""
        endpoint = str(self.office.integrations.show(ASAAS).endpoint).rpartition("/")[2]
        carrier = Carrier(self.hub, endpoint, self.till.token)
        try:
            yield carrier
        finally:
            carrier.close()

    # -- to the end ----------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Do and tell all that is open, and what comes of that."""
        for turn in range(12):
            self.hand.advance(seconds=400)
            with self.hub.work(threads=2) as worker:
                worker.drain()
            self._tell_the_rest()
            with self.hub.receiving(threads=2) as receiving:
                receiving.drain()
            if not self._is_anything_open():
                return
            self._try_again(patience=turn < 2)

    def _tell_the_rest(self) -> None:
        with self.carrying() as carrier:
            while self.till.untold:
                carrier.carry(self.till.untold.pop(0))

    def _is_anything_open(self) -> bool:
        due = [table.c.due_at.is_not(None) for table in (tables.subscriptions, tables.tasks, tables.inbox)]
        given_up = [table.c.outcome == Outcome.PARKED for table in (tables.operations, tables.tasks)]
        every = [*due, *given_up, tables.inbox.c.state == InboxState.FAILED]
        with self.hub.store.read() as connection:
            return any(connection.execute(select(exists().where(one))).scalar_one() for one in every)

    def _try_again(self, *, patience: bool) -> None:
        """Try again what was given up, as a person would; let go at last what Asaas does not do."""
        for operation in self.office.operations.list(Outcome.PARKED):
            self.office.operations.retry(operation.id, actor="eva")
        for task in list(self.office.tasks.list(outcome=Outcome.PARKED)):
            if patience or task.kind == Kind.CREATE:
                self.office.tasks.retry(task.id)
            else:
                self.office.tasks.discard(task.id, "it cannot be done")
        if failed := [one.id for one in self.office.inbox.list(state=InboxState.FAILED)]:
            self.office.inbox.replay(failed)

    def both_sides_agree(self) -> None:
        """Bring all to its end, sweep if anything was lost, and compare."""
        self.till.faults.clear()
        self.clinic.faults.clear()
        self.settle()
        if self.is_anything_lost:
            self.hand.advance(seconds=1)  # what was read at the same instant as the list is taken for newer
            sweeping.sweep_missed(self.office, ASAAS)
        self.office.debts.judge_all()
        self.settle()
        self.nobody_is_charged_twice()
        self._debts_agree()
        self._blocked_are_those_who_owe()

    # -- what must hold ------------------------------------------------------------------------------------------------

    def nobody_is_charged_twice(self) -> None:
        """Assert that there is one charge for each contract and month, by Asaas's own list."""
        charges = self.till.charges
        assert not self.till.asked_twice()
        assert len(charges) <= len({(charge.contract, charge.month) for charge in charges}) + self.asked_again

    def _debts_agree(self) -> None:
        ours = {debt.reference: (debt.contract_id, debt.since, debt.amount) for debt in self.office.debts.list()}
        assert ours == {id: (charge.contract, charge.due, charge.value) for id, charge in self.till.owed.items()}
        assert not [one for one in self.office.inbox.list() if one.state is not InboxState.DONE]

    def _blocked_are_those_who_owe(self) -> None:
        wanted = {contract: self._level(contract) for contract in OWNERS}
        sold = self.office.subscriptions.list(integration=TELE)
        assert {one.contract_id: one.desired for one in sold} == wanted
        theirs = {user.cpf: user.status for user in self.clinic.users}
        assert len(theirs) == len(list(self.clinic.users))
        for person, document in set(OWNERS.values()):
            all_blocked = all(wanted[c] is Desired.BLOCKED for c, (owner, _) in OWNERS.items() if owner == person)
            assert (theirs[document] is Status.BLOCKED) is all_blocked, (person, wanted, theirs)

    def _level(self, contract: str) -> Desired:
        due = [charge.due for charge in self.till.owed.values() if charge.contract == contract]
        late = any((self.till.today - day).days > self.grace for day in due) and contract not in self.exempt
        return Desired.BLOCKED if late or contract in self.staff else Desired.ACTIVE


def _row(contract: str) -> dict[str, Any]:
    person, document = OWNERS[contract]
    return {
        "contract_id": contract,
        "customer": {"id": person, "name": "Pessoa Inventada", "document": document},
        "price": "119.90",
        "due_day": 10,
        "items": [{"code": "1", "product_code": "NET"}, {"code": "2", "product_code": "TELE"}],
    }
