"""What the plugin holds about a customer: given out whole, erased but for ids, codes and statuses."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from svahub import hookimpl

from svahub_iot.store import licences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.extension import Transaction


class CustomersKept:
    """The plugin's part of `customers export` and `customers erase`."""

    @hookimpl
    def export_customer(self, transaction: Transaction, customer_id: str) -> Mapping[str, Any] | None:
        """Return the customer's licences, with their devices."""
        held = licences.of_customer(transaction.connection, transaction.tenant, customer_id)
        return {"licences": [asdict(row) for row in held]} if held else None

    @hookimpl
    def erase_customer(self, transaction: Transaction, customer_id: str) -> None:
        """Forget the customer's devices and what was written about them; what Olli was told stays known by its ids."""
        licences.forget_customer(transaction.connection, transaction.tenant, customer_id, transaction.now)
