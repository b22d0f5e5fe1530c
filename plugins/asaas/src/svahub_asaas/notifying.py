"""Asking for notifications to be set, as tasks: one for each customer that Asaas has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from svahub_asaas.notifications import KIND

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from svahub.hub import TenantHub


def customers_of(office: TenantHub, integration: str) -> dict[str, str]:
    """Return the customers that an integration's Asaas account has, with their ids there."""
    return office.users.linked(integration)


def set_all(office: TenantHub, integration: str, customers: Collection[str], wanted: Mapping[str, Any]) -> list[int]:
    """Ask for each customer's notifications to be set, and return the ids of the tasks."""
    if not customers:
        return []
    subject, many = f"integration {integration}", len(customers)
    with office.transaction("asaas notifications set", subject, customers=many, wanted=dict(wanted)) as transaction:
        at = transaction.now.isoformat()
        return [
            office.tasks.submit(
                transaction, integration, KIND, f"{customer}/{at}", dict(wanted), customer_id=customer, adds=False
            ).id
            for customer in customers
        ]
