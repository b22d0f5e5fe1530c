"""What customers owe at IXC: receivables that are past due, and those that are no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from svahub import Debt, DebtSettled
from svahub.errors import Cause, Unreachable

from svahub_ixc import wire
from svahub_ixc.service import Condition, WebService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from svahub_ixc.settings import IxcSettings

TABLE = "fn_areceber"
OPEN, RECEIVED, PARTLY = "A", "R", "P"


@dataclass(frozen=True, slots=True)
class Receivables:
    """The receivables of one IXC, as they are on a day there."""

    service: WebService
    settings: IxcSettings
    today: date

    def changed(self, since: datetime | None) -> Iterator[Debt | DebtSettled]:
        """Stream what became owed or was settled; None: all that is owed."""
        rows = self._all() if since is None else self._since(since)
        return (told for row in rows if (told := self._told(row)) is not None)

    def _all(self) -> Iterator[wire.Row]:
        """Stream what is past due; what the core has and this does not tell of is owed no more."""
        return self._rows(Condition("status", "IN", f"{OPEN},{PARTLY}"), self._due("<", self.today))

    def _since(self, since: datetime) -> Iterator[wire.Row]:
        zone = ZoneInfo(self.settings.zone)
        day = since.astimezone(zone).date()
        if self.settings.receivables_stamped:
            yield from self._rows(Condition("ultima_atualizacao", ">=", wire.local(since, zone)))
        else:
            yield from self._rows(Condition("status", "=", RECEIVED), self._paid(day))
        if day < self.today:  # what was due then is past due now, though nobody has changed it
            yield from self._rows(Condition("status", "IN", f"{OPEN},{PARTLY}"), *self._became_due(day))

    def _became_due(self, first: date) -> tuple[Condition, Condition]:
        return self._due(">=", first), self._due("<", self.today)

    def _rows(self, *conditions: Condition) -> Iterator[wire.Row]:
        return self.service.rows(TABLE, *conditions)

    def _due(self, operator: str, day: date) -> Condition:
        return Condition("data_vencimento", operator, day.isoformat())

    def _paid(self, first: date) -> Condition:
        return Condition("pagamento_data", ">=", first.isoformat())

    def _told(self, row: wire.Row) -> Debt | DebtSettled | None:
        one = read(row)
        if not one.contract:
            return None
        if self._is_debt(one) and one.data_vencimento is not None and one.data_vencimento < self.today:
            return Debt(one.contract, one.id, one.data_vencimento, one.open_amount)
        return DebtSettled(one.contract, one.id)

    def _is_debt(self, one: wire.Receivable) -> bool:
        owed = one.status == OPEN or (one.status == PARTLY and self.settings.partly_received_is_debt)
        return owed and one.liberado != "N"


def read(row: wire.Row) -> wire.Receivable:
    """Return a receivable; raises Unreachable(MALFORMED) for one that cannot be read: no debt is passed over."""
    try:
        return wire.Receivable.model_validate(row)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(part["loc"][0]) for part in error.errors(include_input=False)}))
    raise Unreachable(Cause.MALFORMED, f"{TABLE} {row.get('id', '')}: {wrong} cannot be read")
