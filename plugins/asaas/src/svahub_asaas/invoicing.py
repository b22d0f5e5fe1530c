"""Asking Asaas for charges: one for each contract and month, as tasks; and what was asked for before.

Each page of contracts is one transaction that keeps the invoices and their tasks together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from svahub.errors import Refused, UnknownName
from svahub.extension.words import ContractStatus, Outcome

from svahub_asaas.billing import Invoice, Left, Month, invoice
from svahub_asaas.charges.calls import Kind
from svahub_asaas.status import Standing, standing
from svahub_asaas.store import invoices as store
from svahub_asaas.store.invoices import Asked, InvoiceRow

if TYPE_CHECKING:
    from datetime import date

    from svahub.extension import Transaction
    from svahub.extension.words import Whole
    from svahub.hub import TenantHub

    from svahub_asaas import Asaas
    from svahub_asaas.charges.wire import Boleto, PixCode

T = TypeVar("T")

PROVIDER = "asaas"
PAGE = 500
AGAIN = "svahub asaas invoices create CONTRACT --again"
ENDED = frozenset({Outcome.SUCCEEDED, Outcome.DISCARDED})


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
    return [one.name for one in office.integrations.list() if one.provider == PROVIDER]


def the_integration(office: TenantHub, named: str | None) -> str:
    """Return the integration that was named, or the only one with Asaas; Refused says how to name it."""
    known = integrations_of(office)
    if named is not None:
        if named not in known:
            raise UnknownName(
                "integration with Asaas", named, known, "Add one: svahub integration add --provider asaas"
            )
        return named
    if len(known) != 1:
        told = f"There are several: {', '.join(known)}. Name one" if known else "There is none. Register one"
        how = "with --integration." if known else ": svahub integration add NAME --provider asaas"
        raise Refused(f"Which integration with Asaas? {told}{' ' if known else ''}{how}")
    return known[0]


def considered(office: TenantHub, terms: Terms, only: Collection[str] = ()) -> Iterator[Considered]:
    """Stream the active contracts (of `only` those, if any are named) with what each is to be charged."""
    integrations = integrations_of(office)
    wholes = (whole for whole in office.contracts.whole(ContractStatus.ACTIVE) if not only or whole.contract.id in only)
    while page := list(islice(wholes, PAGE)):
        with office.reading() as transaction:
            ids = [whole.contract.id for whole in page]
            asked = store.newest(transaction.connection, office.name, str(terms.month), ids)
        for whole in page:
            yield _considered(office, terms, whole, asked.get(whole.contract.id), integrations)


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
    return Considered(id, None, Left.CHARGED)


def _is_over(office: TenantHub, asked: Asked) -> bool:
    """Say whether nobody is asked to pay an invoice any more: its charge was deleted, or its task let go."""
    if asked.charge is not None:
        return bool(asked.deleted)
    return office.tasks.show(asked.invoice.task_id).outcome is Outcome.DISCARDED


def ask(
    office: TenantHub, terms: Terms, wanted: Iterable[Invoice], asked: Callable[[int], None] = lambda _many: None
) -> list[int]:
    """Ask for charges, a page in a transaction, and return the ids of their tasks; what was asked for is not again."""
    wanted = iter(wanted)
    tasks: list[int] = []
    while page := list(islice(wanted, PAGE)):
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


def today(office: TenantHub) -> date:
    """Return the day that it is where the tenant is."""
    return office.bench.now().astimezone(office.bench.zone).date()


def listed(
    office: TenantHub, *, integration: str | None = None, month: Month | None = None, contract: str | None = None
) -> Iterator[Asked]:
    """Stream what was asked for, the newest month first."""
    when = None if month is None else str(month)
    with office.reading() as transaction:
        yield from store.listed(
            transaction.connection, office.name, integration=integration, month=when, contract=contract
        )


def shown(asked: Asked) -> dict[str, Any]:
    """Return an invoice as people see it; its id is its task's."""
    one = asked.invoice
    status = "deleted" if asked.deleted else asked.status
    return {
        "id": one.task_id,
        "integration": one.integration,
        "contract": one.contract_id,
        "month": one.month,
        "number": one.number,
        "value": one.value,
        "due_date": one.due_date,
        "charge": asked.charge,
        "status": status,
        "net_value": asked.net_value,
        "payment_date": asked.payment_date,
        "invoice_url": asked.invoice_url,
    }


