"""What the plugin holds about a customer: given out whole, erased but for what accounting has to keep."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from svahub import hookimpl

from svahub_asaas.store import charges, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.extension import Transaction


class CustomersKept:
    """The plugin's part of `customers export` and `customers erase`."""

    @hookimpl
    def export_customer(self, transaction: Transaction, customer_id: str) -> Mapping[str, Any] | None:
        """Return the customer's charges, and since when they want no greetings."""
        held = charges.of_customer(transaction.connection, transaction.tenant, customer_id)
        since = texts.opted_out(transaction.connection, transaction.tenant).get(customer_id)
        if not held and since is None:
            return None
        return {"charges": [asdict(row) for row in held], "no_greetings_since": since}

    @hookimpl
    def erase_customer(self, transaction: Transaction, customer_id: str) -> None:
        """Forget the customer's wishes; charges stay, as accounting has to keep them: they name nobody."""
        texts.opt_in(transaction.connection, transaction.tenant, customer_id)
