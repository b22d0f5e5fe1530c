"""The verbs: what is asked of a contract is written down, and answered at once; `svahub work` brings it about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from svahub.errors import Refused
from svahub.models import Reason
from svahub.server.api.documents import (
    Activate,
    Block,
    Cancel,
    Carried,
    Change,
    Operation,
    Subscription,
    Unblock,
    VerbBody,
)
from svahub.server.api.endpoints import Answer, Call, Endpoint
from svahub.server.api.problems import Kind, Problem
from svahub.store.states import Outcome, Permission
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from svahub.hub import TenantHub
    from svahub.verbs import Issued

EVERY_VERB = frozenset({Permission.ADMIN, Permission.OPERATOR})
FOR_DEBT = EVERY_VERB | {Permission.BILLING}
STATUSES = {
    200: "Nothing is left to do: nothing was to be done, or it is done, or it ended otherwise.",
    202: "It is written down and will be done; look at the operations to see how each ends.",
}
WAITING = BoundedSemaphore(8)
"""Who waits keeps a thread: whoever comes when so many wait is answered without waiting."""


def activate(call: Call[Activate]) -> Answer:
    """Sell the items of a contract and activate them.

    One that was cancelled is sold anew. Permissions: admin, operator.
    """
    return _carried_out(call, Action.ACTIVATE)


def block(call: Call[Block]) -> Answer:
    """Block a contract, or an item, for a reason.

    It stays blocked while any reason is left. Permissions: admin, operator; billing for the reason `overdue`, which it
    has to name.
    """
    _refuse_other_reasons(call.permission, call.asked.reason)
    until = _midnight(call.asked.until, call.office.bench.zone) if call.asked.until else None
    return _carried_out(call, Action.BLOCK, reason=call.asked.reason, until=until)


def unblock(call: Call[Unblock]) -> Answer:
    """Take a reason to block away.

    Permissions: admin, operator; billing for the reason `overdue`, which it has to name. The reasons `fraud` and
    `legal` go only by the key that set them, or by an admin key that says `admin`.
    """
    _refuse_other_reasons(call.permission, call.asked.reason)
    if call.asked.admin and call.permission is not Permission.ADMIN:
        raise Problem(Kind.NOT_PERMITTED, "Only a key with the permission admin may say `admin`.")
    return _carried_out(call, Action.UNBLOCK, reason=call.asked.reason, admin=call.asked.admin)


def cancel(call: Call[Cancel]) -> Answer:
    """Cancel a contract for good, or one item of it.

    Permissions: admin, operator.
    """
    return _carried_out(call, Action.CANCEL)


def change(call: Call[Change]) -> Answer:
    """Change the plan or the quantity of an item.

    Permissions: admin, operator.
    """
    return _carried_out(call, Action.CHANGE, plan=call.asked.plan, quantity=call.asked.quantity)


def _refuse_other_reasons(permission: Permission, reason: Reason | None) -> None:
    if permission is Permission.BILLING and reason is not Reason.OVERDUE:
        raise Problem(Kind.NOT_PERMITTED, "A key with the permission billing names the reason overdue, and no other.")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError as error:  # the first day of all, east of Greenwich
        raise Refused("until is in the past: name a later day, or leave it out.") from error


def _carried_out(call: Call[Any], action: Action, **more: Any) -> Answer:
    asked: VerbBody = call.asked
    command = Command(
        action, call.named, item=asked.item, note=asked.note, actor=call.office.bench.actor,
        idempotency_key=call.idempotency_key, **more,
    )  # fmt: skip
    issued = call.office.verbs.issue(command)
    keys = [effect.after.key for effect in issued.effects]
    if issued.operations and asked.wait:
        _wait(call.office, keys, asked.wait)
    return _answer(call.office, issued, keys)


def _wait(office: TenantHub, keys: Collection[str], seconds: float) -> None:
    if WAITING.acquire(blocking=False):
        try:
            obstacles = office.integrations.obstacles()  # what this process cannot call, another may
            views = office.subscriptions.of_keys(keys)
            office.settle([view.key for view in views if view.integration not in obstacles], timeout=seconds)
        finally:
            WAITING.release()


def _answer(office: TenantHub, issued: Issued, keys: Collection[str]) -> Answer:
    operations = [Operation.model_validate(view) for view in office.operations.of_ids(issued.operations)]
    views = [Subscription.model_validate(view) for view in office.subscriptions.of_keys(keys)]
    body = Carried(operations=operations, subscriptions=views, remarks=list(issued.remarks), repeated=issued.replayed)
    queued = any(operation.outcome is Outcome.QUEUED for operation in operations)
    return Answer(body, 202 if queued else 200)


ENDPOINTS = (
    Endpoint("POST", "/contracts/{contract}/activate", activate, Carried, Activate, STATUSES, EVERY_VERB),
    Endpoint("POST", "/contracts/{contract}/block", block, Carried, Block, STATUSES, FOR_DEBT),
    Endpoint("POST", "/contracts/{contract}/unblock", unblock, Carried, Unblock, STATUSES, FOR_DEBT),
    Endpoint("POST", "/contracts/{contract}/cancel", cancel, Carried, Cancel, STATUSES, EVERY_VERB),
    Endpoint("POST", "/contracts/{contract}/change", change, Carried, Change, STATUSES, EVERY_VERB),
)
