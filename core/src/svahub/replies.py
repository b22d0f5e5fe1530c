"""What a target's reply makes of the message that it was sent: delivered, to be sent again, or a person's. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from svahub.courier import Reply
from svahub.masking import clean, mask_text
from svahub.store.journal import Event
from svahub.store.outbox import Put
from svahub.store.rows import MessageRow
from svahub.store.states import EventKind, MessageState

FIRST = timedelta(seconds=5)
LONGEST = timedelta(hours=4)
PATIENCE = timedelta(days=3)
"""So long after its first try a message is sent again; then a person decides."""


def after(message: MessageRow, reply: Reply, now: datetime, draw: Callable[[], float]) -> Put:
    """Return what has become of a message, and when its line is to be looked at again."""
    tried = message._replace(
        tries=message.tries + 1,
        tried_since=message.tried_since or now,
        status=reply.status,
        cause=clean(reply.cause) if reply.cause else None,
    )
    if reply.delivered:
        return Put(tried._replace(state=MessageState.DELIVERED, ended_at=now), None)
    patient_until = (message.tried_since or now) + PATIENCE
    if now >= patient_until:
        return Put(tried._replace(state=MessageState.PARKED), None)
    return Put(tried, min(now + _wait(message.tries, reply, draw), patient_until))


def _wait(tries: int, reply: Reply, draw: Callable[[], float]) -> timedelta:
    """Draw the wait before the next try: exponential, of which half is jitter; not less than the target asks for."""
    ceiling = min(LONGEST, FIRST * 2.0 ** min(tries, 30))
    return max(ceiling * (1 + draw()) / 2, timedelta(seconds=reply.pause or 0.0))


def advice(id: int) -> str:
    """Return what a person can do about a parked message."""
    return f"mend the target, then `svahub outbox replay {id}`; or `svahub outbox discard {id}`"


def of_parked(message: MessageRow) -> Event:
    """Return the event of a message that nobody sends any more."""
    details = {
        "target": message.target, "message": message.id, "about": message.kind.value,
        "cause": mask_text(message.cause or ""), "advice": advice(message.id),
    }  # fmt: skip
    return Event(EventKind.MESSAGE_PARKED, None, message.contract_id, message.item_code, None, details)
