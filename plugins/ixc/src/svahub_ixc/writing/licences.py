"""`licencas_iot`: a row for each licence of an item, and its link to the contract's product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svahub import TaskResult

from svahub_ixc.service import Condition
from svahub_ixc.writing.logins import product_of
from svahub_ixc.writing.notes import contract_of
from svahub_ixc.writing.rows import differs, level

if TYPE_CHECKING:
    from svahub import Task

    from svahub_ixc.service import WebService
    from svahub_ixc.settings import LicenceColumns
    from svahub_ixc.wire import Product, Row

TABLE, LINKS = "licencas_iot", "licencas_produtos_iot"
INACTIVE = "I"


@dataclass(frozen=True, slots=True)
class Licences:
    """The licences of one IXC."""

    service: WebService
    columns: LicenceColumns

    def perform(self, task: Task) -> TaskResult:
        """Bring the row of every licence to what is known; one that has ended, or is of no platform, is not added."""
        there, product = self._there(task), product_of(self.service, task.payload["item"])
        written = []
        for licence in task.payload["licences"]:
            row = there.get(licence["id"])
            if row is None and (licence["status"] == INACTIVE or product is None or not product.id_integracao_iot):
                continue
            wanted = self._known(task, licence) | ({} if row or not product else self._new(task, licence, product))
            written.append(level(self.service, TABLE, row, wanted))
        self._link(task, written)
        return TaskResult(details={"rows": written})

    def find(self, task: Task) -> TaskResult | None:
        """Return the rows if all are in step and linked."""
        there = self._there(task)
        live = [one for one in task.payload["licences"] if one["status"] != INACTIVE or one["id"] in there]
        if any(one["id"] not in there or differs(there[one["id"]], self._known(task, one)) for one in live):
            return None
        rows = [there[one["id"]]["id"] for one in live]
        return None if self._unlinked(task, rows) else TaskResult(details={"rows": rows})

    def _there(self, task: Task) -> dict[str, Row]:
        rows = self.service.rows(TABLE, Condition(self.columns.contract, "=", contract_of(task)))
        return {row.get(self.columns.licence, ""): row for row in rows}

    def _known(self, task: Task, licence: Mapping[str, str]) -> Row:
        ids = {
            self.columns.customer: task.payload["customer"],
            self.columns.subscription: task.payload["subscription"],
            self.columns.code: licence["code"],
        }
        return {self.columns.status: licence["status"]} | {name: id for name, id in ids.items() if id}

    def _new(self, task: Task, licence: Mapping[str, str], product: Product) -> Row:
        return {
            self.columns.contract: contract_of(task),
            self.columns.licence: licence["id"],
            self.columns.integration: product.id_integracao_iot,
            self.columns.description: product.descricao,
        }

    def _link(self, task: Task, rows: list[str]) -> None:
        for row in self._unlinked(task, rows):
            link = {self.columns.of: row, self.columns.product: task.payload["item"], self.columns.quantity: "1"}
            self.service.insert(LINKS, link)

    def _unlinked(self, task: Task, rows: list[str]) -> list[str]:
        linked = {
            row[self.columns.of]
            for row in self.service.among(LINKS, self.columns.of, rows)
            if row.get(self.columns.product) == task.payload["item"]
        }
        return [row for row in rows if row not in linked]
