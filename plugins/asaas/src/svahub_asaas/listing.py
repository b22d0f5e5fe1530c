"""Asaas's listings: read page by page to their end, each entry once; one that ends early is not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import Field
from svahub.errors import Cause, Unreachable

from svahub_asaas.charges.wire import Entry, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import ProviderClient

LIMIT = 100
"""As many entries as Asaas lists at once."""


E = TypeVar("E", bound=Entry)


class Page(Wire, Generic[E]):
    """One page of a listing, the newest first."""

    data: tuple[E, ...]
    has_more: bool = False
    total_count: int = Field(ge=0)


def entries(client: ProviderClient, path: str, page: type[Page[E]], **filters: Any) -> Iterator[E]:
    """Stream what a listing has; raises Unreachable(INCOMPLETE) when it brings fewer than it began with.

    What is added meanwhile pushes the rest on, so that an entry may come twice, and is passed on once.
    """
    seen: set[str] = set()
    offset, promised = 0, None
    while True:
        read = client.get(path, params={**filters, "limit": LIMIT, "offset": offset}, returns=page)
        promised = read.total_count if promised is None else promised
        new = [entry for entry in read.data if entry.id not in seen]
        seen.update(entry.id for entry in new)
        yield from new
        offset += len(read.data)
        if not read.data or not read.has_more:
            break
    if len(seen) < promised:
        raise Unreachable(Cause.INCOMPLETE, f"the listing {path} brought {len(seen)} of {promised}")
