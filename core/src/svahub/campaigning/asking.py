"""What a campaign asks of each of its contracts: to its row in the store, and back to commands. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from svahub.campaigning.choice import Where
from svahub.commands import Action, Command
from svahub.errors import Refused
from svahub.masking import mask_text
from svahub.models import Reason
from svahub.store.rows import CampaignLine, CampaignRow
from svahub.store.states import Verb

OF_ALL = ""
"""The contract of a command that is to be asked of many."""
NOT_FOR_MANY = frozenset({Action.ACTIVATE})


def checked(asked: Command, now: datetime) -> Command:
    """Return a command as it is kept; Refused where no contract at all could be asked that."""
    if asked.action in NOT_FOR_MANY:
        raise Refused(f"{asked.action.value} is asked of each contract by itself, not of many.")
    if asked.action is Action.CHANGE and asked.plan is None and asked.quantity is None:
        raise Refused("Say what to change: --plan or --quantity.")
    if asked.until is not None and asked.until <= now:
        raise Refused("--until is in the past: name a later day, or leave it out.")
    return asked.as_kept()


def columns(asked: Command) -> dict[str, Any]:
    """Return what is asked, for the row of a campaign; the note is kept without personal data."""
    told = {
        "item": asked.item,
        "reason": asked.reason.value if asked.reason else None,
        "until": asked.until.isoformat() if asked.until else None,
        "plan": asked.plan,
        "quantity": asked.quantity,
        "admin": asked.admin or None,
    }
    named = {name: value for name, value in told.items() if value is not None}
    return {"verb": Verb(asked.action.value), "asked": named, "note": mask_text(asked.note) if asked.note else None}


def of_all(row: CampaignRow) -> Command:
    """Return what a campaign asks, with the marks by which each of its operations is known."""
    asked = row.asked
    return Command(
        Action(row.verb.value),
        OF_ALL,
        item=asked.get("item"),
        reason=Reason(asked["reason"]) if "reason" in asked else None,
        until=datetime.fromisoformat(asked["until"]) if "until" in asked else None,
        plan=asked.get("plan"),
        quantity=asked.get("quantity"),
        note=f"campaign {row.id}" + (f": {row.note}" if row.note else ""),
        actor=row.actor,
        admin=bool(asked.get("admin")),
        idempotency_key=f"campaign-{row.id}",
        campaign=row.id,
    )


def of_line(asked: Command, line: CampaignLine) -> Command:
    """Return what is asked of one contract."""
    return of_contract(asked, line.contract_id or OF_ALL, line.item_code)


def of_contract(asked: Command, contract: str, item: str | None) -> Command:
    """Return what is asked of a contract, or of one item of it."""
    return replace(asked, contract=contract, item=item)


def where(row: CampaignRow) -> Where | None:
    """Return what has to hold of the contracts of a campaign; None: they were named one by one."""
    told = row.chosen.get("where")
    return Where(**told) if told is not None else None
