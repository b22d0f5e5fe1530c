"""IXC's receivables as debts: past due, received, cancelled, and what is owed only because a day has gone by."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from svahub import Debt, DebtSettled
from svahub.errors import Unreachable

from .conftest import Erp

PAST, TODAY, COMING = "2026-11-20", "2026-11-23", "2026-12-10"


def owe(erp: Erp, due: str = PAST, **columns: str) -> str:
    usual = {"id_contrato": "7", "valor": "99.90", "valor_aberto": "99.90", "status": "A", "liberado": "S"}
    return erp.simulator.write("fn_areceber", **{**usual, "data_vencimento": due, **columns})


def told(erp: Erp, since: datetime | None = None, **more: object) -> list[Debt | DebtSettled]:
    return list(erp.source(**more).receivables(since))


def debt(reference: str, since: str = PAST, amount: str = "99.90", contract: str = "7") -> Debt:
    return Debt(contract, reference, date.fromisoformat(since), Decimal(amount))


def test_what_is_open_and_past_due_is_a_debt(erp: Erp) -> None:
    late = owe(erp)
    owe(erp, TODAY)
    owe(erp, COMING)
    assert told(erp) == [debt(late)]


def test_all_that_is_owed_leaves_out_what_was_settled(erp: Erp) -> None:
    owe(erp, status="R", valor_aberto="0.00", pagamento_data=TODAY)
    owe(erp, status="C")
    assert told(erp) == []


def test_what_is_not_released_is_no_debt(erp: Erp) -> None:
    assert told(erp) == []
    id = owe(erp, liberado="N")
    assert told(erp) == [DebtSettled("7", id)]


@pytest.mark.parametrize("owed", [True, False])
def test_a_part_that_is_left_is_a_debt_if_the_isp_says_so(erp: Erp, *, owed: bool) -> None:
    id = owe(erp, status="P", valor_aberto="30.00")
    wanted = debt(id, amount="30.00") if owed else DebtSettled("7", id)
    assert told(erp, partly_received_is_debt=owed) == [wanted]


def test_a_receivable_is_of_its_single_contract_too_and_of_none_it_is_passed_over(erp: Erp) -> None:
    id = owe(erp, id_contrato="0", id_contrato_avulso="8")
    owe(erp, id_contrato="", id_contrato_avulso="0")
    assert told(erp) == [debt(id, contract="8")]


def test_a_pull_asks_for_what_changed(erp: Erp) -> None:
    owe(erp)
    paid = owe(erp)
    moved = owe(erp)
    void = owe(erp)
    erp.clock.advance(minutes=1)
    since = erp.clock.now()
    assert told(erp, since) == []
    erp.simulator.change("fn_areceber", paid, status="R", pagamento_data=TODAY)
    erp.simulator.change("fn_areceber", moved, data_vencimento=COMING)
    erp.simulator.change("fn_areceber", void, status="C")
    assert told(erp, since) == [DebtSettled("7", paid), DebtSettled("7", moved), DebtSettled("7", void)]


def test_what_nobody_touched_becomes_a_debt_when_its_day_is_over(erp: Erp) -> None:
    id = owe(erp, TODAY)
    erp.clock.advance(hours=2)
    since = erp.clock.now()
    assert told(erp, since) == []
    erp.clock.advance(days=1)
    assert told(erp, since) == [debt(id, TODAY)]


def test_the_day_is_the_erps(erp: Erp) -> None:
    id = owe(erp, TODAY)
    erp.clock.advance(hours=14, minutes=59)  # 23:59 in São Paulo
    assert told(erp) == []
    erp.clock.advance(minutes=2)
    assert told(erp) == [debt(id, TODAY)]


def test_without_a_stamp_what_was_paid_since_is_asked_for(erp: Erp) -> None:
    paid = owe(erp, status="R", pagamento_data=TODAY)
    owe(erp, status="R", pagamento_data=PAST)
    erp.clock.advance(minutes=1)
    assert told(erp, erp.clock.now(), receivables_stamped=False) == [DebtSettled("7", paid)]


def test_a_receivable_that_cannot_be_read_is_not_passed_over(erp: Erp) -> None:
    id = owe(erp, valor_aberto="muito")
    with pytest.raises(Unreachable, match=f"fn_areceber {id}: valor_aberto cannot be read"):
        told(erp)
