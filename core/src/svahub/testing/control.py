"""Runtime control of a simulator over its own port, which only this machine reaches::

    GET  /_simulator/faults    {"rates": {KIND: rate}, "struck": {KIND: how often so far}}
    PUT  /_simulator/faults    {KIND: rate, …} replaces all rates and clears the script; {} switches all off
    POST /_simulator/next      {"faults": [KIND | [KIND, …] | null, …], "method", "path"}: what the next requests meet
    PUT  /_simulator/timings   {"lag_seconds": 5, …}: sets those that are named, the others stay
    PUT  /_simulator/accepted  {"accepted": [{"password": …}, …]}: takes exactly these; what one leaves out stays
    GET  /_simulator/state     the provider's own list of what it has
    GET  /_simulator/requests  {"total", "counts": {"METHOD /route": {STATUS: n}}}; status 0: left without an answer

These requests need no credentials, meet no faults and are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing.faults import Fault
from svahub.testing.http import Answer, Problem, Request, route

if TYPE_CHECKING:
    from svahub.testing.simulator import Simulator

CONTROL = "/_simulator/"


class Control:
    """The routes of runtime control."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    @route("GET", CONTROL + "faults")
    def faults(self, _request: Request) -> Answer:
        """Tell the rates, and how often each fault has struck."""
        faults = self._simulator.faults
        return Answer(200, {"rates": faults.rates, "struck": dict(faults.struck)})

    @route("PUT", CONTROL + "faults")
    def set_faults(self, request: Request) -> Answer:
        """Replace all rates."""
        try:
            rates = {Fault.parse(kind): float(rate) for kind, rate in request.object().items()}
            self._simulator.faults.clear()
            self._simulator.faults.set(rates)
        except (TypeError, ValueError) as error:
            raise Problem(422, "invalid_faults", str(error)) from error
        return self.faults(request)

    @route("POST", CONTROL + "next")
    def script(self, request: Request) -> Answer:
        """Append to the script."""
        body = request.object()
        try:
            strikes = [_strike(item) for item in body["faults"]]
            self._simulator.faults.next(*strikes, method=body.get("method"), path=body.get("path", ""))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Problem(422, "invalid_script", str(error)) from error
        return Answer(204)

    @route("PUT", CONTROL + "timings")
    def set_timings(self, request: Request) -> Answer:
        """Set some of the timings."""
        try:
            self._simulator.timings.update({name: float(value) for name, value in request.object().items()})
        except (TypeError, ValueError) as error:
            raise Problem(422, "invalid_timings", str(error)) from error
        return Answer(204)

    @route("PUT", CONTROL + "accepted")
    def accept(self, request: Request) -> Answer:
        """Replace the credentials that are taken."""
        try:
            self._simulator.accept(*request.object()["accepted"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Problem(422, "invalid_credentials", "name them as a list of objects, as they were printed") from error
        return Answer(204)

    @route("GET", CONTROL + "state")
    def state(self, _request: Request) -> Answer:
        """Tell all that the provider has."""
        return Answer(200, self._simulator.state())

    @route("GET", CONTROL + "requests")
    def requests(self, _request: Request) -> Answer:
        """Tell how many requests each route had, and how they ended."""
        counts: dict[str, dict[str, int]] = {}
        for (path, status), number in sorted(self._simulator.counts.items()):
            counts.setdefault(path, {})[str(status)] = number
        return Answer(200, {"total": self._simulator.counts.total(), "counts": counts})


def _strike(item: str | list[str] | None) -> Fault | frozenset[Fault] | None:
    if item is None:
        return None
    return Fault.parse(item) if isinstance(item, str) else frozenset(Fault.parse(kind) for kind in item)
