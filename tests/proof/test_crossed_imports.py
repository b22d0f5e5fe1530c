"""An import that PostgreSQL undoes because another transaction stood in its way: the chunk is merged again, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
from svahub.intake import ContractRow
from svahub.models import Desired

from proof.isp import Isp


@contextmanager
def crossing(url: str) -> Iterator[psycopg.Connection]:
    """Open a transaction that never notices a deadlock itself, so that the other is undone."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("SET deadlock_timeout = '1h'")
        yield connection


SOMEBODY_WAITS = """
SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
"""


def wait_until_it_waits(importing: Thread, url: str) -> None:
    """Return once the import waits for a lock of another transaction."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        while importing.is_alive() and not connection.execute(SOMEBODY_WAITS).fetchone():
            connection.execute("SELECT pg_sleep(0.01)")


def test_an_import_that_was_crossed_is_merged_again_and_counted_once(isp_on_postgresql: Isp) -> None:
    isp = isp_on_postgresql
    isp.take_in([1, 2])
    isp.work()
    reports = []
    importing = Thread(target=lambda: reports.append(_blocked(isp)))
    with crossing(isp.url) as other:
        other.execute("SELECT 1 FROM accounts WHERE customer_id = 'P2' FOR UPDATE")
        importing.start()
        wait_until_it_waits(importing, isp.url)
        other.execute("SELECT 1 FROM customers WHERE id = 'P1' FOR UPDATE")
    importing.join()
    assert reports == [(1, 2, {"block": 2, "create_user": 1})]
    isp.work()
    isp.agree({1: Desired.BLOCKED, 2: Desired.BLOCKED, 3: Desired.ACTIVE})


def _blocked(isp: Isp) -> tuple[int, int, dict[str, int]]:
    """Import two contracts in debt and a new one."""
    rows = [isp.row(1, block_reasons=["overdue"]), isp.row(2, block_reasons=["overdue"]), isp.row(3)]
    report = isp.office.contracts.take_in([ContractRow.model_validate(row) for row in rows])
    return report.added, report.changed, dict(report.verbs)
