"""What is sold, and to whom: read and changed by the thousand."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from svahub.models import Applied, Consent, Desired, Observed
from svahub.store.states import Phase


class AccountRow(NamedTuple):
    """One customer at one integration, and who drives it now; without a customer it is the ISP's own."""

    key: str
    tenant: str
    integration: str
    customer_id: str | None
    remote_id: str | None
    priority: int
    due_at: datetime | None
    lease_owner: str | None
    lease_number: int
    lease_until: datetime | None
    shard: int = 0

    @property
    def holder(self) -> str:
        """Whose it is, of an account that has subscriptions: these are a customer's."""
        assert self.customer_id is not None
        return self.customer_id


LOST = "it is not known whether the last call was applied, and this provider has nothing to look it up by"
LOOK_THERE = (
    "look there: if it is missing, `svahub operations retry ID`; "
    "if it is there, `svahub operations confirm ID --user USER`"
)


class SubscriptionRow(NamedTuple):
    """One sold item at one integration: what is wanted, what was seen, what comes next."""

    key: str
    tenant: str
    contract_id: str
    item_code: str
    sale: int
    product_type: str
    integration: str
    account_key: str
    plan: str | None
    quantity: int
    price: Decimal | None
    due_day: int | None
    attributes: dict[str, Any]
    consent: dict[str, Any] | None
    desired: Desired
    generation: int
    observed: Observed
    remote_id: str | None
    applied: dict[str, Any] | None
    sent: dict[str, Any] | None
    uncertain_since: datetime | None
    looks: int
    phase: Phase
    due_at: datetime | None
    priority: int
    tries: int
    cause: str | None
    advice: str | None
    handle: str | None
    candidate: str | None
    created_at: datetime
    changed_at: datetime
    told: Observed | None = None

    def __repr__(self) -> str:
        return f"SubscriptionRow({self.key!r}, {self.desired.value} of {self.observed.value}, {self.phase.value})"

    @property
    def live(self) -> bool:
        """Whether the provider has, or may have, this subscription."""
        return self.observed not in {Observed.ABSENT, Observed.CANCELLED}

    @property
    def wants_a_look(self) -> bool:
        """Whether a person was asked to look at the provider: only that tells what a lost call came to."""
        return self.phase is Phase.PARKED and self.uncertain_since is not None and self.cause == LOST

    def advised(self, operation: int | None) -> str | None:
        """Return what a person can do, with the names to type; `operation` is the newest."""
        names = {"ID": str(operation), "CONTRACT": self.contract_id}
        return re.sub(r"(?<= )(ID|CONTRACT)\b", lambda word: names[word[0]], self.advice) if self.advice else None

    def what_was_applied(self) -> Applied | None:
        """Return what the provider was last given."""
        return applied_from(self.applied)

    def what_was_sent(self) -> Applied | None:
        """Return what a call of unknown outcome would have applied."""
        return applied_from(self.sent)

    def what_was_agreed(self) -> Consent | None:
        """Return the proof of consent that came with the item."""
        if not self.consent:
            return None
        at = datetime.fromisoformat(self.consent["at"])
        return Consent(at, self.consent["channel"], self.consent["text_version"], self.consent.get("ip"))


def applied_from(value: dict[str, Any] | None) -> Applied | None:
    """Read what was applied from its column."""
    if value is None:
        return None
    price = Decimal(value["price"]) if value.get("price") is not None else None
    return Applied(value.get("plan"), value.get("quantity", 1), price, value.get("due_day"), value.get("customer"))


def applied_column(applied: Applied) -> dict[str, Any]:
    """Write what was applied to its column."""
    return {
        "plan": applied.plan,
        "quantity": applied.quantity,
        "price": None if applied.price is None else str(applied.price),
        "due_day": applied.due_day,
        "customer": applied.customer,
    }
