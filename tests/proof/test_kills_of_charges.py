"""Killed at every point in turn while contracts are charged and webhooks taken in and read: nothing is done twice."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Select, func, select
from svahub.debt_rule import Policy
from svahub.models import Desired, Environment
from svahub.store import tables
from svahub.store.states import EventKind, InboxState, Outcome
from svahub_asaas import following, invoicing
from svahub_asaas.billing import Month
from svahub_asaas.simulator.webhook import Parcel
from svahub_asaas.texts import set_text

from proof.isp import HASTY, Isp, numbers, opened
from proof.nursery import Child, Ended, Nursery
from proof.test_kills import Note, killed_in_turn
from proof.till import TEXT, Carrier, Till

KEY, TOKEN = "SVAHUB_TEST_KILLED_KEY", "SVAHUB_TEST_KILLED_TOKEN"
ASAAS = "cobranca"
MOST, MOST_READ = 30, 16
"""More points than any of this has."""
PATIENCE_SECONDS = 30.0


@dataclass
class Billing:
    """An ISP that also charges its contracts."""

    isp: Isp
    till: Till
    opened_before: Counter[str] = field(default_factory=Counter)

    @property
    def endpoint(self) -> str:
        path = self.isp.office.integrations.show(ASAAS).endpoint
        assert path is not None
        return path

    def sign(self, most: int) -> None:
        """Sign contracts with so many people, of nothing that a provider serves."""
        self.isp.take_in(numbers(1, most), price="119.90", due_day=10, items=[{"code": "1", "product_code": "NET"}])

    def sell_to_who_paid_late(self, most: int) -> None:
        """Sell telemedicine to so many people, who have all paid what they were charged, late and in cash."""
        self.isp.take_in(numbers(1, most), price="119.90", due_day=10)
        self.isp.office.debts.set_policy(Policy(0))
        self.ask(*numbers(1, most))
        self.isp.work()
        for number in numbers(1, most):
            self.till.make_overdue(self.charge_of(number))
            self.till.set_status(self.charge_of(number), "RECEIVED_IN_CASH")
        self.take_in(self.till.untold)
        self.till.untold.clear()
        with self.isp.hub.receiving() as receiving:
            receiving.drain()
        self.isp.work()
        assert not list(self.isp.office.debts.list())

    def ask(self, *contracts: int) -> None:
        """Ask for some contracts' charges, and do not wait."""
        terms = invoicing.Terms(ASAAS, Month.of(self.till.today), "UNDEFINED", TEXT, 10)
        found = invoicing.considered(self.isp.office, terms, {f"C{n}" for n in contracts})
        invoicing.ask(self.isp.office, terms, [one.invoice for one in found if one.invoice is not None])

    def charge_of(self, number: int) -> str:
        """Return the charge of a contract."""
        (charge,) = (charge.id for charge in self.till.charges if charge.contract == f"C{number}")
        return charge

    def owe(self, number: int) -> Parcel:
        """Let the cash of a contract be none after all; return what is told of it: it has to be asked about."""
        self.opened_before[f"C{number}"] = self._opened(f"C{number}")
        self.till.take_no_cash(self.charge_of(number))
        return self.till.untold.pop()

    def take_in(self, parcels: list[Parcel]) -> None:
        """Keep what is told, as the server does."""
        carrier = Carrier(self.isp.hub, self.endpoint.rpartition("/")[2], self.till.token)
        for parcel in parcels:
            carrier.carry(parcel)
        carrier.close()

    # -- what must hold ------------------------------------------------------------------------------------------------

    def each_is_charged_once(self, *contracts: int) -> None:
        """Assert that Asaas has one charge and one customer for each, that svahub knows which, and that all is done."""
        charges = [charge for charge in self.till.charges if charge.contract in {f"C{n}" for n in contracts}]
        assert sorted(charge.contract for charge in charges) == sorted(f"C{n}" for n in contracts)
        known = {one.charge: one.invoice.contract_id for one in following.listed(self.isp.office)}
        assert all(known.get(charge.id) == charge.contract for charge in charges)
        people = Counter(customer["cpfCnpj"] for customer in self.till.state()["customers"])
        assert set(people.values()) == {1}
        self.nothing_is_open()

    def nothing_is_open(self) -> None:
        """Assert that every task and every delivery has come to its end."""
        self.isp.nothing_is_open()
        assert {task.outcome for task in self.isp.office.tasks.list()} == {Outcome.SUCCEEDED}
        tries = select(func.count()).where(tables.task_attempts.c.ended_at.is_(None))
        with self.isp.hub.store.read() as connection:
            assert connection.execute(tries).scalar_one() == 0
        assert {one.state for one in self.isp.office.inbox.list()} <= {InboxState.DONE}

    def owes_once(self, number: int, told: Parcel, *, came: int) -> None:
        """Assert that one debt was opened, once, and blocks; that an event came so often, and was read once."""
        contract, charge = f"C{number}", self.till.owed[self.charge_of(number)]
        (debt,) = self.isp.office.debts.list(contract)
        assert (debt.reference, debt.since, debt.amount) == (charge.id, charge.due, charge.value)
        assert self._kept(select(tables.block_reasons.c.source), contract) == [f"billing:{ASAAS}"]
        assert self._opened(contract) == self.opened_before[contract] + 1
        assert [one.deliveries for one in self.isp.office.inbox.list() if one.event_id == told.id] == [came]
        self.isp.agree({number: Desired.BLOCKED})
        self.nothing_is_open()

    def _opened(self, contract: str) -> int:
        """Count how often a debt of a contract was opened."""
        told = select(tables.events.c.details).where(tables.events.c.kind == EventKind.DEBT_OPENED)
        return sum("reference" in details for details in self._kept(told, contract))

    def _kept(self, query: Select[Any], contract: str) -> list[Any]:
        (of_contract,) = (table.c.contract_id for table in query.get_final_froms())
        with self.isp.hub.store.read() as connection:
            return list(connection.execute(query.where(of_contract == contract)).scalars())


