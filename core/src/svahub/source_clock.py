"""The clock of a source, which may differ from ours: told by the Date of its answers, as they are recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from svahub.fleet import ExchangeLog

if TYPE_CHECKING:
    from svahub.exchange import Exchange, Recorder
    from svahub.store.queue import Lane


class HeedingLog(ExchangeLog):
    """Exchanges that wait to be written, and how far the first of them says that the source's clock is ahead of ours.

    Who tells no Date has our clock. What is said is never too late: seconds are cut, and the answer took its time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ahead: timedelta | None = None

    def recorder(self, lane: Lane, *, sensitive: bool = True) -> Recorder:
        """Return what records to this log, and heeds the first Date."""
        return _Heeding(self, super().recorder(lane, sensitive=sensitive))

    def there(self, ours: datetime) -> datetime:
        """Return what the source's clock says at an instant of ours."""
        return ours + (self.ahead or timedelta())


class _Heeding:
    def __init__(self, log: HeedingLog, inner: Recorder) -> None:
        self._log, self._inner = log, inner

    def record(self, exchange: Exchange) -> None:
        if self._log.ahead is None:
            self._log.ahead = ahead(exchange)
        self._inner.record(exchange)


def ahead(exchange: Exchange) -> timedelta | None:
    """Return how far the clock of who answered is ahead of ours at least; None where the answer has no Date."""
    date = next((value for name, value in exchange.response_headers.items() if name.lower() == "date"), "")
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return told - exchange.at - timedelta(milliseconds=exchange.milliseconds)
