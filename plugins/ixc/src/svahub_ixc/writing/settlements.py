"""Settling the receivable of a charge that was paid elsewhere: the one that was due with it, and never twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from svahub import TaskResult
from svahub.errors import NeedsPerson

from svahub_ixc.receivables import OPEN, PARTLY, RECEIVED, TABLE, read
from svahub_ixc.service import Condition
from svahub_ixc.wire import brazilian
from svahub_ixc.writing.notes import contract_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub import Task

    from svahub_ixc.service import WebService
    from svahub_ixc.settings import Settlements as Account
    from svahub_ixc.wire import Receivable

SETTLEMENTS = "fn_areceber_recebimentos_baixas_novo"


@dataclass(frozen=True, slots=True)
class Settlements:
    """The settlements of one IXC."""

    service: WebService
    account: Account

    def perform(self, task: Task) -> TaskResult:
        """Settle the receivable that was due with the charge; one that was settled already is left as it is."""
        amount, due_on = Decimal(task.payload["amount"]), date.fromisoformat(task.payload["due_on"])
        chosen = the_one(self._receivables(task), amount, due_on, contract_of(task))
        if chosen.status == RECEIVED:
            return TaskResult(details={"receivable": chosen.id, "settled_before": True})
        row = {
            "filial_id": self.account.branch,
            "id_receber": chosen.id,
            "conta_": self.account.account_name,
            "id_conta": self.account.account,
            "tipo_recebimento": self.account.kind,
            "data": brazilian(date.fromisoformat(task.payload["paid_on"])),
            "valor_parcela": f"{chosen.open_amount:.2f}",
            "valor_total_recebido": f"{amount:.2f}",
            "previsao": "N",
            "historico": f"Pago em {task.payload['integration']} [svahub {task.key}]",
        }
        return TaskResult(self.service.insert(SETTLEMENTS, row), {"receivable": chosen.id})

    def find(self, task: Task) -> TaskResult | None:
        """Return the settlement that bears the task's reference; that settlements are listed so is assumed."""
        receivables = [one.id for one in self._receivables(task)]
        rows = self.service.among(SETTLEMENTS, "id_receber", receivables)
        found = next((row for row in rows if task.key in row.get("historico", "")), None)
        return TaskResult(found["id"], {"receivable": found["id_receber"]}) if found else None

    def _receivables(self, task: Task) -> list[Receivable]:
        contract = contract_of(task)
        columns = ("id_contrato", "id_contrato_avulso")
        rows = (row for name in columns for row in self.service.rows(TABLE, Condition(name, "=", contract)))
        return [one for one in map(read, rows) if one.contract == contract]


def the_one(receivables: Sequence[Receivable], amount: Decimal, due_on: date, contract: str) -> Receivable:
    """Return the receivable that a charge was for: due on the same day, else in its month with that amount.

    Those that were received count too, so that a charge never settles the next one of the same amount. NeedsPerson
    where none is it, more than one is, or what was paid does not cover it.
    """
    billed = [one for one in receivables if one.status in {OPEN, PARTLY, RECEIVED} and one.data_vencimento is not None]
    same_day = [one for one in billed if one.data_vencimento == due_on]
    same_month = [one for one in billed if _month(one) == (due_on.year, due_on.month)]
    of_amount = [[one for one in several if one.valor == amount] for several in (same_day, same_month)]
    found = of_amount[0] or same_day or of_amount[1]
    if len(found) != 1:
        what = "no receivable" if not found else "more than one receivable"
        raise NeedsPerson(f"contract {contract} has {what} of {due_on} at IXC: settle the right one there")
    if found[0].status != RECEIVED and found[0].open_amount > amount:
        raise NeedsPerson(f"less was paid than receivable {found[0].id} of IXC is of: settle it there")
    return found[0]


def _month(one: Receivable) -> tuple[int, int]:
    assert one.data_vencimento is not None
    return one.data_vencimento.year, one.data_vencimento.month
