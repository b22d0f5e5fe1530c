"""Where Asaas is told to tell of payments: its webhooks, as Asaas keeps them.

Source: Asaas's API v3, `/webhooks`. Answers never bear the token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from svahub.errors import Refused

from svahub_asaas.charges.wire import Wire

if TYPE_CHECKING:
    from svahub.client import ProviderClient

NAME = "svahub"
EVENTS = (
    "PAYMENT_CREATED",
    "PAYMENT_UPDATED",
    "PAYMENT_CONFIRMED",
    "PAYMENT_RECEIVED",
    "PAYMENT_OVERDUE",
    "PAYMENT_DELETED",
    "PAYMENT_RESTORED",
    "PAYMENT_REFUNDED",
    "PAYMENT_PARTIALLY_REFUNDED",
    "PAYMENT_REFUND_IN_PROGRESS",
    "PAYMENT_REFUND_DENIED",
    "PAYMENT_RECEIVED_IN_CASH_UNDONE",
    "PAYMENT_CHARGEBACK_REQUESTED",
    "PAYMENT_CHARGEBACK_DISPUTE",
    "PAYMENT_AWAITING_CHARGEBACK_REVERSAL",
    "PAYMENT_DUNNING_RECEIVED",
    "PAYMENT_DUNNING_REQUESTED",
    "SUBSCRIPTION_CREATED",
    "SUBSCRIPTION_UPDATED",
    "SUBSCRIPTION_INACTIVATED",
    "SUBSCRIPTION_DELETED",
    "ACCESS_TOKEN_EXPIRING_SOON",
    "ACCESS_TOKEN_EXPIRED",
    "ACCESS_TOKEN_DISABLED",
)
SEVERAL = 100


class Hook(Wire):
    """A webhook as Asaas has it; `penalized_requests_count` counts failures that make it wait longer."""

    id: str
    name: str = ""
    url: str = ""
    email: str | None = Field(None, repr=False)
    enabled: bool = False
    interrupted: bool = False
    has_auth_token: bool = False
    send_type: str | None = None
    penalized_requests_count: int | None = None
    events: tuple[str, ...] = ()


class ChangedHook(Wire):
    """How a webhook that is there is to be: an address is not asked for again."""

    name: str = NAME
    url: str
    enabled: bool = True
    interrupted: bool = False
    auth_token: str = Field(repr=False)
    send_type: str = "SEQUENTIALLY"
    events: tuple[str, ...] = EVENTS


class NewHook(ChangedHook):
    """A webhook to register; Asaas writes to `email` when deliveries fail."""

    email: str | None = Field(None, repr=False)
    api_version: int = 3


class Resumed(Wire):
    """A webhook whose deliveries are to go on."""

    interrupted: bool = False
    enabled: bool = True


class Hooks(Wire):
    """All webhooks of an account: at most ten."""

    data: tuple[Hook, ...]


class Webhooks:
    """The webhooks of one account at Asaas."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    def all(self) -> tuple[Hook, ...]:
        """Return every webhook of the account."""
        return self._client.get("/webhooks", params={"limit": SEVERAL}, returns=Hooks).data

    def register(self, new: NewHook) -> Hook:
        """Register a webhook, or set anew the one that has its address."""
        there = next((hook for hook in self.all() if hook.url == new.url), None)
        if there is None:
            return self._client.post("/webhooks", new, returns=Hook)
        changed = ChangedHook(url=new.url, auth_token=new.auth_token)
        return self._client.put(f"/webhooks/{there.id}", changed, returns=Hook)

    def ours(self, path: str) -> Hook:
        """Return the webhook that leads to a path of ours; Refused where there is none."""
        found = next((hook for hook in self.all() if hook.url.endswith(path)), None)
        if found is None:
            raise Refused("Asaas has no webhook that leads here. Register one: svahub asaas webhook register URL")
        return found

    def resume(self, hook: Hook) -> Hook:
        """Have Asaas deliver again what it has kept, at once."""
        resumed = self._client.put(f"/webhooks/{hook.id}", Resumed(), returns=Hook)
        self._client.post(f"/webhooks/{hook.id}/removeBackoff")
        return resumed
