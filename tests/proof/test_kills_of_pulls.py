"""Killed at every point in turn while the ERP is pulled and written to: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from svahub import DebtSettled, Environment, Payment
from svahub.extension import Transaction
from svahub.store.states import Outcome
from svahub_ixc.simulator import IxcSimulator

from proof.isp import HASTY, Isp, opened
from proof.nursery import Ended, Nursery
from proof.test_kills import Note, killed_in_turn

VARIABLE = "SVAHUB_TEST_ERP"
TELE, CODE = "2", "sva-7-21"
NOTES, SETTLEMENTS = "cliente_contrato_historico", "fn_areceber_recebimentos_baixas_novo"
ACCOUNT = {"branch": "1", "account": "2", "account_name": "Caixa", "kind": "D"}
WRITTEN = dict.fromkeys(("write_notes", "write_logins", "write_settlements"), True)
MOST = 60
"""More points than any of this has."""


@dataclass
class Erp:
    """An ISP whose contracts are at IXC alone."""

    isp: Isp
    ixc: IxcSimulator

    def sign(self) -> str:
        """Let a customer sign, who owes something that is not due yet."""
        contract = self.ixc.sign(TELE)
        bill = {"valor": "99.90", "valor_aberto": "99.90", "status": "A", "liberado": "S"}
        self.ixc.write("fn_areceber", id_contrato=contract, data_vencimento="2035-01-10", **bill)
        return contract

    def pay(self, contract: str) -> None:
        """Have a charge be paid, as a plugin that bills tells of it."""
        payment = Payment(Decimal("99.90"), date(2035, 1, 9), date(2035, 1, 10))
        with self.isp.hub.store.write() as connection:
            transaction = Transaction(connection, "default", self.isp.hub.store.now(connection), "tele")
            told = [DebtSettled(contract, f"charge of {contract}", payment)]
            self.isp.office.debts.report(transaction, "tele", told)

    def pull(self) -> None:
        """Pull, do what follows, and write back what came of it."""
        self.isp.succeed("source", "pull", "erp")
        self.isp.succeed("work", "--once")

    def all_is_there_once(self, *, paid: bool) -> None:
        """Assert that who signed has one contract, one user, one note, one login, and one settlement if they paid."""
        signed = [row["id"] for row in self.ixc.rows("cliente_contrato")]
        assert sorted(one.id for one in self.isp.office.contracts.list()) == sorted(signed)
        documents = [row["cnpj_cpf"].translate(str.maketrans("", "", ".-")) for row in self.ixc.rows("cliente")]
        assert Counter(user.cpf for user in self.isp.clinic.users) == Counter(documents)
        for table in (NOTES, "sva_usuarios"):
            assert Counter(row["id_contrato"] for row in self.ixc.rows(table)) == Counter(signed), table
        settled = [row["id_receber"] for row in self.ixc.rows(SETTLEMENTS)]
        assert Counter(settled) == Counter(signed if paid else [])
        assert {task.outcome for task in self.isp.office.tasks.list()} <= {Outcome.SUCCEEDED}
        self.isp.nothing_is_open()


@contextmanager
def fed(url: str, folder: Path, nursery: Nursery) -> Iterator[Erp]:
    """Open an ISP on an empty store, with an ERP and a clinic of its own."""
    ixc = IxcSimulator(seed=1)
    with ixc.running(), opened(url, folder, nursery) as isp:
        isp.variables = {VARIABLE: ixc.credentials["token"]}
        os.environ |= isp.variables
        isp.office.catalogue.link(CODE, "telemedicine", "tele", isp.plans[0])
        given = {"watch": False, "settlements": ACCOUNT, **WRITTEN, **HASTY}
        secret = {"token": f"env:{VARIABLE}"}
        isp.office.sources.add("erp", "ixc", Environment.STAGING, address=ixc.url, settings=given, secret=secret)
        yield Erp(isp, ixc)


def kill_who_pulls(erp: Erp) -> int:
    """Kill a pull at each of its points; then pull again."""

    def killed(number: int) -> Ended:
        erp.sign()
        return erp.isp.run("source", "pull", "erp", at=number)

    def again() -> None:
        erp.pull()
        erp.all_is_there_once(paid=False)

    return repeated(killed, again, least=8)


def kill_who_sells_and_notes(erp: Erp) -> int:
    """Kill `work` at each of its points while it sells, notes that, and keeps the login; then work again."""

    def killed(number: int) -> Ended:
        erp.sign()
        erp.isp.office.sources.pull("erp")
        return erp.isp.run("work", "--once", "--threads", "1", at=number)

    def again() -> None:
        erp.isp.succeed("work", "--once")
        erp.all_is_there_once(paid=False)

    return repeated(killed, again, least=8)


def kill_who_settles(erp: Erp) -> int:
    """Kill `work` at each of its points while it settles a receivable; then work again."""

    def killed(number: int) -> Ended:
        contract = erp.sign()
        erp.pull()
        erp.pay(contract)
        return erp.isp.run("work", "--once", "--threads", "1", at=number)

    def again() -> None:
        erp.isp.succeed("work", "--once")
        erp.all_is_there_once(paid=True)

    return repeated(killed, again, least=4)


def repeated(killed: Callable[[int], Ended], again: Callable[[], None], *, least: int) -> int:
    """Repeat what was killed at each of its points; return how many those are."""
    runs = 0
    for _ in killed_in_turn(killed, most=MOST, least=least):
        again()
        runs += 1
    return runs - 1


WAYS: dict[str, Callable[[Erp], int]] = {
    "pull": kill_who_pulls,
    "sell": kill_who_sells_and_notes,
    "settle": kill_who_settles,
}


@pytest.mark.deep
@pytest.mark.parametrize("way", WAYS)
def test_all_is_there_once_wherever_who_pulls_or_writes_is_killed(
    sqlite_url: str, tmp_path: Path, nursery: Nursery, way: str, note: Note
) -> None:
    with fed(sqlite_url, tmp_path, nursery) as erp:
        note("points", WAYS[way](erp))
