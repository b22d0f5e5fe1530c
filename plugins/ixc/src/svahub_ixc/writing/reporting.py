"""Which tasks follow from what happened. Pure: it calls nobody, and the same happening brings the same tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from svahub import HappenedKind, NewTask, Observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub import Happened

    from svahub_ixc.settings import IxcSettings

NOTE, LOGIN, LICENCES, SETTLEMENT = "note.add", "login.level", "licences.level", "settlement.make"
VERBS = {
    HappenedKind.ACTIVATED: "ativado",
    HappenedKind.BLOCKED: "bloqueado",
    HappenedKind.UNBLOCKED: "desbloqueado",
    HappenedKind.CANCELLED: "cancelado",
    HappenedKind.FAILED: "com falha",
}
REASONS = {
    "overdue": "inadimplência",
    "customer_request": "pedido do cliente",
    "fraud": "fraude",
    "staff": "equipe",
    "legal": "ordem legal",
}
LOGIN_STATUS = {Observed.ACTIVE: "A", Observed.BLOCKED: "B", Observed.CANCELLED: "D"}


def tasks(happened: Happened, settings: IxcSettings) -> Iterator[NewTask]:
    """Yield what is to be written of something that happened."""
    if happened.kind is HappenedKind.PAID:
        if settings.write_settlements and happened.payment is not None:
            yield _settlement(happened)
        return
    if settings.write_notes and happened.kind in VERBS:
        yield NewTask(NOTE, happened.key, {"text": note(happened), "at": happened.at.isoformat()})
    if happened.item_code is None or happened.observed not in LOGIN_STATUS:
        return
    licences = _licences(happened)
    if settings.write_logins and not licences:
        yield NewTask(LOGIN, happened.key, _login(happened))
    if settings.write_licences and licences:
        yield NewTask(LICENCES, happened.key, _of_item(happened) | {"licences": licences})


def note(happened: Happened) -> str:
    """Return what the contract's history says."""
    what = f"SVA {VERBS[happened.kind]}: {happened.product_code} (item {happened.item_code}) em {happened.integration}."
    reasons = ", ".join(REASONS.get(reason, reason) for reason in happened.reasons)
    why = f" Motivo: {reasons}." if happened.kind is HappenedKind.BLOCKED and reasons else ""
    return what + why + (f" Causa: {happened.cause}" if happened.kind is HappenedKind.FAILED and happened.cause else "")


def _settlement(happened: Happened) -> NewTask:
    payment = happened.payment
    assert payment is not None
    paid = {"amount": str(payment.amount), "paid_on": payment.paid_on.isoformat(), "due_on": payment.due_on.isoformat()}
    return NewTask(SETTLEMENT, happened.key, paid | {"integration": happened.integration})


def _of_item(happened: Happened) -> dict[str, Any]:
    return {
        "item": happened.item_code,
        "customer": happened.account_remote_id,
        "subscription": happened.remote_id,
    }


def _login(happened: Happened) -> dict[str, Any]:
    assert happened.observed is not None
    return _of_item(happened) | {"status": LOGIN_STATUS[happened.observed]}


def _licences(happened: Happened) -> list[dict[str, str]]:
    """Return the licences that the provider's plugin keeps of a subscription, if it keeps any.

    Once the subscription has ended, so have they, whatever its table says yet.
    """
    ended = happened.observed is Observed.CANCELLED
    return [
        {"id": one["id"], "code": one["code"], "status": "I" if ended else one["status"]}
        for one in map(_licence, happened.kept.get("licences") or ())
        if one["id"]
    ]


def _licence(kept: object) -> dict[str, str]:
    """Return what there is of a licence: an object of the plugin's own, or a mapping."""
    names = ("id", "code", "status")
    if isinstance(kept, Mapping):
        return {name: str(kept.get(name) or "") for name in names}
    return {name: str(getattr(kept, name, None) or "") for name in names}
