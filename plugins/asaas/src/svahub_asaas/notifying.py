"""Asking for notifications to be set, as tasks: one for each customer that Asaas has."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from svahub_asaas.notifications import KIND

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from svahub.extension import Transaction
    from svahub.hub import TenantHub

PAGE = 100


def customers_of(office: TenantHub, integration: str) -> dict[str, str]:
    """Return the customers that an integration's Asaas account has, with their ids there."""
    return office.users.linked(integration)


def set_all(office: TenantHub, integration: str, customers: Collection[str], wanted: Mapping[str, Any]) -> list[int]:
    """Ask for each customer's notifications to be set, a page in a transaction, and return the ids of the tasks."""
    left = iter(customers)
    tasks: list[int] = []
    while page := list(islice(left, PAGE)):
        subject, many = f"integration {integration}", len(page)
        with office.transaction("asaas notifications set", subject, customers=many, wanted=dict(wanted)) as transaction:
            tasks += [_asked(office, transaction, integration, customer, wanted) for customer in page]
    return tasks


def _asked(
    office: TenantHub, transaction: Transaction, integration: str, customer: str, wanted: Mapping[str, Any]
) -> int:
    name = f"{customer}/{transaction.now.isoformat()}"
    task = office.tasks.submit(transaction, integration, KIND, name, wanted, customer_id=customer, adds=False)
    return task.id
