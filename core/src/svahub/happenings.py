"""What a source is told of what became of its contracts, and what it has done about it. Frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from svahub.models import Observed, Payment


class HappenedKind(StrEnum):
    """What became of a subscription, or of a charge."""

    ACTIVATED = "activated"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that became certain at a provider about a contract of the source, or that waits for a person (FAILED).

    `key` is this happening's and no other's, the same whenever it is told: name what follows from it after it. Of a
    subscription, `integration` and `provider` are where it is, `item_code`, `product_code`, `product_type`, `plan`,
    `quantity` and `attributes` what was sold, `observed` how it is there, `remote_id` and `account_remote_id` its ids
    and its user's there, `reasons` why it is blocked, `cause` (masked) why it failed, and `kept` what the plugin of the
    provider holds of it in its own tables. Of a charge that was paid, `reference` is its id at the integration, and
    `payment` says how much and when.
    """

    kind: HappenedKind
    key: str
    at: datetime
    contract_id: str
    customer_id: str
    integration: str
    provider: str
    item_code: str | None = None
    product_code: str | None = None
    product_type: str | None = None
    subscription_key: str | None = None
    plan: str | None = None
    quantity: int | None = None
    observed: Observed | None = None
    remote_id: str | None = None
    account_remote_id: str | None = None
    reasons: tuple[str, ...] = ()
    cause: str | None = None
    reference: str | None = None
    payment: Payment | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that a source asks for: `kind` and `name` together are its own for ever, asked for twice it is done once.

    `kind` begins with the stream in which tasks of one customer are done one after another ("note.add"). `payload`
    holds no personal data: `perform` gets the customer with the task. What does not add (`adds` false) is a level, and
    may be sent again blindly. With `look_first` it is looked up before it is done at all: it may have been done when
    this store did not know of it, and must not be done twice.
    """

    kind: str
    name: str
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    adds: bool = True
    look_first: bool = False
