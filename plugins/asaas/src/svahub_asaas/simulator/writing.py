"""How Asaas writes amounts, dates and instants, in Brasília's time, and the pages of its lists."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from svahub.testing import Answer

from svahub_asaas.simulator.reading import MOST_PER_PAGE, queried_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from svahub.testing import Request

ZONE = ZoneInfo("America/Sao_Paulo")


class Written(Protocol):
    """What can be shown in an answer."""

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""


def number(amount: Decimal | None) -> float | None:
    """Write an amount; a float has room for every amount to the cent."""
    return None if amount is None else float(amount)


def day(value: date | None) -> str | None:
    """Write a date."""
    return None if value is None else value.isoformat()


def instant(at: datetime) -> str:
    """Write an instant, to the second."""
    return at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")


def page(request: Request, rows: Iterable[Written]) -> Answer:
    """Return the page of a list that the query asks for."""
    limit, offset = queried_number(request, "limit", 10, MOST_PER_PAGE), queried_number(request, "offset", 0)
    whole = list(rows)
    shown: Sequence[Written] = whole[offset : offset + limit]
    if request.short:
        shown = shown[:-1]
    return Answer(
        200,
        {
            "object": "list",
            "hasMore": len(whole) > offset + limit,
            "totalCount": len(whole),
            "limit": limit,
            "offset": offset,
            "data": [row.json() for row in shown],
        },
    )
