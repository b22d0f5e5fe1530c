"""`sva_usuarios`: the login of a contract's product at its platform, and how it stands (A, B, D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from svahub import TaskResult

from svahub_ixc.service import Condition
from svahub_ixc.wire import Product, Sold, punctuated
from svahub_ixc.writing.notes import contract_of
from svahub_ixc.writing.rows import differs, level

if TYPE_CHECKING:
    from svahub import Task

    from svahub_ixc.service import WebService
    from svahub_ixc.wire import Row

TABLE = "sva_usuarios"


def product_of(service: WebService, item: str) -> Product | None:
    """Return the product of a contract's item; None where the item, or its product, is gone."""
    sold = next(service.rows("vd_contratos_produtos", Condition("id", "=", item)), None)
    id = Sold.model_validate(sold).id_produto if sold else ""
    found = next(service.rows("produtos", Condition("id", "=", id)), None) if id else None
    return Product.model_validate(found) if found else None


@dataclass(frozen=True, slots=True)
class Logins:
    """The logins of one IXC."""

    service: WebService

    def perform(self, task: Task) -> TaskResult:
        """Bring the login's row to what is known; a product of no platform has none."""
        row = self._row(task)
        wanted = _known(task)
        if row is None:
            wanted = self._new(task, wanted)
            if not wanted["id_integracao"]:
                return TaskResult(details={"written": False})
        return TaskResult(level(self.service, TABLE, row, wanted))

    def find(self, task: Task) -> TaskResult | None:
        """Return the row if it is in step."""
        row = self._row(task)
        return None if row is None or differs(row, _known(task)) else TaskResult(row["id"])

    def _row(self, task: Task) -> Row | None:
        rows = self.service.rows(TABLE, Condition("id_contrato", "=", contract_of(task)))
        return next((row for row in rows if row.get("id_produto_contrato") == task.payload["item"]), None)

    def _new(self, task: Task, wanted: Row) -> Row:
        """Return a row to add: without a product of a platform it names no integration."""
        product = product_of(self.service, task.payload["item"]) if wanted["status_integracao"] != "D" else None
        of_platform = product.id_sva_integracao if product else ""
        whose = {"id_contrato": contract_of(task), "id_produto_contrato": task.payload["item"]}
        document = punctuated(task.account.customer.document) if task.account else ""
        return whose | wanted | {"id_integracao": of_platform, "user": wanted.get("user_id", ""), "cnpj_cpf": document}


def _known(task: Task) -> Row:
    """Return what the row is to have; ids that are not known stay as they are."""
    ids = {"user_id": task.payload["customer"], "subscription_id": task.payload["subscription"]}
    return {"status_integracao": task.payload["status"]} | {name: id for name, id in ids.items() if id}
