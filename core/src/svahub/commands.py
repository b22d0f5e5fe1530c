"""What operators may ask of a contract: one verb with all that was asked. Pure; `verbs` carries it out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from svahub import entries
from svahub.masking import clean, mask_actor
from svahub.models import Reason


class Action(StrEnum):
    """The verbs."""

    ACTIVATE = "activate"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CANCEL = "cancel"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Command:
    """One verb with all that was asked; `until` is when a block ends by itself, `campaign` that which it is part of."""

    action: Action
    contract: str
    item: str | None = None
    reason: Reason | None = None
    until: datetime | None = None
    plan: str | None = None
    quantity: int | None = None
    note: str | None = field(default=None, repr=False)
    actor: str = "operator"
    admin: bool = False
    idempotency_key: str | None = None
    campaign: int | None = None

    @property
    def digest(self) -> str:
        """Return what is the same exactly for the same command."""
        asked = {k: str(v) for k, v in asdict(self).items() if v is not None and k != "idempotency_key"}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @property
    def source(self) -> str:
        """Return whose block reason it is."""
        return f"operator:{mask_actor(self.actor)}"

    def as_kept(self) -> Command:
        """Return it with texts that every column takes: none fails for a byte that somebody typed."""
        return replace(
            self,
            actor=entries.fitted(self.actor, entries.LONGEST - len("operator:")),
            note=clean(self.note) if self.note else None,
            idempotency_key=entries.fitted(self.idempotency_key) if self.idempotency_key else None,
        )