def of_task(office: TenantHub, id: int) -> Asked:
    """Return the invoice of an id; Refused where there is none."""
    with office.reading() as transaction:
        asked = store.by_task(transaction.connection, office.name, id)
    if asked is None:
        raise Refused(f"There is no invoice {id}. All: svahub asaas invoices list")
    return asked


def whole(office: TenantHub, id: int) -> dict[str, Any]:
    """Return an invoice with how it stands with its task."""
    asked = of_task(office, id)
    task = office.tasks.show(id)
    told = {"state": task.state, "outcome": task.outcome, "cause": task.cause, "advice": task.advice}
    return shown(asked) | told


def charged(office: TenantHub, id: int) -> Asked:
    """Return an invoice that Asaas has a charge for; Refused where it has none."""
    asked = of_task(office, id)
    if asked.charge is None:
        raise Refused(f"Invoice {id} has no charge yet. Why: svahub asaas invoices show {id}")
    return asked


def unpaid(office: TenantHub, id: int) -> Asked:
    """Return an invoice whose charge nobody has paid, as far as is known; Refused says what it is and what helps."""
    asked = charged(office, id)
    if asked.deleted:
        raise Refused(f"Invoice {id} was cancelled. To charge the contract again: {AGAIN}")
    if standing(asked.status or "", deleted=False) is Standing.PAID:
        raise Refused(
            f"Invoice {id} is paid ({asked.status}): svahub asaas invoices refund {id} gives it back. "
            "Where Asaas says otherwise: svahub asaas sync"
        )
    return asked


def follow(office: TenantHub, asked: Asked, kind: Kind, payload: dict[str, Any], *, adds: bool = True) -> int:
    """Ask for something to be done about a charge, and return the task's id; what was asked and waits is not again.

    A part of a refund is known by its value: one of the same value is given back once.
    """
    one = asked.invoice
    subject, command = f"invoice {one.task_id}", f"asaas {kind.value}"
    customer = office.contracts.show(one.contract_id).customer_id
    name = _name_of(office, asked, kind, payload)
    with office.transaction(command, subject, contract=one.contract_id) as transaction:
        task = office.tasks.submit(
            transaction,
            one.integration,
            kind,
            name,
            {"charge": asked.charge, **payload},
            customer_id=customer,
            contract_id=one.contract_id,
            adds=adds,
        )
    return task.id


def _name_of(office: TenantHub, asked: Asked, kind: Kind, payload: dict[str, Any]) -> str:
    """Return a name that is the same for the same request, until that has ended: then what it did was undone."""
    name = str(asked.charge)
    if kind is Kind.REFUND:
        return f"{name}/{payload['value']}" if "value" in payload else name
    before = office.tasks.list(integration=asked.invoice.integration, kind=kind, contract=asked.invoice.contract_id)
    ended = sum(task.name.partition("#")[0] == name and task.outcome in ENDED for task in before)
    return f"{name}#{ended + 1}" if ended else name


def pix(office: TenantHub, id: int) -> PixCode:
    """Return what pays an invoice by Pix."""
    return _looked_up(office, id, lambda asaas, charge: asaas.charges.pix(charge))


def boleto(office: TenantHub, id: int) -> Boleto:
    """Return what pays an invoice at a bank."""
    return _looked_up(office, id, lambda asaas, charge: asaas.charges.boleto(charge))


def _looked_up(office: TenantHub, id: int, look: Callable[[Asaas, str], T]) -> T:
    from svahub_asaas import Asaas

    asked = charged(office, id)
    assert asked.charge is not None  # `charged` saw to it
    with office.provider(asked.invoice.integration, Asaas) as asaas:
        return look(asaas, asked.charge)
