"""Reading what a client sends, no further than a limit and no longer than a while."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_BODY = 1024 * 1024
BODY_SECONDS = 10.0
CUT = {"connection": "close"}
"""Who sends too much, or too slowly, is not listened to any longer."""


async def body_of(request: Request, limit: int = LARGEST_BODY, seconds: float = BODY_SECONDS) -> bytes:
    """Return a request's body; raises HTTPException 413 as soon as it is too large, 408 when it does not come."""
    if _announced(request) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError as error:
        raise HTTPException(408, f"The body did not come within {seconds:g} seconds.", CUT) from error
    except ClientDisconnect as error:
        raise HTTPException(408, "The connection was closed before the whole body had come.", CUT) from error


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than {limit} bytes.", CUT)


def _announced(request: Request) -> int:
    """Return the length that the client says; what it does not say is counted as it comes."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0
