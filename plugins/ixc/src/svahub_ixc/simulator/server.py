"""The simulated IXC as a whole: tokens, tables, and what a test may do to it beside HTTP."""

from __future__ import annotations

import random
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from svahub.testing import Answer, Problem, Request, Simulator, Timings, route

from svahub_ixc.simulator import upsets
from svahub_ixc.simulator.columns import KEYS, NAMES, STAMPED
from svahub_ixc.simulator.estate import Estate
from svahub_ixc.simulator.queries import Query, refused
from svahub_ixc.simulator.steering import Steering
from svahub_ixc.simulator.tables import Row, Table
from svahub_ixc.simulator.upsets import Upset, Upsets
from svahub_ixc.simulator.writing import ACTIONS, read_row, settle

if TYPE_CHECKING:
    from svahub.clock import Clock

ZONE = ZoneInfo("America/Sao_Paulo")
DONE = {"type": "success", "message": "Registro processado com sucesso!"}


class IxcSimulator(Simulator):
    """An ERP on a loopback port. `write`, `change` and `remove` are what its own people do there."""

    base_path: ClassVar[str] = "/webservice/v1"
    tells_time: ClassVar[bool] = True

    def __init__(self, seed: int | None = None, clock: Clock | None = None, timings: Timings | None = None) -> None:
        super().__init__(seed, clock, timings)
        self.upsets = Upsets(random.Random(f"{self.seed}:upsets"))  # noqa: S311 -- has to be repeatable
        self.tables = {name: Table(self.clock, NAMES[name], KEYS.get(name, ())) for name in NAMES}
        self.estate = Estate(self._insert)
        self.listings = 0
        self.add_controls(Steering(self))

    def make_credentials(self) -> dict[str, str]:
        """Return a new token: the number of a user, and a hash."""
        return {"token": f"{secrets.randbelow(90) + 10}:{secrets.token_hex(32)}"}

    def authorize(self, request: Request) -> None:
        """Take the token of a user, written as Basic authorization."""
        scheme, _, given = request.header("authorization").partition(" ")
        known = (b64encode(one["token"].encode()) for one in self.accepted)
        if scheme.lower() != "basic" or not any(secrets.compare_digest(given.encode(), one) for one in known):
            raise Problem(401, "error", "Token inválido ou usuário inativo")

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return the service's envelope."""
        return {"type": "error", "message": f"{problem.message}<br />"}

    # -- what the service answers

    @route("GET", "/{resource}")
    def get(self, request: Request, resource: str) -> Answer:
        """List rows, as the vendor's own examples ask."""
        if request.header("ixcsoft") != "listar":
            raise Problem(404, "error", "Página não encontrada")
        return self._listed(request, resource)

    @route("POST", "/{resource}")
    def post(self, request: Request, resource: str) -> Answer:
        """List rows, or insert one, or take an action."""
        if request.header("ixcsoft") == "listar":
            return self._listed(request, resource)
        if resource in ACTIONS:
            return self._struck(resource, lambda: self._act(request, resource), lists=False)
        return self._struck(resource, lambda: self._inserted(request, resource), lists=False)

    @route("PUT", "/{resource}/{id}")
    def put(self, request: Request, resource: str, id: str) -> Answer:
        """Put a whole row in the place of one: a column that is not sent is emptied."""
        return self._struck(resource, lambda: self._replaced(request, resource, id), lists=False)

    @route("DELETE", "/{resource}/{id}")
    def delete(self, request: Request, resource: str, id: str) -> Answer:  # noqa: ARG002
        """Remove a row."""
        return self._struck(resource, lambda: self._deleted(resource, id), lists=False)

    def _struck(self, resource: str, work: Callable[[], Answer], *, lists: bool) -> Answer:
        upset = self.upsets.draw(resource, lists=lists)
        if upset is not None and upset not in upsets.APPLIED:
            return upsets.page(upset)
        answer = work()
        return answer if upset in {None, Upset.SHORT_PAGE} else upsets.page(upset)

    def _listed(self, request: Request, resource: str) -> Answer:
        query = Query.of(request.json(), resource, self._table(resource).columns)
        upset = self.upsets.draw(resource, lists=True)
        if upset not in {None, Upset.SHORT_PAGE}:
            return upsets.page(upset)
        rows, total = query.rows(self._table(resource))
        self.listings += 1
        short = rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :] if upset else rows
        counted: object = total if self.listings % 2 else str(total)  # it is seen as either
        return Answer(200, {"page": str(query.page), "total": counted, **({"registros": short} if rows else {})})

    def _inserted(self, request: Request, resource: str) -> Answer:
        row = read_row(request, resource, self._table(resource).columns)
        if resource == "fn_areceber_recebimentos_baixas_novo":
            self._replace("fn_areceber", *settle(self._row("fn_areceber", row["id_receber"]), row))
        row.pop("id", None)
        return Answer(200, {**DONE, "id": self._insert(resource, row, request.lag)})

    def _replaced(self, request: Request, resource: str, id: str) -> Answer:
        self._row(resource, id)
        self._replace(resource, id, read_row(request, resource, self._table(resource).columns), request.lag)
        return Answer(200, {**DONE, "id": id})

    def _deleted(self, resource: str, id: str) -> Answer:
        self._row(resource, id)
        self._remove(resource, id)
        return Answer(200, {**DONE, "id": id})

    def _act(self, request: Request, resource: str) -> Answer:
        id = str(request.object().get("id_contrato", ""))
        contract = self._row("cliente_contrato", id)
        self._replace("cliente_contrato", id, {**contract, "status_internet": ACTIONS[resource]})
        return Answer(200, DONE)

    def _table(self, resource: str) -> Table:
        if resource not in self.tables:
            raise refused("Recurso não encontrado.")
        return self.tables[resource]

    def _row(self, resource: str, id: str) -> Row:
        row = self._table(resource).get(id)
        if row is None:
            raise refused("Registro não encontrado.")
        return row

    # -- what happens to the tables

    def _insert(self, resource: str, row: Mapping[str, str], lag: float = 0.0) -> str:
        id = self.tables[resource].insert({**row, **self._stamp(resource)}, lag)
        self._touch_contract(resource, row)
        return id

    def _replace(self, resource: str, id: str, row: Mapping[str, str], lag: float = 0.0) -> None:
        self.tables[resource].write(id, {**row, **self._stamp(resource)}, lag)
        self._touch_contract(resource, row)

    def _remove(self, resource: str, id: str) -> None:
        row = self._row(resource, id)
        self.tables[resource].delete(id)
        self._touch_contract(resource, row)

    def _touch_contract(self, resource: str, row: Mapping[str, str]) -> None:
        """Another product is a change of its contract: assumed."""
        contract = self.tables["cliente_contrato"].get(row.get("id_contrato", ""))
        if resource == "vd_contratos_produtos" and contract is not None:
            self._replace("cliente_contrato", contract["id"], contract)

    def _stamp(self, resource: str) -> dict[str, str]:
        return {"ultima_atualizacao": f"{self.local_time:%Y-%m-%d %H:%M:%S}"} if resource in STAMPED else {}

    # -- for tests

    @property
    def local_time(self) -> datetime:
        """The ERP's own time."""
        return self.clock.now().astimezone(ZONE)

    def rows(self, resource: str) -> list[Row]:
        """Return the rows of a table, the oldest first."""
        return self.between_requests(lambda: list(self.tables[resource]))

    def row(self, resource: str, id: str) -> Row:
        """Return a row; raise Problem where there is none."""
        return self.between_requests(lambda: self._row(resource, id))

    def write(self, resource: str, **columns: str) -> str:
        """Add a row and return its id."""
        return self.between_requests(lambda: self._insert(resource, columns))

    def change(self, resource: str, id: str, **columns: str) -> None:
        """Change some columns of a row."""
        self.between_requests(lambda: self._replace(resource, id, {**self._row(resource, id), **columns}))

    def remove(self, resource: str, id: str) -> None:
        """Remove a row."""
        self.between_requests(lambda: self._remove(resource, id))

    def sign(self, *products: str, **columns: str) -> str:
        """Let a new customer sign a contract with products, and return its id."""
        return self.between_requests(lambda: self.estate.sign(products, columns))

    def populate(self, contracts: int, *products: str) -> None:
        """Let many customers sign."""
        self.between_requests(lambda: self.estate.populate(contracts, products))

    def state(self) -> dict[str, Any]:
        """Return every table."""
        return {name: list(table) for name, table in self.tables.items()}
