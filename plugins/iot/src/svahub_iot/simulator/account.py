"""What one ISP has at the simulated Olli: the items that FN sells, customers, subscriptions, licences."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from svahub import Observed, Plan, RemoteSubscription, RemoteUser
from svahub.testing import Problem, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from svahub.clock import Clock

CATALOGUE = (
    ("CAM-INT", "Câmera interna", "14.90", "licence"),
    ("CAM-EXT", "Câmera externa", "19.90", "licence"),
    ("SENSOR", "Sensor de presença", "9.90", "licence"),
    ("CASA", "Casa conectada", "29.90", "bundle"),
)


class Status(StrEnum):
    """What a subscription or a licence is."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Item:
    """What FN sells; `price` in BRL."""

    id: str
    code: str
    name: str
    price: Decimal
    kind: str

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        return {"id": self.id, "code": self.code, "name": self.name, "price": float(self.price), "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Customer:
    """A person or company."""

    id: str
    reference: str
    name: str = field(repr=False)
    document: str = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        told = {"name": self.name, "document": self.document, "email": self.email, "phone": self.phone}
        return {"id": self.id, "externalReference": self.reference, **told}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a customer is subscribed to."""

    id: str
    reference: str
    customer: str
    item: str
    status: Status = Status.ACTIVE

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        told = {"customerId": self.customer, "itemId": self.item, "status": self.status}
        return {"id": self.id, "externalReference": self.reference, **told}


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence of a subscription, for one device; its own `status` is hidden by a subscription that is not active."""

    id: str
    code: str
    reference: str
    subscription: str
    description: str = field(repr=False)
    device: str | None
    status: Status = Status.ACTIVE

    def json(self, whole: Status) -> dict[str, Any]:
        """Return it as the API tells of it, under a subscription that is `whole`."""
        status = self.status if self.status is Status.CANCELLED or whole is Status.ACTIVE else whole
        told = {"description": self.description, "device": self.device, "status": status}
        return {"id": self.id, "code": self.code, "externalReference": self.reference, **told}


class Account:
    """All of one ISP; handlers run one after the other, so nothing here needs a lock.

    `stock` is how many licences may be live, None for any number; `refused_devices` get none. `cascades`: whether
    licences follow their subscription when it is blocked.
    """

    def __init__(self, clock: Clock, new_id: Callable[[str], str]) -> None:
        self.new_id = new_id
        self.items: Records[Item] = Records(clock)
        self.customers: Records[Customer] = Records(clock)
        self.subscriptions: Records[Subscription] = Records(clock, lambda one: one.status)
        self.licences: Records[Licence] = Records(clock)
        self.by_document: dict[str, list[str]] = {}
        self.by_subscription: dict[str, list[str]] = {}
        self.stock: int | None = None
        self.refused_devices: frozenset[str] = frozenset()
        self.cascades = True
        for code, name, price, kind in CATALOGUE:
            item = Item(new_id("itm"), code, name, Decimal(price), kind)
            self.items.write(item.id, item)

    def licences_of(self, subscription: str, *, seen: bool = False) -> list[Licence]:
        """Return a subscription's licences, as they are or as readers see them."""
        ids = self.by_subscription.get(subscription, [])
        found = (self.licences.seen(id) if seen else self.licences.truth.get(id) for id in ids)
        return [licence for licence in found if licence is not None]

    def told(self, licence: Licence) -> dict[str, Any]:
        """Return a licence as the API tells of it."""
        whole = self.subscriptions.truth[licence.subscription].status if self.cascades else Status.ACTIVE
        return licence.json(whole)

    def people(self) -> Iterator[RemoteUser]:
        """Yield every customer with what they are subscribed to; nobody is ever blocked or deleted as a whole."""
        held: dict[str, list[RemoteSubscription]] = {}
        for sold in self.subscriptions:
            held.setdefault(sold.customer, []).append(self._remote(sold))
        for one in self.customers:
            contact = {"name": one.name, "document": one.document, "email": one.email, "phone": one.phone}
            has = tuple(held.get(one.id, ()))
            yield RemoteUser(one.id, Observed.ACTIVE, one.reference, has, **contact)

    def _remote(self, sold: Subscription) -> RemoteSubscription:
        """Return a subscription in the core's words; its quantity is that of the licences that are as it is."""
        told = [self.told(licence)["status"] for licence in self.licences_of(sold.id)]
        return RemoteSubscription(sold.item, Observed(sold.status), sold.reference, sold.id, told.count(sold.status))

    def catalogue(self) -> Iterator[Plan]:
        """Yield every item."""
        return (Plan(item.id, item.name, price=item.price) for item in self.items)

    def take_stock(self, device: str | None) -> None:
        """Refuse a licence that was not bought, or for a device that gets none."""
        live = sum(licence.status is not Status.CANCELLED for licence in self.licences)
        if self.stock is not None and live >= self.stock:
            raise Problem(409, "no_licenses", "there is no free licence left")
        if device in self.refused_devices:
            raise Problem(422, "device_refused", "this device is not taken")

    def state(self, client: str) -> dict[str, list[dict[str, Any]]]:
        """Return all of it, each row with whose it is."""
        whose = {"account": client}
        return {
            "customers": [one.json() | whose for one in self.customers],
            "subscriptions": [one.json() | whose for one in self.subscriptions],
            "licences": [self.told(one) | {"subscriptionId": one.subscription} | whose for one in self.licences],
        }
