"""`/health/live` and `/health/ready`: whether this process answers, and whether it can take anything in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from svahub.masking import mask_text
from svahub.store import StoreUnavailable, versions

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from svahub.hub import Hub

log = logging.getLogger(__name__)


class Health:
    """Answers for one installation; why it is not ready is in the log, where the store's address may be."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def live(self, _request: Request) -> Response:
        """Answer, as long as anything is answered."""
        return JSONResponse({"status": "live"})

    def ready(self, _request: Request) -> Response:
        """Answer 200 while the store can be read and has this svahub's version, else 503."""
        try:
            with self._hub.store.read() as connection:
                version = versions.current(connection)
        except StoreUnavailable as error:
            return _not_ready(str(error))
        if version != versions.HEAD:
            return _not_ready(f"the store has version {version}, this svahub wants {versions.HEAD}")
        return JSONResponse({"status": "ready"})


def _not_ready(cause: str) -> Response:
    log.warning("not ready: %s", mask_text(cause))
    return JSONResponse({"status": "not ready"}, 503)
