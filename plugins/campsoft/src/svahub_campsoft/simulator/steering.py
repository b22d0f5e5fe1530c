"""Campsoft's own controls: how many licences are left, and tokens that end before their time::

POST /_simulator/licences       {"product": ID, "left": 3}: null for no limit
POST /_simulator/expire-tokens  {}: no token that was given so far is taken any more
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing import Answer, Problem, Request, checks, route

if TYPE_CHECKING:
    from svahub_campsoft.simulator.server import CampsoftSimulator


class Steering:
    """The route of this control."""

    def __init__(self, simulator: CampsoftSimulator) -> None:
        self._simulator = simulator

    @route("POST", "/_simulator/licences")
    def set_licences(self, request: Request) -> Answer:
        """Set how many licences of a product are left."""
        body = checks.fields(request, {"product": checks.text}, {"left": checks.count})
        product = self._simulator.products.get(body["product"])
        if product is None:
            raise Problem(404, "invalid_product", "there is no such product")
        product.licences = body.get("left")
        return Answer(204)
