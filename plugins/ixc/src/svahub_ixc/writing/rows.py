"""Rows that are kept in step: read, merged and written whole, as IXC empties what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub_ixc.wire import rewritten

if TYPE_CHECKING:
    from svahub_ixc.service import WebService
    from svahub_ixc.wire import Row


def differs(row: Row, wanted: Row) -> bool:
    """Say whether a row has something else than what is wanted of it."""
    return any(row.get(column, "") != value for column, value in wanted.items())


def level(service: WebService, table: str, row: Row | None, wanted: Row) -> str:
    """Bring a row to what is wanted of it, or add it where there is none, and return its id.

    What somebody else writes to the same row between our reading and writing it is lost: IXC has no better way.
    """
    if row is None:
        return service.insert(table, wanted)
    if differs(row, wanted):
        service.replace(table, rewritten(row) | wanted)
    return row["id"]
