"""Runtime control of the simulated Asaas over its own port, beside the toolkit's::

POST /_simulator/advance     {"days": 1}: moves the simulator's days on
POST /_simulator/status      {"payment": id, "status": STATUS}: chargebacks, dunning and the like
PUT  /_simulator/quota       {"limit": n}: how many requests a window has
PUT  /_simulator/mishaps     {KIND: rate, …} replaces all rates of webhooks' mishaps and clears the script
POST /_simulator/mishaps     {"mishaps": [KIND | null, …]}: what happens to the next events
POST /_simulator/emit        {"event": NAME, "entity": {KEY: {…}}, "everywhere": false}: tells of any event
GET  /_simulator/deliveries  {"idle": bool, "struck": {…}, "deliveries": [{"webhook", "id", "status", …}, …]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing import Answer, Problem, Request, kind_named, route

from svahub_asaas.simulator.mishaps import Mishap

if TYPE_CHECKING:
    from svahub_asaas.simulator import AsaasSimulator


class Steering:
    """The routes of control."""

    def __init__(self, simulator: AsaasSimulator) -> None:
        self._simulator = simulator

    @route("POST", "/_simulator/advance")
    def advance(self, request: Request) -> Answer:
        """Move the days on."""
        days = request.object().get("days", 1)
        if not isinstance(days, int) or days < 1:
            raise Problem(422, "invalid_days", "name a number of days")
        self._simulator.advance(days)
        return Answer(200, {"today": self._simulator.today.isoformat()})

    @route("POST", "/_simulator/status")
    def set_status(self, request: Request) -> Answer:
        """Put a charge into a status."""
        body = request.object()
        try:
            return Answer(200, self._simulator.set_status(body["payment"], body["status"]))
        except (KeyError, ValueError) as error:
            raise Problem(422, "invalid_status", str(error)) from error

    @route("PUT", "/_simulator/quota")
    def set_quota(self, request: Request) -> Answer:
        """Set how many requests there are."""
        limit = request.object().get("limit")
        if not isinstance(limit, int) or limit < 0:
            raise Problem(422, "invalid_limit", "name a number of requests")
        self._simulator.quota.limit = limit
        return Answer(204)

    @route("PUT", "/_simulator/mishaps")
    def set_mishaps(self, request: Request) -> Answer:
        """Replace the rates."""
        try:
            rates = {kind_named(Mishap, kind): float(rate) for kind, rate in request.object().items()}
            self._simulator.mishaps.clear()
            self._simulator.mishaps.set(rates)
        except (TypeError, ValueError) as error:
            raise Problem(422, "invalid_mishaps", str(error)) from error
        return Answer(204)

    @route("POST", "/_simulator/mishaps")
    def script(self, request: Request) -> Answer:
        """Append to the script."""
        kinds = request.object().get("mishaps", [])
        try:
            self._simulator.mishaps.next(*(None if kind is None else kind_named(Mishap, kind) for kind in kinds))
        except (TypeError, ValueError) as error:
            raise Problem(422, "invalid_mishaps", str(error)) from error
        return Answer(204)

    @route("POST", "/_simulator/emit")
    def emit(self, request: Request) -> Answer:
        """Tell of an event."""
        body = request.object()
        entity = body.get("entity", {})
        self._simulator.emit(str(body.get("event")), everywhere=body.get("everywhere") is True, **entity)
        return Answer(204)

    @route("GET", "/_simulator/deliveries")
    def deliveries(self, _request: Request) -> Answer:
        """Tell what was sent, and whether something is left."""
        simulator = self._simulator
        sent = [delivery._asdict() for delivery in simulator.deliveries]
        struck = dict(simulator.mishaps.struck)
        return Answer(200, {"idle": simulator.postman.is_idle(), "struck": struck, "deliveries": sent})
