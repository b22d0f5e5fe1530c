"""A PostgreSQL that lets nobody wait long for a lock: what a provider has done is written all the same, once."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import Connection, select, text
from svahub import points
from svahub.models import Desired
from svahub.points import Point
from svahub.store.tables import chains

from proof.isp import Isp


class UntilRefused(logging.Handler):
    """Holds a lock from the first send on, until the store has refused so often."""

    def __init__(self, connection: Connection, times: int) -> None:
        super().__init__(logging.WARNING)
        self.connection, self.left, self.held = connection, times, False

    def seen(self, point: Point) -> None:
        """Take the lock."""
        if point is Point.SENT and not self.held:
            self.held = True
            self.connection.execute(select(chains).with_for_update())

    def emit(self, record: logging.LogRecord) -> None:
        """Let the lock go at the last refusal."""
        self.left -= record.getMessage() == "the store refused"
        if not self.left:
            self.connection.rollback()


@pytest.fixture
def impatient_isp(isp_on_postgresql: Isp) -> Isp:
    engine = isp_on_postgresql.hub.store.engine
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE \"{engine.url.database}\" SET lock_timeout = '100ms'"))
    engine.dispose()
    return isp_on_postgresql


@pytest.mark.parametrize("times", [1, 2, 4])
def test_what_cannot_be_written_at_once_is_written_later_and_not_taken_for_the_plugins_bug(
    impatient_isp: Isp, times: int
) -> None:
    isp = impatient_isp
    isp.take_in([1])
    with isp.hub.store.engine.connect() as other:
        holder = UntilRefused(other, times)
        logging.getLogger("svahub").addHandler(holder)
        points.watch(holder.seen)
        try:
            isp.work()
        finally:
            points.watch(None)
            logging.getLogger("svahub").removeHandler(holder)
    assert holder.left <= 0
    isp.agree({1: Desired.ACTIVE})
    isp.nobody_is_there_twice()
