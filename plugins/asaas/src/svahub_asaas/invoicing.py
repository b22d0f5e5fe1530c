"""Asking Asaas for charges: one for each contract and month, as tasks; what becomes of them is in `following`.

Each page of contracts is one transaction that keeps the invoices and their tasks together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from svahub.errors import Refused
from svahub.extension.words import ContractStatus, Outcome

from svahub_asaas.billing import Invoice, Left, Month, invoice
from svahub_asaas.charges.calls import Kind
from svahub_asaas.charges.wire import BRASILIA
from svahub_asaas.store import charges
from svahub_asaas.store import invoices as store
from svahub_asaas.store.invoices import Asked, InvoiceRow

if TYPE_CHECKING:
    from datetime import date

    from svahub.extension import Transaction
    from svahub.extension.words import Whole
    from svahub.hub import TenantHub


PROVIDER = "asaas"
PAGE = 500
AT_ONCE = 100
"""So many are asked for in one transaction: while it lasts, nobody else writes to SQLite."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all charges of a run have in common; `default_day` is for contracts without a due day."""

    integration: str
    month: Month
    billing_type: str
    template: str
    default_day: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Considered:
    """One contract: what it is to be charged, or why it is not."""

    contract_id: str
    invoice: Invoice | None
    left: Left | None = None


def integrations_of(office: TenantHub) -> list[str]:
    """Return the names of the tenant's integrations with Asaas."""
    return office.integrations.of_provider(PROVIDER)


def the_integration(office: TenantHub, named: str | None) -> str:
    """Return the integration that was named, or the only one with Asaas; Refused says how to name it."""
    return office.integrations.the_one(PROVIDER, named)


def considered(office: TenantHub, terms: Terms, only: Collection[str] = ()) -> Iterator[Considered]:
    """Stream the active contracts (of `only` those, if any are named) with what each is to be charged."""
    integrations = integrations_of(office)
    wholes = (whole for whole in office.contracts.whole(ContractStatus.ACTIVE) if not only or whole.contract.id in only)
    while page := list(islice(wholes, PAGE)):
        with office.reading() as transaction:
            ids = [whole.contract.id for whole in page]
            asked = store.newest(transaction.connection, office.name, str(terms.month), ids)
            span = terms.month.day(1), terms.month.day(31)
            charged = charges.charged_by_subscription(transaction.connection, office.name, ids, *span)
        for whole in page:
            one = _considered(office, terms, whole, asked.get(whole.contract.id), integrations)
            is_charged = one.invoice is not None and one.contract_id in charged
            yield Considered(one.contract_id, None, Left.CHARGED) if is_charged else one


def not_active(office: TenantHub) -> Iterator[Considered]:
    """Stream the contracts that are not charged as they are not active."""
    for status, why in ((ContractStatus.PENDING, Left.PENDING), (ContractStatus.CANCELLED, Left.CANCELLED)):
        yield from (Considered(contract.id, None, why) for contract in office.contracts.list(status))


def _considered(
    office: TenantHub, terms: Terms, whole: Whole, before: Asked | None, integrations: Collection[str]
) -> Considered:
    wanted = invoice(whole, terms.month, integrations, terms.default_day)
    id = whole.contract.id
    if isinstance(wanted, Left):
        return Considered(id, None, wanted)
    if before is None:
        return Considered(id, wanted)
    if terms.again and _is_over(office, before):
        return Considered(id, replace(wanted, number=before.invoice.number + 1))
    return Considered(id, None, Left.LET_GO if before.deleted and not terms.again else Left.CHARGED)


def _is_over(office: TenantHub, asked: Asked) -> bool:
    """Say whether nobody is asked to pay an invoice any more: its charge was deleted, or its task let go."""
    if asked.charge is not None:
        return bool(asked.deleted) and not _is_at_asaas(office, asked)
    let_go = office.tasks.show(asked.invoice.task_id).outcome is Outcome.DISCARDED
    return let_go and not _is_at_asaas(office, asked)


def _is_at_asaas(office: TenantHub, asked: Asked) -> bool:
    """Ask for a charge that is not to be there: a call whose answer never came made it, or somebody brought it back."""
    from svahub_asaas import Asaas

    with office.provider(asked.invoice.integration, Asaas) as asaas:
        found = asaas.charges.with_reference(asked.invoice.reference)
    return found is not None and not found.deleted


def ask(
    office: TenantHub, terms: Terms, wanted: Iterable[Invoice], asked: Callable[[int], None] = lambda _many: None
) -> list[int]:
    """Ask for charges, a page in a transaction, and return the ids of their tasks; what was asked for is not again."""
    wanted = iter(wanted)
    tasks: list[int] = []
    while page := list(islice(wanted, AT_ONCE)):
        subject = f"integration {terms.integration}"
        month, many = str(terms.month), len(page)
        with office.transaction("asaas invoices create", subject, month=month, contracts=many) as transaction:
            tasks += _asked(office, transaction, terms, page)
        asked(len(page))
    return tasks


def _asked(office: TenantHub, transaction: Transaction, terms: Terms, page: list[Invoice]) -> list[int]:
    rows, tasks = [], []
    for one in page:
        task = office.tasks.submit(
            transaction,
            terms.integration,
            Kind.CREATE,
            one.name,
            _payload(one, terms),
            customer_id=one.customer_id,
            contract_id=one.contract_id,
        )
        tasks.append(task.id)
        if task.new:
            rows.append(_row(one, terms, task.key, task.id, transaction))
    elsewhere = store.add(transaction.connection, rows)
    if elsewhere:
        raise Refused(f"Another integration charges {', '.join(sorted(elsewhere))} just now. Ask again.")
    return tasks


def _payload(one: Invoice, terms: Terms) -> dict[str, Any]:
    return {
        "value": str(one.value),
        "due_date": one.due_date.isoformat(),
        "month": str(one.month),
        "billing_type": terms.billing_type,
        "template": terms.template,
    }


def _row(one: Invoice, terms: Terms, reference: str, task_id: int, transaction: Transaction) -> InvoiceRow:
    return InvoiceRow(
        transaction.tenant,
        terms.integration,
        one.contract_id,
        str(one.month),
        one.number,
        reference,
        task_id,
        one.value,
        one.due_date,
        transaction.now,
    )


def due_of(office: TenantHub, one: Invoice) -> date:
    """Return when a charge that is made now is due: a date that has passed, by Asaas's day, is none."""
    return max(one.due_date, office.bench.now().astimezone(BRASILIA).date())


def today(office: TenantHub) -> date:
    """Return the day that it is where the tenant is."""
    return office.bench.now().astimezone(office.bench.zone).date()
