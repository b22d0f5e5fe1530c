"""What a plugin's queries are made with: inserts that may meet a row, and whose contracts are meant."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from svahub.store.inserting import Upsert, for_each_database, insert_into
from svahub.store.tables import contracts

__all__ = ["Upsert", "contracts_of", "for_each_database", "insert_into"]


def contracts_of(tenant: str, customer_id: str) -> Select[Any]:
    """Return a query for the ids of a customer's contracts, for the condition that a row is about one of them."""
    return select(contracts.c.id).where(contracts.c.tenant == tenant, contracts.c.customer_id == customer_id)
