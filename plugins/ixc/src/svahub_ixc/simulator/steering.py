"""Runtime control of the simulated IXC over its own port, beside the toolkit's::

POST /_simulator/sign      {"products": [ID, …], "columns": {…}}: a new customer signs; {"contract": id}
POST /_simulator/write     {"resource": NAME, "columns": {…}}: adds a row; {"id": id}
POST /_simulator/change    {"resource": NAME, "id": ID, "columns": {…}}: changes some of its columns
POST /_simulator/remove    {"resource": NAME, "id": ID}
POST /_simulator/populate  {"contracts": n, "products": [ID, …]}: many customers sign
PUT  /_simulator/upsets    {KIND: rate, …} replaces all rates of upsets and clears the script
POST /_simulator/upsets    {"upsets": [KIND | null, …], "resource": NAME}: what the next requests meet
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing import Answer, Problem, Request, checks, kind_named, route

from svahub_ixc.simulator.upsets import Upset

if TYPE_CHECKING:
    from svahub_ixc.simulator.server import IxcSimulator


class Steering:
    """The routes of control."""

    def __init__(self, simulator: IxcSimulator) -> None:
        self._simulator = simulator

    @route("POST", "/_simulator/sign")
    def sign(self, request: Request) -> Answer:
        """Let a customer sign."""
        body = request.object()
        return Answer(200, {"contract": self._simulator.sign(*body.get("products", []), **body.get("columns", {}))})

    @route("POST", "/_simulator/write")
    def write(self, request: Request) -> Answer:
        """Add a row."""
        body = request.object()
        return Answer(200, {"id": self._simulator.write(self._resource(body), **body.get("columns", {}))})

    @route("POST", "/_simulator/change")
    def change(self, request: Request) -> Answer:
        """Change a row."""
        body = request.object()
        self._simulator.change(self._resource(body), str(body.get("id")), **body.get("columns", {}))
        return Answer(204)

    @route("POST", "/_simulator/remove")
    def remove(self, request: Request) -> Answer:
        """Remove a row."""
        body = request.object()
        self._simulator.remove(self._resource(body), str(body.get("id")))
        return Answer(204)

    @route("POST", "/_simulator/populate")
    def populate(self, request: Request) -> Answer:
        """Let many customers sign."""
        body = request.object()
        contracts, products = body.get("contracts"), body.get("products")
        if not (checks.count(contracts) and isinstance(products, list)):
            raise Problem(422, "invalid_estate", "name how many contracts, and a list of products' ids")
        self._simulator.populate(int(body["contracts"]), *map(str, products))
        return Answer(204)

    @route("PUT", "/_simulator/upsets")
    def set_upsets(self, request: Request) -> Answer:
        """Replace all rates."""
        try:
            rates = {kind_named(Upset, kind): float(rate) for kind, rate in request.object().items()}
            self._simulator.upsets.clear()
            self._simulator.upsets.set(rates)
        except (TypeError, ValueError) as error:
            raise Problem(422, "invalid_upsets", str(error)) from error
        return Answer(200, {"rates": rates, "struck": dict(self._simulator.upsets.struck)})

    @route("POST", "/_simulator/upsets")
    def script(self, request: Request) -> Answer:
        """Append to the script."""
        body = request.object()
        try:
            upsets = [None if kind is None else kind_named(Upset, kind) for kind in body["upsets"]]
        except (KeyError, TypeError, ValueError) as error:
            raise Problem(422, "invalid_script", str(error)) from error
        self._simulator.upsets.next(*upsets, resource=body.get("resource"))
        return Answer(204)

    def _resource(self, body: dict[str, object]) -> str:
        resource = body.get("resource")
        if resource not in self._simulator.tables:
            raise Problem(422, "invalid_resource", f"there is: {', '.join(self._simulator.tables)}")
        return str(resource)
