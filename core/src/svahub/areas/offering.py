"""What a customer sees behind an activation link, and what taking the offer does: one sale, with the proof of consent.

Looking changes nothing. Which link it is, the caller knows from a token that was signed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import Bench
from svahub.areas.subscriptions import Subscriptions, SubscriptionView
from svahub.commands import Action, Command
from svahub.intentions import levels, subscription_key
from svahub.models import Desired, Observed
from svahub.offers import CHANNEL, Case, Standing, item_to_sell, standing
from svahub.routes import Routes
from svahub.store import Store, contracts, offers, sales, tables
from svahub.store.offers import ActivationLinkRow
from svahub.store.rows import ItemRow
from svahub.store.states import AuditKind, State
from svahub.verbs import Verbs


class Progress(StrEnum):
    """How far it is with what was bought."""

    QUEUED = "queued"
    """Nobody has begun yet."""
    UNDER_WAY = "under_way"
    DONE = "done"
    STUCK = "stuck"
    """It waits for a person of the ISP's."""
    BLOCKED = "blocked"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a link offers: `price` in BRL; `terms` is the text of the version. Of one that was taken, how far it is."""

    standing: Standing
    title: str
    price: Decimal
    terms_version: str
    terms: str = field(repr=False)
    progress: Progress | None = None


def tenant_of_link(store: Store, id: str) -> str | None:
    """Return the tenant of a link, None when it is not kept here."""
    with store.read() as connection:
        row = offers.link_of_any(connection, id)
    return row.tenant if row else None


def case_of(connection: Connection, bench: Bench, contract: str) -> Case:
    """Return what decides whether something can be offered for a contract."""
    level = levels(connection, bench.tenant, [contract])[contract]
    id = level.contract.customer_id
    customer = contracts.customers_by_id(connection, bench.tenant, [id])[id]
    return Case(level, customer, Routes.of(connection, bench.tenant, bench.registry))


@dataclass(frozen=True, slots=True)
class Offering:
    """The offers of one tenant."""

    bench: Bench

    def look(self, id: str) -> Offer:
        """Return an offer as it is now."""
        with self.bench.store.read() as connection:
            row = offers.link_of_any(connection, id)
            assert row is not None
            text = offers.terms_in(connection, self.bench.tenant, row.product_type, row.terms_version)
            assert text is not None  # it is never deleted, and the link refers to it
            stands = standing(row, case_of(connection, self.bench, row.contract_id), self.bench.store.now(connection))
            far = self._progress(connection, row) if stands is Standing.TAKEN else None
        return Offer(stands, row.title, row.price, row.terms_version, text.text, far)

    def take(self, id: str, ip: str) -> None:
        """Sell what is offered, if it can be taken now: once, however often and however many ask at a time.

        The consent says that it was given now, from the address `ip`. Raises Refused when it cannot be sold after all.
        """
        self.bench.store.transact(lambda connection: self._take(connection, id, ip))

    def _take(self, connection: Connection, id: str, ip: str) -> None:
        row = offers.locked(connection, self.bench.tenant, id)
        assert row is not None
        contracts.lock_customers(connection, self.bench.tenant, {row.customer_id})
        case, now = case_of(connection, self.bench, row.contract_id), self.bench.store.now(connection)
        if standing(row, case, now) is not Standing.OPEN:
            return
        consent = {"at": now.isoformat(), "channel": CHANNEL, "text_version": row.terms_version, "ip": ip}
        item = item_to_sell(row, case.level, consent)
        self._put_item(connection, item, case)
        sale = self._sell(connection, row, item)
        offers.put_link(connection, replace(row, taken_at=now, item_code=item.code, sale=sale))
        self._record(connection, row, item, now)

    def _put_item(self, connection: Connection, item: ItemRow, case: Case) -> None:
        is_there = item.code in {one.code for one in case.level.items}
        (contracts.put_rows if is_there else contracts.add_rows)(connection, tables.items, [item])

    def _sell(self, connection: Connection, row: ActivationLinkRow, item: ItemRow) -> int:
        """Activate the item as whoever holds the link; return which sale of it that is."""
        who = f"{CHANNEL}:{row.id}"
        command = Command(Action.ACTIVATE, row.contract_id, item.code, actor=who, idempotency_key=who)
        issued = Verbs(self.bench.store, self.bench.registry, self.bench.tenant).issue_within(connection, command)
        (effect,) = issued.effects
        return effect.after.sale

    def _record(self, connection: Connection, row: ActivationLinkRow, item: ItemRow, now: datetime) -> None:
        """Append to the audit that it was agreed; not from where: the audit cannot forget."""
        subject = entries.of_contract(row.contract_id, item.code)
        self.bench.record(
            connection, AuditKind.COMMAND, "activation-link take", subject, actor=f"{CHANNEL}:{row.id}",
            product=row.product_code, price=row.price, terms=f"{row.product_type} {row.terms_version}", consent_at=now,
        )  # fmt: skip

    def _progress(self, connection: Connection, row: ActivationLinkRow) -> Progress:
        assert row.item_code is not None
        assert row.sale is not None
        key = subscription_key(row.tenant, row.contract_id, row.item_code, row.sale)
        (view,) = Subscriptions(self.bench).views(connection, sales.by_keys(connection, row.tenant, [key]))
        return _progress(view)


_STATES = {
    State.PARKED: Progress.STUCK,
    State.QUARANTINED: Progress.STUCK,
    State.MISSING_PLUGIN: Progress.STUCK,
    State.DUE: Progress.QUEUED,
}


def _progress(view: SubscriptionView) -> Progress:
    if view.desired is not Desired.ACTIVE:
        return Progress.OVER if view.desired is Desired.CANCELLED else Progress.BLOCKED
    if view.observed is Observed.ACTIVE:
        return Progress.DONE
    return _STATES.get(view.state, Progress.UNDER_WAY)