@contextmanager
def billing(url: str, folder: Path, nursery: Nursery) -> Iterator[Billing]:
    """Open an ISP on an empty store, with a till and a clinic of its own."""
    till = Till(seed=1)
    with till.running(), opened(url, folder, nursery) as isp:
        isp.variables = {KEY: till.credentials["key"], TOKEN: till.token}
        os.environ |= isp.variables
        secret = {"key": f"env:{KEY}", "webhook_token": f"env:{TOKEN}"}
        add = isp.office.integrations.add
        add(ASAAS, "asaas", Environment.STAGING, address=till.url, settings=dict(HASTY), secret=secret)
        set_text(isp.office, ASAAS, "charge", TEXT)
        yield Billing(isp, till)


# -- charges -----------------------------------------------------------------------------------------------------------


def kill_who_charges(bills: Billing) -> int:
    """Kill a command that charges one contract, and waits, at each of its points; then repeat it."""
    bills.sign(MOST)
    number = 0

    def command(number: int) -> list[str]:
        return ["asaas", "invoices", "create", f"C{number}", "--yes"]

    for number in killed_in_turn(lambda n: bills.isp.run(*command(n), at=n), most=MOST):
        if number % 2:
            bills.isp.succeed(*command(number))
        bills.isp.work()
        bills.ask(number)
        bills.each_is_charged_once(number)
    return number - 1


def kill_work_that_charges(bills: Billing) -> int:
    """Kill `work` at each of its points while two contracts are to be charged; then work again."""
    bills.sign(2 * MOST)
    number = 0

    def killed(number: int) -> Ended:
        bills.ask(number, MOST + number)
        return bills.isp.run("work", "--once", "--threads", "1", at=number)

    for number in killed_in_turn(killed, most=MOST):
        bills.isp.work()
        bills.each_is_charged_once(number, MOST + number)
    return number - 1


