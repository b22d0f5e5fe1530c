"""What is steered at the simulated Olli beside faults and tokens, over its own port::

POST /_simulator/licences  {"stock": 5 | null, "refused_devices": ["SN-1"], "cascades": true}: what is named is set
POST /_simulator/forbidden {"clients": ["olli.oa2-client.…"]}: clients that are known and may do nothing (403)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.testing import Answer, Problem, Request, checks, route

if TYPE_CHECKING:
    from svahub_iot.simulator.server import IotSimulator


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(checks.text, value))


class Steering:
    """The routes of steering; they are about the account of the credentials that are printed."""

    def __init__(self, simulator: IotSimulator) -> None:
        self._simulator = simulator

    @route("POST", "/_simulator/licences")
    def licences(self, request: Request) -> Answer:
        """Say how many licences there are to have, and for which devices none."""
        optional = {"stock": checks.count, "refused_devices": _texts, "cascades": lambda value: isinstance(value, bool)}
        account, body = self._simulator.account, checks.fields(request, {}, optional)
        account.stock = body.get("stock", account.stock)
        account.refused_devices = frozenset(body.get("refused_devices") or account.refused_devices)
        account.cascades = body.get("cascades", account.cascades)
        return Answer(204)

    @route("POST", "/_simulator/forbidden")
    def forbid(self, request: Request) -> Answer:
        """Say who may do nothing."""
        clients = checks.fields(request, {"clients": _texts})["clients"]
        if unknown := set(clients) - {one["client_id"] for one in self._simulator.accepted}:
            raise Problem(422, "unknown_client", f"no client {', '.join(sorted(unknown))}")
        self._simulator.access.forbidden = set(clients)
        return Answer(204)
