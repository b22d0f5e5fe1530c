"""Who holds something at the integrations of one provider, and what: for whom that provider's plugin tells of it.

What is sold and is not to end is held, be it active or blocked. Whoever holds nothing is as little there as who never
came, and as another tenant's customers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from svahub.areas.bench import Bench
from svahub.errors import UnknownName
from svahub.models import Customer
from svahub.store import catalogue, contracts, holders, integrations
from svahub.store.holders import HolderRow, HoldingRow
from svahub.store.rows import PlanRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Holders:
    """The customers of one tenant who hold something of a provider."""

    bench: Bench
    provider: str

    def plans(self, after: tuple[str, str], limit: int) -> Sequence[PlanRow]:
        """Return the first plans that follow an integration and a remote id, retired ones too."""

        def read(connection: Connection, name: str, start: str, most: int) -> list[PlanRow]:
            return catalogue.plans_after(connection, self.bench.tenant, (name, start), most, integration=name)

        return self._across(after, limit, read)

    def page(self, after: tuple[str, str], limit: int) -> Sequence[HolderRow]:
        """Return the first that follow an integration and a customer's id, those who hold nothing any more too.

        To leave these out here would read them all, however many there are.
        """

        def read(connection: Connection, name: str, start: str, most: int) -> list[HolderRow]:
            return holders.page(connection, self.bench.tenant, name, start, most)

        return self._across(after, limit, read)

    def customer(self, id: str) -> tuple[Customer, Sequence[HoldingRow]]:
        """Return a customer with all that they hold; UnknownName when that is nothing, or when they were erased."""
        with self.bench.store.read() as connection:
            held = holders.of_customer(connection, self.bench.tenant, id, self._names(connection))
            row = contracts.customers_by_id(connection, self.bench.tenant, [id]).get(id) if held else None
        if row is None or row.erased_at is not None:
            raise UnknownName("customer", id, [])
        return row.customer(), held

    def holdings(self, id: str, after: tuple[str, str, int], limit: int) -> Sequence[HoldingRow]:
        """Return the first of what a customer holds that follow a contract, item and sale; UnknownName as above."""
        _, held = self.customer(id)
        return [row for row in held if row.place > after][:limit]

    def _across(
        self, after: tuple[str, str], limit: int, read: Callable[[Connection, str, str, int], Sequence[T]]
    ) -> list[T]:
        """Read from one integration after the other: of several at once, a database would sort all before the first."""
        found: list[T] = []
        with self.bench.store.read() as connection:
            for name in self._names(connection):
                if name >= after[0] and len(found) < limit:
                    found += read(connection, name, after[1] if name == after[0] else "", limit - len(found))
        return found

    def _names(self, connection: Connection) -> list[str]:
        rows = integrations.of_tenant(connection, self.bench.tenant)
        return sorted(row.name for row in rows if row.provider == self.provider)
