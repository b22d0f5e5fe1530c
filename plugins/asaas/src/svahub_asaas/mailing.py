"""Asking for mails, as tasks: greetings to customers, the payment report to the ISP; nobody gets the same one twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from svahub.errors import UnknownName

from svahub_asaas.invoicing import today
from svahub_asaas.mail.letters import Kind
from svahub_asaas.store import texts as store

if TYPE_CHECKING:
    from svahub.hub import TenantHub


@dataclass(frozen=True, slots=True)
class Greeted:
    """How many birthdays there are, and how many of them were asked to be greeted now."""

    birthdays: int
    opted_out: int
    asked: int


def greet(office: TenantHub, integration: str) -> Greeted:
    """Ask for a greeting to every customer who has their birthday today, and wants one; once a year for each."""
    on = today(office)
    born = office.contracts.birthdays(on)
    with office.reading() as transaction:
        unwilling = store.opted_out(transaction.connection, office.name)
    whom = [customer for customer in born if customer not in unwilling]
    if not whom:
        return Greeted(len(born), len(born), 0)
    subject, many = f"integration {integration}", len(whom)
    with office.transaction("asaas mail birthdays", subject, customers=many) as transaction:
        asked = [
            office.tasks.submit(
                transaction, integration, Kind.BIRTHDAY, f"{customer}/{on.year}", {}, customer_id=customer
            )
            for customer in whom
        ]
    return Greeted(len(born), len(born) - many, sum(task.new for task in asked))


def report(office: TenantHub, integration: str) -> bool:
    """Ask for the report on last month to be mailed to the ISP; return whether it was not before."""
    last = today(office).replace(day=1) - timedelta(days=1)
    payload = {"first": last.replace(day=1).isoformat(), "last": last.isoformat()}
    with office.transaction("asaas mail report", f"integration {integration}", month=f"{last:%Y-%m}") as transaction:
        task = office.tasks.submit(transaction, integration, Kind.PAYMENT_REPORT, f"{last:%Y-%m}", payload)
    return bool(task.new)


def opt_out(office: TenantHub, customer: str) -> None:
    """Note that a customer wants no greetings; UnknownName where nobody bears the id."""
    if next(office.contracts.list(customer=customer), None) is None:
        raise UnknownName("customer", customer, [], "Customers come with contracts: svahub contracts list")
    with _noting(office, "asaas mail opt-out", customer) as transaction:
        store.opt_out(transaction.connection, office.name, customer, transaction.now)


def opt_in(office: TenantHub, customer: str) -> None:
    """Note that a customer has nothing against greetings."""
    with _noting(office, "asaas mail opt-in", customer) as transaction:
        store.opt_in(transaction.connection, office.name, customer)


def _noting(office: TenantHub, command: str, customer: str) -> Any:
    return office.transaction(command, f"customer {customer}")


def opted_out(office: TenantHub) -> list[dict[str, Any]]:
    """Return who wants no greetings."""
    with office.reading() as transaction:
        found = store.opted_out(transaction.connection, office.name)
    return [{"customer": customer, "since": since} for customer, since in sorted(found.items())]
