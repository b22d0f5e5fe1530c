"""Reads TeleClínica's paged listings as streams."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from svahub.errors import Cause, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import ProviderClient

    from svahub_teleclinica import wire


def entries(
    client: ProviderClient, route: str, page: type[wire.Page[wire.Entry]], *, size: int, status: str | None = None
) -> Iterator[wire.Entry]:
    """Stream all pages; an entry that moved on to the next page meanwhile comes once.

    Raise Unreachable(INCOMPLETE) when a page brings nothing new before `total` is reached.
    """
    received, before = 0, frozenset[str]()
    for number in count(1):
        answer = client.get(route, params={"page": number, "limit": size, "status": status}, returns=page)
        fresh = [entry for entry in answer.data if entry.id not in before]
        yield from fresh
        received, before = received + len(fresh), frozenset(entry.id for entry in answer.data)
        if received >= answer.total:
            return
        if not fresh:
            raise Unreachable(Cause.INCOMPLETE, f"the listing ended after {received} of {answer.total}")
