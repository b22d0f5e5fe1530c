"""Invoices that were asked for: how they stand, what is done about their charges, and what pays them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from svahub.errors import Refused
from svahub.extension.words import Outcome

from svahub_asaas.charges.calls import Kind
from svahub_asaas.status import IN_CASH, Standing, standing
from svahub_asaas.store import invoices as store

if TYPE_CHECKING:
    from svahub.hub import TenantHub

    from svahub_asaas import Asaas
    from svahub_asaas.billing import Month
    from svahub_asaas.charges.wire import Boleto, PixCode
    from svahub_asaas.store.invoices import Asked

T = TypeVar("T")

AGAIN = "svahub asaas invoices create CONTRACT --again"
UNDO_CASH = "svahub asaas invoices undo-cash {id} takes that back"
OTHERWISE = "Where Asaas says otherwise: svahub asaas sync"
ENDED = frozenset({Outcome.SUCCEEDED, Outcome.DISCARDED})


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
    """Return an invoice as people see it; its id is its task's.

    It is due when Asaas says: a date that had passed when the charge was made is none, and it may be moved there.
    """
    one = asked.invoice
    status = "deleted" if asked.deleted else asked.status
    return {
        "id": one.task_id,
        "integration": one.integration,
        "contract": one.contract_id,
        "month": one.month,
        "number": one.number,
        "value": one.value,
        "due_date": asked.due_date or one.due_date,
        "asked_due_date": one.due_date,
        "charge": asked.charge,
        "status": status,
        "net_value": asked.net_value,
        "payment_date": asked.payment_date,
        "invoice_url": asked.invoice_url,
    }


def of(office: TenantHub, id: int | str) -> Asked:
    """Return the invoice of an id, its own or its charge's at Asaas; Refused where there is none."""
    with office.reading() as transaction:
        asked = store.one(transaction.connection, office.name, id)
    if asked is None:
        raise Refused(f"There is no invoice {id}. All: svahub asaas invoices list")
    return asked


def whole(office: TenantHub, id: int | str) -> dict[str, Any]:
    """Return an invoice with how it stands with its task."""
    asked = of(office, id)
    task = office.tasks.show(asked.invoice.task_id)
    told = {"state": task.state, "outcome": task.outcome, "cause": task.cause, "advice": task.advice}
    return shown(asked) | told


def charged(office: TenantHub, id: int | str) -> Asked:
    """Return an invoice that Asaas has a charge for; Refused where it has none."""
    asked = of(office, id)
    if asked.charge is None:
        raise Refused(f"Invoice {id} has no charge yet. Why: svahub asaas invoices show {id}")
    return asked


def unpaid(office: TenantHub, id: int | str) -> Asked:
    """Return an invoice whose charge nobody has paid, as far as is known; Refused says what it is and what helps."""
    asked = charged(office, id)
    if asked.deleted:
        raise Refused(f"Invoice {id} was cancelled. To charge the contract again: {AGAIN}")
    if standing(asked.status or "", deleted=False) is Standing.PAID:
        undone = UNDO_CASH if asked.status == IN_CASH else "svahub asaas invoices refund {id} gives it back"
        raise Refused(f"Invoice {id} is paid ({asked.status}): {undone.format(id=id)}. {OTHERWISE}")
    return asked


def refundable(office: TenantHub, id: int | str) -> Asked:
    """Return an invoice whose payment Asaas may have; Refused where it was paid at the counter."""
    asked = charged(office, id)
    if asked.status == IN_CASH and not asked.deleted:
        raise Refused(f"Invoice {id} was paid at the counter, not to Asaas: {UNDO_CASH.format(id=id)}. {OTHERWISE}")
    return asked


def paid_in_cash(office: TenantHub, id: int | str) -> Asked:
    """Return an invoice that was paid at the counter, as far as is known; Refused says what it is instead."""
    asked = charged(office, id)
    if asked.deleted or asked.status != IN_CASH:
        status = "deleted" if asked.deleted else asked.status
        raise Refused(f"Invoice {id} was not paid at the counter: it is {status}. {OTHERWISE}")
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
    if "value" in payload and kind is Kind.REFUND:
        return f"{name}/{payload['value']}"
    if kind is Kind.REFUND and standing(asked.status or "", deleted=False) is not Standing.PAID:
        return name
    before = office.tasks.list(integration=asked.invoice.integration, kind=kind, contract=asked.invoice.contract_id)
    ended = sum(task.name.partition("#")[0] == name and task.outcome in ENDED for task in before)
    return f"{name}#{ended + 1}" if ended else name


def pix(office: TenantHub, id: int | str) -> PixCode:
    """Return what pays an invoice by Pix."""
    return _looked_up(office, id, lambda asaas, charge: asaas.charges.pix(charge))


def boleto(office: TenantHub, id: int | str) -> Boleto:
    """Return what pays an invoice at a bank."""
    return _looked_up(office, id, lambda asaas, charge: asaas.charges.boleto(charge))


def _looked_up(office: TenantHub, id: int | str, look: Callable[[Asaas, str], T]) -> T:
    from svahub_asaas import Asaas

    asked = charged(office, id)
    assert asked.charge is not None  # `charged` saw to it
    with office.provider(asked.invoice.integration, Asaas) as asaas:
        return look(asaas, asked.charge)
