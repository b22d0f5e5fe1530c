"""What Campsoft reads from the ISP, below `/api/v1` of `svahub serve`: who has which of its products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.extension import Routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from svahub.hub import Hub

PREFIX = "/api/v1"


def _build(hub: Hub) -> Sequence[BaseRoute]:
    """Import what needs `svahub[server]` when the server does."""
    from svahub.extension.api import routes_of

    from svahub_campsoft.partner.api import API

    return routes_of(hub, API)


ROUTES = Routes(PREFIX, _build)
