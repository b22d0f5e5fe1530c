"""What the audit is told: entries that are masked and fit their columns. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from svahub.masking import clean, mask_actor, mask_json
from svahub.store.journal import Entry, as_kept
from svahub.store.states import AuditKind

LONGEST = 200
"""So long may an actor, a command and a subject be."""


def entry(
    kind: AuditKind, actor: str, command: str, subject: str, *, ours: Mapping[str, Any] | None = None, **details: Any
) -> Entry:
    """Return an entry; `details` are masked by their names, those that are None are left out.

    `ours` are details that are not masked: keys and numbers that svahub gave, however much they look like a phone.
    """
    said = {name: value for name, value in details.items() if value is not None}
    masked = mask_json(as_kept(said)) | as_kept(ours or {})
    return Entry(kind, acting(actor), fitted(command), fitted(subject), masked)


def acting(actor: str) -> str:
    """Return who acts as the books keep it."""
    return fitted(mask_actor(actor))


def of_contract(contract: str, item: str | None = None) -> str:
    """Return the subject of what is done to a contract or to one item of it."""
    return f"contract {contract}" if item is None else f"contract {contract}/item {item}"


def of_customer(id: str) -> str:
    """Return the subject of what is done to, or seen of, a customer."""
    return f"customer {id}"


def of_integration(name: str) -> str:
    """Return the subject of what is done to an integration."""
    return f"integration {name}"


def fitted(text: str, longest: int = LONGEST) -> str:
    """Return text as its column takes it: of one that is too long the beginning, and a digest that tells it apart."""
    text = clean(text)
    if len(text) <= longest:
        return text
    return f"{text[: longest - 17]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"
