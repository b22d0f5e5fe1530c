"""One POST over a socket of its own, without a client library: a simulator sends to this machine only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

NO_ANSWER = 0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


async def post(url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> int:
    """Return the status of the answer; 0 where there is none in time, or where the address is not on loopback."""
    target = urlsplit(url)
    if target.scheme != "http" or target.hostname not in LOOPBACK:
        return NO_ANSWER
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _exchange(target, headers, body)
    except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError):
        return NO_ANSWER


async def _exchange(target: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
    reader, writer = await asyncio.open_connection(target.hostname, target.port or 80)
    try:
        writer.write(_head(target, headers, len(body)) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        await reader.readexactly(_length(head[1:]))
        return int(head[0].split()[1])
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _head(target: SplitResult, headers: Mapping[str, str], length: int) -> bytes:
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    always = {"Host": target.netloc, "Content-Length": str(length), "Connection": "close"}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**always, **headers}.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _length(lines: list[str]) -> int:
    fields = (line.partition(":") for line in lines)
    return next((int(value) for name, _, value in fields if name.strip().lower() == "content-length"), 0)
