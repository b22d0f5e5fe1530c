"""A pull that is killed after any of its transactions, and repeated: nothing is lost, nothing is there twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, func, select, update
from svahub import Debt
from svahub.store.tables import (
    accounts,
    block_reasons,
    contracts,
    customers,
    debts,
    items,
    operations,
    sources,
    subscriptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CONTRACTS = 600
TABLES = (customers, contracts, items, accounts, subscriptions, operations, debts, block_reasons)


def held(url: str) -> dict[str, int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        counted = {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in TABLES}
    engine.dispose()
    return counted


@pytest.fixture
def killed(isp: Any, killed_in: Callable[..., list[str]]) -> list[str]:
    """Return the stores that a pull of 600 contracts and debts would leave if it were killed, in turn."""
    isp.source()
    for id in map(str, range(CONTRACTS)):
        isp.erp.sign(id)
        isp.erp.tell(Debt(id, f"r{id}", date(2026, 10, 1), Decimal(10)))
    return killed_in(isp.hub.store.url, lambda: isp.office.sources.pull("erp"))


def repeat(open_isp_of: Callable[[str], Any], url: str) -> Any:
    """Pull as another process does, after the one that was killed."""
    isp = open_isp_of(url)
    with isp.hub.store.write() as connection:
        connection.execute(update(sources).values(owner=None, owned_until=None))
    isp.office.sources.pull("erp")
    return isp


def is_whole(url: str) -> bool:
    counts = held(url)
    reasons = counts.pop("block_reasons")
    return set(counts.values()) == {CONTRACTS} and reasons == 0


def test_a_pull_that_is_killed_between_its_batches_and_repeated_ends_as_one_that_was_not(
    killed: list[str], open_isp_of: Callable[[str], Any]
) -> None:
    begun = next(url for url in killed if held(url)["contracts"])
    assert held(begun)["contracts"] < CONTRACTS
    isp = repeat(open_isp_of, begun)
    assert is_whole(begun)
    assert isp.erp.asked == [("contracts", None), ("receivables", None)] * 2


@pytest.mark.deep
def test_a_pull_that_is_killed_anywhere_and_repeated_ends_as_one_that_was_not(
    killed: list[str], open_isp_of: Callable[[str], Any]
) -> None:
    assert len(killed) > 8
    for url in killed:
        repeat(open_isp_of, url)
        assert is_whole(url)
