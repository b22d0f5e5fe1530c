"""Notes in a contract's history: each bears its task's reference, by which it is found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from svahub import TaskResult
from svahub.errors import Rejected

from svahub_ixc.service import Condition
from svahub_ixc.wire import brazilian

if TYPE_CHECKING:
    from svahub import Task

    from svahub_ixc.service import WebService
    from svahub_ixc.settings import IxcSettings

TABLE = "cliente_contrato_historico"


def contract_of(task: Task) -> str:
    """Return the contract that a task is about; Rejected where it names none."""
    if task.contract_id is None:
        raise Rejected("no_contract", "the task names no contract")
    return task.contract_id


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes of one IXC."""

    service: WebService
    settings: IxcSettings

    def perform(self, task: Task) -> TaskResult:
        """Add the note."""
        contract = contract_of(task)
        day = datetime.fromisoformat(task.payload["at"]).astimezone(ZoneInfo(self.settings.zone)).date()
        row = {
            "tipo": self.settings.note_kind,
            "data": brazilian(day),
            "historico": f"{task.payload['text']} [svahub {task.key}]",
            "id_cliente": self._customer(task, contract),
            "id_contrato": contract,
        }
        return TaskResult(self.service.insert(TABLE, row))

    def find(self, task: Task) -> TaskResult | None:
        """Return the note that bears the task's reference."""
        rows = self.service.rows(TABLE, Condition("id_contrato", "=", contract_of(task)))
        found = next((row for row in rows if task.key in row.get("historico", "")), None)
        return TaskResult(found["id"]) if found else None

    def _customer(self, task: Task, contract: str) -> str:
        if task.account is not None:
            return task.account.customer.id
        return self.service.row("cliente_contrato", contract)["id_cliente"]
