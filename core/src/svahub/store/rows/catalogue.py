"""Where plans are sold: tenants, their integrations, the plans of these, and which product is which."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from svahub.models import Environment, Plan
from svahub.store.states import IntegrationState


@dataclass(frozen=True, slots=True)
class TenantRow:
    """One ISP; `zone` is an IANA name."""

    name: str
    zone: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IntegrationRow:
    """One configured account of a tenant at a provider.

    `secrets` holds references or encrypted secrets, never values, since `secrets_at`; `former_secrets` those before,
    kept until the new ones have worked. `secret_dates` says, in ISO 8601, since when single ones are what they are.
    """

    tenant: str
    name: str
    provider: str
    distribution: str | None
    environment: Environment
    base_url: str
    settings: dict[str, Any] = field(repr=False)
    secrets: dict[str, str] = field(repr=False)
    state: IntegrationState
    cause: str | None
    paused_until: datetime | None
    created_at: datetime
    secrets_at: datetime | None = None
    former_secrets: dict[str, str] | None = field(default=None, repr=False)
    secret_dates: dict[str, str] | None = None
    endpoint_id: str | None = None

    def secret_since(self, field: str) -> datetime:
        """Return since when a current secret is what it is."""
        told = (self.secret_dates or {}).get(field)
        return datetime.fromisoformat(told) if told else self.secrets_at or self.created_at


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan of the catalogue; one that the provider no longer offers is retired, never deleted."""

    tenant: str
    integration: str
    remote_id: str
    name: str
    description: str
    price: Decimal | None
    version: int
    retired_at: datetime | None
    synced_at: datetime

    def plan(self) -> Plan:
        """Return it as a plugin sees it."""
        return Plan(self.remote_id, self.name, self.description, self.price, self.retired_at is None)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """What serves a product code: later sales take this route."""

    tenant: str
    code: str
    product_type: str
    integration: str
    plan: str | None
