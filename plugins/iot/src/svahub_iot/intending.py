"""What operators want of a contract's licences, written down: more devices, another device, one licence less.

Nothing is asked of Olli here. How many licences there are is the contract's quantity, and only that: what is added or
cancelled changes it by the core's own verb, in the transaction that notes which device is meant. An import touches it
where the file itself has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svahub import Desired
from svahub.errors import Refused, UnknownName
from svahub.extension.verbs import Action, Command, Effect
from svahub.extension.words import Outcome, State

from svahub_iot.asking import LEVEL
from svahub_iot.store import licences as store
from svahub_iot.store.licences import LicenceRow
from svahub_iot.units import Status

if TYPE_CHECKING:
    from svahub.extension import Transaction
    from svahub.extension.words import ItemRow, SubscriptionRow
    from svahub.hub import TenantHub

PROVIDER = "iot"
LONGEST = 200
LIST = "svahub iot licences list"


@dataclass(frozen=True, slots=True)
class Device:
    """A device to have a licence: its serial, and what people call it."""

    serial: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What was written down: the verb's effects, the tasks that follow, and the licences that are meant."""

    effects: tuple[Effect, ...] = ()
    tasks: tuple[int, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sold:
    """An item of a contract as it is wanted, and the sale of it that lives."""

    customer: str
    item: ItemRow
    sale: SubscriptionRow


def add(
    office: TenantHub, contract: str, devices: Sequence[Device], item: str | None = None, note: str | None = None
) -> Asked:
    """Ask for a licence for each of some devices; Refused for a device that has one."""
    with _writing(office, "add", contract, len(devices)) as transaction:
        sold = _sold(office, transaction, contract, item)
        references = _awaited(transaction, sold, devices)
        wanted = sold.item.quantity + len(devices)
        effects = _resized(office, transaction, sold, wanted, note)
        leaving = any(row.leaving and row.unit().live for row in _rows(transaction, sold))
        # where one leaves as another comes, the quantity stays, and the core sees nothing to do
        tasks = (_levelled(office, transaction, sold, references[0]),) if leaving else ()
    return Asked(effects, tasks, references)


def replace(office: TenantHub, contract: str, old: str, device: Device) -> Asked:
    """Ask for one device in the place of another: the old licence ends, then the new one is created."""
    with _writing(office, "replace", contract, 1) as transaction:
        row = _named(transaction, contract, [old])[0]
        sold = _sold(office, transaction, contract, row.item_code)
        _refuse_former(row, sold)
        (reference,) = _awaited(transaction, sold, [device])
        store.mark_leaving(transaction.connection, transaction.tenant, [row.reference], transaction.now)
        task = _levelled(office, transaction, sold, reference)
    tasks = (task, *_tasks_gone_on_with(office, sold))
    return Asked(_gone_on_with(office, sold), tasks, (row.reference, reference))


def _gone_on_with(office: TenantHub, sold: _Sold) -> tuple[Effect, ...]:
    """Have a change go on that waits for a person: the device that it waited for may be the one that was replaced."""
    key = sold.sale.key
    if sold.sale.phase.value != State.PARKED.value:
        return ()
    retried = office.operations.retry(office.operations.newest([key])[key], actor=office.bench.actor)
    return (Effect(retried, retried),)


def _tasks_gone_on_with(office: TenantHub, sold: _Sold) -> tuple[int, ...]:
    """Have tasks go on that wait for a person: what they waited for may be the licence that is no longer wanted."""
    parked = office.tasks.list(kind=LEVEL, contract=sold.item.contract_id, outcome=Outcome.PARKED)
    ids = [task.id for task in parked if task.name.startswith(f"{sold.sale.key}:")]
    return tuple(office.tasks.retry(id).id for id in ids)


def cancel(office: TenantHub, contract: str, named: Sequence[str], note: str | None = None) -> Asked:
    """Ask for the end of some licences: their items have so many less; Refused where none would be left."""
    with _writing(office, "cancel", contract, len(named)) as transaction:
        rows = _named(transaction, contract, named)
        effects: list[Effect] = []
        tasks: list[int] = []
        touched: list[_Sold] = []
        for item in sorted({row.item_code for row in rows}):
            theirs = [row for row in rows if row.item_code == item]
            sold = _sold(office, transaction, contract, item)
            for row in theirs:
                _refuse_former(row, sold)
            references = [row.reference for row in theirs]
            store.mark_leaving(transaction.connection, transaction.tenant, references, transaction.now)
            effects += _resized(office, transaction, sold, _less(sold, len(theirs)), note)
            tasks.append(_levelled(office, transaction, sold, f"{references[0]}:end"))
            touched.append(sold)
    tasks += (id for sold in touched for id in _tasks_gone_on_with(office, sold))
    return Asked(tuple(effects), tuple(tasks), tuple(row.reference for row in rows))


@contextmanager
def _writing(office: TenantHub, command: str, contract: str, licences: int) -> Iterator[Transaction]:
    """Open a transaction in which nobody else changes the contract; the audit names no device: it cannot forget."""
    with office.transaction(f"iot licences {command}", f"contract {contract}", licences=licences) as transaction:
        office.verbs.level(transaction, contract)
        yield transaction


def _less(sold: _Sold, number: int) -> int:
    left = sold.item.quantity - number
    if left < 1:
        contract, item = sold.item.contract_id, sold.item.code
        raise Refused(
            f"That would leave item {item} of contract {contract} without a licence: to end it, "
            f"svahub cancel {contract} --item {item}"
        )
    return left


# -- what is there -----------------------------------------------------------------------------------------------------


def whole(office: TenantHub) -> Iterator[LicenceRow]:
    """Stream the licences of all contracts, ended ones too."""
    with office.reading() as transaction:
        yield from store.whole(transaction.connection, transaction.tenant)


def listed(office: TenantHub, contract: str) -> list[LicenceRow]:
    """Return the licences of a contract, ended ones too; raises UnknownName for a contract that is not there."""
    office.contracts.show(contract)
    with office.reading() as transaction:
        return store.of_contract(transaction.connection, transaction.tenant, contract)


def one(office: TenantHub, contract: str, named: str) -> LicenceRow:
    """Return a licence of a contract by what somebody calls it."""
    office.contracts.show(contract)
    with office.reading() as transaction:
        return _found(store.of_contract(transaction.connection, transaction.tenant, contract), contract, named)


def _named(transaction: Transaction, contract: str, named: Sequence[str]) -> list[LicenceRow]:
    """Return the licences that are meant, each once; Refused for one that has ended, or is about to."""
    there = store.of_contract(transaction.connection, transaction.tenant, contract)
    found = {row.reference: row for row in (_found(there, contract, name) for name in named)}
    for row in found.values():
        if row.status is Status.INACTIVE:
            raise Refused(f"Licence {_called(row)} has ended ({row.cause or 'cancelled'}). All: {LIST} {contract}")
        if row.leaving:
            raise Refused(f"Licence {_called(row)} is being cancelled already. How it stands: {LIST} {contract}")
    return list(found.values())


def _found(rows: Sequence[LicenceRow], contract: str, named: str) -> LicenceRow:
    meant = [row for row in rows if named in {row.licence, row.code, row.device, row.reference}]
    if not meant:
        known = [_called(row) for row in rows if row.status is not Status.INACTIVE]
        raise UnknownName(f"licence of contract {contract}", named, known, f"All: {LIST} {contract}")
    return next((row for row in meant if row.status is not Status.INACTIVE), meant[-1])


def _called(row: LicenceRow) -> str:
    return row.licence or row.device or row.reference


def _sold(office: TenantHub, transaction: Transaction, contract: str, item: str | None) -> _Sold:
    """Return the item that is meant; Refused where it is not sold, or several are."""
    level = office.verbs.level(transaction, contract)
    ours = set(office.integrations.of_provider(PROVIDER))
    sales = {row.code: sale for row in level.items if not row.removed and (sale := level.latest(row.code)) is not None}
    there = {code: sale for code, sale in sales.items() if sale.integration in ours}
    if item is not None:
        there = {code: sale for code, sale in there.items() if code == item}
    live = {code: sale for code, sale in there.items() if sale.desired is not Desired.CANCELLED}
    if not live:
        what = f"item {item} of contract {contract}" if item is not None else f"contract {contract}"
        raise Refused(f"Nothing of IoT is sold on {what}: `svahub activate {contract}` sells what it has.")
    if len(live) > 1:
        several = ", ".join(sorted(live))
        raise Refused(f"Contract {contract} has several items of IoT ({several}): name one with --item.")
    ((code, sale),) = live.items()
    return _Sold(level.contract.customer_id, next(row for row in level.items if row.code == code), sale)


def _refuse_former(row: LicenceRow, sold: _Sold) -> None:
    if row.subscription_key != sold.sale.key:
        raise Refused(f"Licence {_called(row)} is of an earlier sale: it ended with that.")


def _rows(transaction: Transaction, sold: _Sold) -> list[LicenceRow]:
    return store.of_subscription(transaction.connection, transaction.tenant, sold.sale.key)


# -- what is written ---------------------------------------------------------------------------------------------------


def _awaited(transaction: Transaction, sold: _Sold, devices: Sequence[Device]) -> tuple[str, ...]:
    """Note which devices are to have a licence, each under a reference of its own, and return these."""
    store.hold_devices(transaction.connection, transaction.tenant, (device.serial for device in devices))
    for device in devices:
        _refuse_odd(device)
        _refuse_licensed(transaction, device)
    taken = sum(row.reference.startswith(f"{sold.sale.key}:d") for row in _rows(transaction, sold))
    rows = [_row(transaction, sold, taken + number, device) for number, device in enumerate(devices, 1)]
    store.put(transaction.connection, rows)
    return tuple(row.reference for row in rows)


def _refuse_odd(device: Device) -> None:
    if not device.serial.strip() or len(device.serial) > LONGEST or not device.serial.isprintable():
        raise Refused(f"A serial has 1 to {LONGEST} characters, and none that cannot be seen.")
    if not (device.description or "").isprintable():
        raise Refused("A description is one line of text.")


def _refuse_licensed(transaction: Transaction, device: Device) -> None:
    held = store.of_device(transaction.connection, transaction.tenant, device.serial)
    for row in held:
        if row.status is not Status.INACTIVE and not row.leaving:
            raise Refused(
                f"Device {device.serial} has a licence already ({_called(row)}, contract {row.contract_id}): "
                f"{LIST} {row.contract_id}"
            )


def _row(transaction: Transaction, sold: _Sold, number: int, device: Device) -> LicenceRow:
    sale = sold.sale
    return LicenceRow(
        tenant=transaction.tenant, integration=sale.integration, reference=f"{sale.key}:d{number}",
        subscription_key=sale.key, contract_id=sale.contract_id, item_code=sale.item_code, customer=None,
        subscription=None, licence=None, code=None, device=device.serial, description=device.description,
        status=Status.PENDING, leaving=False, cause=None, made_at=None, changed_at=transaction.now,
    )  # fmt: skip


def _resized(
    office: TenantHub, transaction: Transaction, sold: _Sold, quantity: int, note: str | None
) -> tuple[Effect, ...]:
    actor = office.bench.actor
    command = Command(
        Action.CHANGE, sold.item.contract_id, item=sold.item.code, quantity=quantity, note=note, actor=actor
    )
    return office.verbs.ask(transaction, command).effects


def _levelled(office: TenantHub, transaction: Transaction, sold: _Sold, because_of: str) -> int:
    """Ask for the licences to be brought to what is wanted of them, whatever the quantity says of that.

    `because_of` names the task: it begins with the reference of a licence, and no other intention bears it.
    """
    sale = sold.sale
    task = office.tasks.submit(
        transaction,
        sale.integration,
        LEVEL,
        because_of,
        {"key": sale.key, "item": sale.item_code},
        customer_id=sold.customer,
        contract_id=sale.contract_id,
    )
    return task.id
