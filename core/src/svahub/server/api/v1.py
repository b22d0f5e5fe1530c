"""The API under `/v1`: its endpoints, and what its document says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter

from svahub.server.api import listing, verbs
from svahub.server.api.access import RATE
from svahub.server.api.documents import (
    LARGEST,
    Carried,
    ContractPage,
    IntegrationPage,
    Name,
    OperationPage,
    SubscriptionPage,
)
from svahub.server.api.endpoints import Api, PathName
from svahub.server.api.reception import IDEMPOTENCY, LARGEST_BODY

PREFIX = "/v1"
ENDPOINTS = (*listing.ENDPOINTS, *verbs.ENDPOINTS)
ABOUT = f"""What an ISP's customers hold, and what may be asked of it. Amounts are in BRL, instants in UTC.

A key (`svahub keys create`) is for one tenant and sees nothing of another's. `read-only` reads; `billing` also blocks
and unblocks for the reason `overdue`; `operator` may ask every verb; `admin` may also take away the reasons `fraud`
and `legal` that others set. A key may ask {RATE}; bodies have {LARGEST_BODY // 1024} KiB at most.

A verb with the header `{IDEMPOTENCY}` is carried out once: the same again returns the same operations, for 30 days;
another command under the same key is refused.

Every error is a problem document (RFC 9457). No personal data is in a URL, and customers are given by their id only.
"""
NAMES = {
    "contract": PathName("contract", TypeAdapter(Name), "The contract's id."),
    "subscription": PathName("subscription", TypeAdapter(UUID), "The subscription's key."),
    "operation": PathName("operation", TypeAdapter(Annotated[int, Field(ge=1, le=LARGEST)]), "The operation's number."),
    "integration": PathName("integration", TypeAdapter(Name), "The integration's name."),
}
LINKS: Mapping[type[BaseModel], tuple[str, str]] = {
    ContractPage: ("contract", "/items/0/contract_id"),
    SubscriptionPage: ("subscription", "/items/0/key"),
    OperationPage: ("operation", "/items/0/id"),
    IntegrationPage: ("integration", "/items/0/name"),
    Carried: ("operation", "/operations/0/id"),
}
API = Api(PREFIX, "svahub", "svahub", ABOUT, ENDPOINTS, NAMES, LINKS)