# -- the inbox ---------------------------------------------------------------------------------------------------------


def kill_who_reads(bills: Billing) -> int:
    """Kill `work` at each of its points while it reads of a debt, asks Asaas, and blocks; then work again."""
    bills.sell_to_who_paid_late(MOST_READ)
    told: dict[int, Parcel] = {}
    number = 0

    def killed(number: int) -> Ended:
        told[number] = bills.owe(number)
        bills.take_in([told[number]])
        return bills.isp.run("work", "--once", "--threads", "1", at=number)

    for number in killed_in_turn(killed, most=MOST_READ, least=7):
        bills.isp.succeed("work", "--once")
        bills.owes_once(number, told[number], came=1)
    return number - 1


def kill_who_takes_in(bills: Billing) -> int:
    """Kill the server once it has stored an event and not answered; it is sent again, kept once and read once."""
    bills.sell_to_who_paid_late(1)
    told = bills.owe(1)
    with serving(bills, at=1) as (server, address):
        assert tell(bills, address, told) is None
        assert server.wait().killed
    with serving(bills, at=2) as (server, address):  # it has no second point
        assert tell(bills, address, told) == 200
        os.kill(server.pid, SIGTERM)
        assert server.wait().code == 0
    bills.isp.succeed("work", "--once")
    bills.owes_once(1, told, came=2)
    return 1


@contextmanager
def serving(bills: Billing, **job: object) -> Iterator[tuple[Child, str]]:
    """Run the server in a process of its own; it has ended when the block ends."""
    output = bills.isp.folder / f"served-{time.monotonic_ns()}"
    server = bills.isp.start("serve", "--port", "0", "--json", output=str(output), **job)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (output.exists() and (line := output.read_text()).endswith("\n")):
        assert time.monotonic() < deadline, "it does not serve"
        time.sleep(0.02)
    yield server, json.loads(line)["url"]


def tell(bills: Billing, address: str, parcel: Parcel) -> int | None:
    """Deliver an event as Asaas does; return the answer's status, None where there is no answer."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)
    headers = {"asaas-access-token": bills.till.token, "Content-Type": "application/json"}
    try:
        connection.request("POST", bills.endpoint, parcel.body, headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


CHARGES: dict[str, Callable[[Billing], int]] = {"waiting": kill_who_charges, "work": kill_work_that_charges}
INBOX: dict[str, Callable[[Billing], int]] = {"read": kill_who_reads, "taken in": kill_who_takes_in}


@pytest.mark.parametrize("way", ["work", pytest.param("waiting", marks=pytest.mark.deep)])
def test_a_contract_is_charged_once_wherever_who_charges_it_is_killed(
    sqlite_url: str, tmp_path: Path, nursery: Nursery, way: str, note: Note
) -> None:
    with billing(sqlite_url, tmp_path, nursery) as bills:
        note("points", CHARGES[way](bills))


@pytest.mark.parametrize("way", ["taken in", pytest.param("read", marks=pytest.mark.deep)])
def test_an_event_is_read_once_wherever_who_takes_it_in_or_reads_it_is_killed(
    sqlite_url: str, tmp_path: Path, nursery: Nursery, way: str, note: Note
) -> None:
    with billing(sqlite_url, tmp_path, nursery) as bills:
        note("points", INBOX[way](bills))


@pytest.mark.deep
def test_and_so_it_is_charged_on_postgresql(postgresql_url: str, tmp_path: Path, nursery: Nursery, note: Note) -> None:
    with billing(postgresql_url, tmp_path, nursery) as bills:
        note("points", kill_who_charges(bills))


@pytest.mark.deep
@pytest.mark.parametrize("way", ["work", *INBOX])
def test_and_so_is_all_the_rest_there(
    postgresql_url: str, tmp_path: Path, nursery: Nursery, way: str, note: Note
) -> None:
    with billing(postgresql_url, tmp_path, nursery) as bills:
        note("points", {**CHARGES, **INBOX}[way](bills))
