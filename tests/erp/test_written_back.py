"""What became of contracts is written in the ERP, once each, whatever goes wrong on the way."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from svahub import DebtSettled, Payment, points
from svahub.extension import Transaction
from svahub.points import Point
from svahub.store.states import Outcome
from svahub.testing import Fault
from svahub_ixc.simulator import Upset

from erp.conftest import SETTLEMENTS, TELE, Isp

ACCOUNT = {"branch": "1", "account": "2", "account_name": "Caixa", "kind": "D"}
ALL: dict[str, Any] = {"write_notes": True, "write_logins": True, "write_settlements": True, "settlements": ACCOUNT}


def bill(isp: Isp, contract: str, due: str) -> str:
    usual = {"valor": "99.90", "valor_aberto": "99.90", "status": "A", "liberado": "S"}
    return isp.ixc.write("fn_areceber", id_contrato=contract, data_vencimento=due, **usual)


def pay(isp: Isp, contract: str, due: str, reference: str) -> None:
    """Have a charge of ours paid, as a plugin that bills tells of it."""
    payment = Payment(Decimal("99.90"), date(2026, 11, 23), date.fromisoformat(due))
    with isp.hub.store.write() as connection:
        transaction = Transaction(connection, "default", isp.hub.store.now(connection), "tele")
        isp.office.debts.report(transaction, "tele", [DebtSettled(contract, reference, payment)])


def outcomes(isp: Isp) -> set[Outcome]:
    return {task.outcome for task in isp.office.tasks.list()}


def test_nothing_is_written_where_nothing_was_asked_for(isp: Isp) -> None:
    isp.register()
    isp.ixc.sign(TELE)
    isp.follow()
    assert (isp.notes(), isp.ixc.rows("sva_usuarios"), list(isp.office.tasks.list())) == ([], [], [])


def test_a_contracts_history_tells_of_its_whole_life(isp: Isp) -> None:
    isp.register(**ALL)
    contract = isp.ixc.sign(TELE)
    for state in ({}, {"status_internet": "CA"}, {"status_internet": "A"}, {"status": "I"}):
        isp.ixc.change("cliente_contrato", contract, **state)
        isp.follow()
    verbs = ["SVA ativado", "SVA bloqueado", "SVA desbloqueado", "SVA cancelado"]
    assert isp.notes() == [(contract, verb) for verb in verbs]
    (login,) = isp.ixc.rows("sva_usuarios")
    assert (login["id_contrato"], login["status_integracao"], login["cnpj_cpf"]) == (
        contract,
        "D",
        isp.ixc.row("cliente", "1")["cnpj_cpf"],
    )
    assert outcomes(isp) == {Outcome.SUCCEEDED}


def test_a_failure_is_noted_too(isp: Isp) -> None:
    isp.register(**ALL)
    contract = isp.ixc.sign(TELE)
    isp.clinic.faults.next(*[Fault.REDIRECT] * 9, method="POST", path="/users")
    isp.follow()
    assert isp.notes() == [(contract, "SVA com falha")]


def test_a_charge_that_was_paid_settles_its_receivable_once(isp: Isp) -> None:
    isp.register(**ALL)
    contract = isp.ixc.sign(TELE)
    isp.follow()
    november, december = bill(isp, contract, "2026-11-10"), bill(isp, contract, "2026-12-10")
    for _ in range(2):
        pay(isp, contract, "2026-11-10", "pay_1")
        isp.work()
    assert [row["id_receber"] for row in isp.ixc.rows(SETTLEMENTS)] == [november]
    assert isp.ixc.row("fn_areceber", december)["status"] == "A"


LOST = [
    {"fault": Fault.DROP_AFTER},
    {"upset": Upset.PAGE_AFTER},
    {"upset": Upset.OVERLOAD},
    *(
        pytest.param(lost, marks=pytest.mark.deep)
        for lost in (
            *({"fault": fault} for fault in (Fault.ERROR_AFTER, Fault.MALFORMED, Fault.TRUNCATED, Fault.DROP)),
            *({"upset": upset} for upset in (Upset.OVERLOAD_AFTER, Upset.PAGE, Upset.PAGE_500)),
        )
    ),
]


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: str(next(iter(lost.values()))))
def test_what_answers_are_lost_nothing_is_written_twice_and_nothing_is_missing(isp: Isp, lost: dict[str, Any]) -> None:
    isp.register(**ALL)
    contract = isp.ixc.sign(TELE)
    bill(isp, contract, "2026-11-10")
    isp.pull()
    resources = ("cliente_contrato_historico", "sva_usuarios", SETTLEMENTS)
    for resource in resources:
        if "fault" in lost:
            isp.ixc.faults.next(lost["fault"], method="POST", path=f"/{resource}")
        else:
            isp.ixc.upsets.next(lost["upset"], resource=resource, lists=False)
    isp.work()
    pay(isp, contract, "2026-11-10", "pay_1")
    for _ in range(8):
        isp.clock.advance(minutes=10)
        isp.work()
        if outcomes(isp) == {Outcome.SUCCEEDED}:
            break
    assert isp.notes() == [(contract, "SVA ativado")]
    assert [len(isp.ixc.rows(resource)) for resource in resources] == [1, 1, 1]
    assert outcomes(isp) == {Outcome.SUCCEEDED}


class Killed(KeyboardInterrupt):
    """What stands for the end of a process."""


def killed_at(number: int, isp: Isp) -> bool:
    """Pull until a point is reached for that time; say whether it was. What was sent alone is what was read alone."""
    left = number

    def watch(point: Point) -> None:
        nonlocal left
        left -= point is not Point.SENT
        if left == 0:
            raise Killed

    points.watch(watch)
    try:
        isp.pull()
    except Killed:
        return True
    finally:
        points.watch(None)
    return False


@pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.deep)])
def test_a_pull_that_dies_anywhere_and_is_repeated_loses_and_doubles_nothing(isp: Isp, stride: int) -> None:
    isp.register(page_size=2, overlap=60, **ALL)
    wanted: dict[str, str] = {}
    for number in count(1, stride):
        contract, owing = isp.ixc.sign(TELE), isp.ixc.sign(TELE, status_internet="CM")
        bill(isp, contract, "2026-11-10")
        wanted |= {contract: "ACTIVE", owing: "BLOCKED"}
        if not killed_at(number, isp):
            break
        isp.clock.advance(minutes=7)
        isp.ixc.change("cliente_contrato", owing, status_internet="A")
        isp.pull()
        wanted[owing] = "ACTIVE"
    isp.pull()
    isp.work()
    assert number > 10
    assert {one.id for one in isp.office.contracts.list()} == {row["id"] for row in isp.ixc.rows("cliente_contrato")}
    sold = {contract: level for contract, level in wanted.items() if level == "ACTIVE"}
    assert isp.at_clinic() == sold
    assert Counter(isp.notes()) == Counter((contract, "SVA ativado") for contract in sold)
    debts = Counter(debt.reference for debt in isp.office.debts.list())
    assert debts == Counter(row["id"] for row in isp.ixc.rows("fn_areceber"))
