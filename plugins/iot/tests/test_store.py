"""The licences' table on each database: what is written over what, what follows, what is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from svahub.hub import Hub
from svahub.testing.clocks import HandClock
from svahub_iot.store import licences as store
from svahub_iot.store.licences import LicenceRow
from svahub_iot.units import Status

NOW = HandClock().now()
ROW = LicenceRow(
    tenant="default", integration="casa", reference="k:1", subscription_key="k", contract_id="C1", item_code="1",
    customer="cus_1", subscription="sub_1", licence="lic_1", code="OLLI", device="SN-1", description="Portão",
    status=Status.ACTIVE, leaving=False, cause=None, made_at=NOW, changed_at=NOW,
)  # fmt: skip
AWAITED = replace(ROW, reference="k:d1", licence=None, code=None, device="SN-2", status=Status.PENDING, made_at=None)


@contextmanager
def _table(url: str) -> Iterator[Any]:
    with Hub.open(url) as hub, hub.store.write() as connection:
        store.put(connection, [ROW, AWAITED])
        yield connection


@pytest.fixture
def table(database_url: str) -> Iterator[Any]:
    """Return a connection to a store with two licences, once on each database."""
    with _table(database_url) as connection:
        yield connection


def found(connection: Any, reference: str) -> LicenceRow:
    return next(row for row in store.of_subscription(connection, "default", "k") if row.reference == reference)


def test_an_answer_that_lacks_something_takes_nothing_away(table: Any) -> None:
    later = replace(ROW, device=None, description=None, code=None, status=Status.BLOCKED, made_at=HandClock().now())
    store.put(table, [later])
    assert found(table, "k:1") == replace(ROW, status=Status.BLOCKED)


def test_licences_follow_their_subscription_and_what_is_awaited_does_not_before_it_ends(table: Any) -> None:
    statuses = []
    for status in (Status.BLOCKED, Status.ACTIVE, Status.INACTIVE):
        store.follow(table, "default", "k", status, NOW)
        statuses.append([row.status.value for row in store.whole(table, "default")])
    assert statuses == [["B", "P"], ["A", "P"], ["I", "I"]]


def test_what_is_to_leave_stays_so_whatever_is_written_and_what_never_came_is_over(table: Any) -> None:
    store.mark_leaving(table, "default", ["k:1", "k:d1"], NOW)
    store.put(table, [ROW])
    assert [(row.status.value, row.leaving) for row in store.whole(table, "default")] == [("A", True), ("I", True)]


def test_a_device_is_given_a_licence_by_one_at_a_time(postgresql_url: str) -> None:
    with Hub.open(postgresql_url) as hub, hub.store.write() as one, hub.store.write() as other:
        store.hold_devices(one, "default", ["SN-1"])
        other.execute(text("SET LOCAL lock_timeout = '50ms'"))
        store.hold_devices(other, "default", ["SN-2"])
        store.hold_devices(other, "other", ["SN-1"])
        with pytest.raises(OperationalError, match="LockNotAvailable"):
            store.hold_devices(other, "default", ["SN-3", "SN-1"])


def test_licences_are_found_by_contract_and_device_and_only_by_their_own_isp(table: Any) -> None:
    assert [row.reference for row in store.of_contract(table, "default", "C1")] == ["k:1", "k:d1"]
    assert [row.reference for row in store.of_device(table, "default", "SN-2")] == ["k:d1"]
    assert store.of_device(table, "other", "SN-2") == []
    assert store.wanted(table, "default", "k") is None
    assert store.of_customer(table, "default", "P1") == []
