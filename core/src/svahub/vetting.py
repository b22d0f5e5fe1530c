"""What plugins hand back, made fit for the store: one unwritable value there would stop the batch of everybody else.

Ids, states, prices and payloads that cannot be used are the plugin's bug; texts that are only read are cleaned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, to_jsonable_python

from svahub.errors import (
    AlreadyExists,
    NeedsPerson,
    Partial,
    Pending,
    PluginBug,
    ProviderError,
    RateLimited,
    Rejected,
)
from svahub.happenings import NewTask
from svahub.intake import ContractRow, RowError
from svahub.intake import Rejected as RejectedRow
from svahub.masking import clean, mask_text
from svahub.models import (
    AccessLink,
    Alert,
    Debt,
    DebtSettled,
    Notice,
    Observed,
    Payment,
    Plan,
    Received,
    RemoteSubscription,
    RemoteUser,
    TaskResult,
)

T = TypeVar("T", Plan, RemoteUser)
R = TypeVar("R", Plan, RemoteUser, RemoteSubscription)

LONGEST = 200
"""Characters that the store keeps of an id."""

LONGEST_HANDLE = 1000
LONGEST_LINK = 4000
LONGEST_PAUSE = 366 * 86400.0
"""Seconds; a pause beyond that is cut, as it would leave the calendar."""

DEAREST = Decimal(10) ** 12
LARGEST_QUANTITY = 2**31 - 1


def vetted(kind: type[T], value: Any, hook: str) -> T:
    """Return what a hook returned, its texts cleaned; PluginBug when it is not of the kind or not usable."""
    if not isinstance(value, kind):
        raise PluginBug(f"{hook} returned {type(value).__name__}, not {kind.__name__}")
    if wrong := next((name for name, usable in _checked(value) if not usable), None):
        raise PluginBug(f"{hook} returned a {kind.__name__} with an unusable {wrong}")
    cleaned = _cleaned(value)
    return _with_plain_details(cleaned, hook) if isinstance(cleaned, RemoteUser) else cleaned


def _with_plain_details(user: RemoteUser, hook: str) -> RemoteUser:
    if not any(entry.details for entry in user.subscriptions):
        return user
    entries = (replace(entry, details=_plain(entry.details, hook)) for entry in user.subscriptions)
    return replace(user, subscriptions=tuple(entries))


def vetted_or_none(kind: type[T], value: Any, hook: str) -> T | None:
    """Return the same, or None where the hook found nothing."""
    return None if value is None else vetted(kind, value, hook)


def vetted_link(value: Any, hook: str) -> AccessLink | None:
    """Return a link to hand on, None where the provider has sent the access itself; PluginBug when it is not usable."""
    if value is None:
        return None
    if not isinstance(value, AccessLink):
        raise PluginBug(f"{hook} returned {type(value).__name__}, not AccessLink")
    expires = value.expires_at
    dated = expires is None or (isinstance(expires, datetime) and expires.tzinfo is not None)
    if not (_is_text(value.url, LONGEST_LINK) and dated):
        raise PluginBug(f"{hook} returned an unusable AccessLink")
    return value


def vetted_task(value: Any, hook: str) -> TaskResult:
    """Return a task's result, its details as JSON has them; PluginBug when it is not usable."""
    if not isinstance(value, TaskResult):
        raise PluginBug(f"{hook} returned {type(value).__name__}, not TaskResult")
    ids = (value.remote_id, value.account_remote_id)
    if not all(id is None or _is_text(id) for id in ids):
        raise PluginBug(f"{hook} returned a TaskResult with an unusable id")
    return replace(value, details=_plain(value.details, hook))


def vetted_notice(value: Any, hook: str) -> Notice:
    """Return what a delivery is; PluginBug when it is not usable."""
    if not isinstance(value, Notice):
        raise PluginBug(f"{hook} returned {type(value).__name__}, not Notice")
    if not (_is_text(value.event_id) and _is_text(value.kind) and (value.subject is None or _is_text(value.subject))):
        raise PluginBug(f"{hook} returned an unusable Notice")
    return value


def vetted_received(value: Any, hook: str) -> Received:
    """Return what a delivery came to, its details as JSON has them; PluginBug when it is not usable."""
    if not isinstance(value, Received):
        raise PluginBug(f"{hook} returned {type(value).__name__}, not Received")
    if not all(map(_is_told, value.told)):
        raise PluginBug(f"{hook} returned an unusable debt or alert")
    told = tuple(Alert(mask_text(clean(one.sentence))) if isinstance(one, Alert) else one for one in value.told)
    return replace(value, told=told, details=_plain(value.details, hook))


def vetted_contract(value: Any, hook: str) -> ContractRow | RejectedRow:
    """Return a contract of a source, or why there is none, masked; PluginBug when it is neither."""
    match value:
        case ContractRow():
            return value
        case RejectedRow():
            return _masked(value, hook)
    raise PluginBug(f"{hook} yielded {type(value).__name__}, neither ContractRow nor Rejected")


def _masked(rejected: RejectedRow, hook: str) -> RejectedRow:
    id = rejected.contract_id
    if not ((id is None or _is_text(id)) and all(isinstance(error, RowError) for error in rejected.errors)):
        raise PluginBug(f"{hook} yielded an unusable Rejected")
    errors = (replace(error, reason=mask_text(clean(str(error.reason)))) for error in rejected.errors)
    return RejectedRow(0, id, tuple(replace(error, line=0, contract_id=id) for error in errors))


def vetted_debt(value: Any, hook: str) -> Debt | DebtSettled:
    """Return what a source tells of a debt; PluginBug when it is not usable."""
    if not isinstance(value, Debt | DebtSettled) or not _is_told(value):
        raise PluginBug(f"{hook} yielded an unusable {type(value).__name__}, not Debt or DebtSettled")
    return value


def vetted_report(value: Any, hook: str) -> Sequence[NewTask]:
    """Return the tasks that a source asks for, their payloads as JSON has them; PluginBug when one is not usable."""
    if value is None:
        return ()
    if not (isinstance(value, Sequence) and all(isinstance(one, NewTask) for one in value)):
        raise PluginBug(f"{hook} returned {type(value).__name__}, not a sequence of NewTask")
    if not all(_is_text(one.kind) and _is_text(one.name) for one in value):
        raise PluginBug(f"{hook} returned a NewTask with an unusable kind or name")
    return [replace(one, payload=_plain(one.payload, hook)) for one in value]


def _is_told(value: Any) -> bool:
    match value:
        case Debt():
            named = _is_text(value.contract) and _is_text(value.reference)
            return named and type(value.since) is date and _is_price(value.amount)
        case DebtSettled():
            paid = value.payment is None or _is_payment(value.payment)
            return _is_text(value.contract) and _is_text(value.reference) and paid
        case Alert():
            return isinstance(value.sentence, str)
    return False


def _is_payment(value: Any) -> bool:
    dated = isinstance(value, Payment) and type(value.paid_on) is date and type(value.due_on) is date
    return dated and _is_price(value.amount)


def _plain(details: Any, hook: str) -> dict[str, Any]:
    """Return details as JSON has them."""
    try:
        plain = to_jsonable_python(dict(details), inf_nan_mode="strings")
    except (PydanticSerializationError, TypeError, ValueError) as error:
        raise PluginBug(f"{hook} returned details that JSON does not have") from error
    return dict(plain)


def vet_error(error: ProviderError, hook: str) -> None:
    """Clean and mask an error's sentence in place; PluginBug when what it bears cannot be used."""
    try:
        _vet_payload(error, hook)
        error.args = (mask_text(clean(str(error))),)
    except PluginBug:
        raise
    except Exception as foreign:
        raise PluginBug(f"{hook} raised an unusable {type(error).__name__}") from foreign


def _vet_payload(error: ProviderError, hook: str) -> None:
    match error:
        case RateLimited():
            error.retry_after = _pause(error, hook)
        case Pending():
            _require(_is_text(error.handle, LONGEST_HANDLE), error, hook)
        case Partial():
            _require(isinstance(error.failed, ProviderError), error, hook)
            error.remote_user = vetted(RemoteUser, error.remote_user, hook)
            vet_error(error.failed, hook)
        case AlreadyExists():
            error.remote_user = vetted_or_none(RemoteUser, error.remote_user, hook)
        case NeedsPerson():
            error.url = clean(error.url) if error.url is not None else None
        case Rejected():
            error.code = mask_text(clean(str(error.code)))


def _pause(error: RateLimited, hook: str) -> float | None:
    seconds: Any = error.retry_after
    if seconds is None:
        return None
    _require(type(seconds) in {int, float} and isfinite(seconds) and seconds >= 0, error, hook)
    return min(float(seconds), LONGEST_PAUSE)


def _require(usable: bool, error: ProviderError, hook: str) -> None:
    if not usable:
        raise PluginBug(f"{hook} raised an unusable {type(error).__name__}")


def _checked(value: Plan | RemoteUser) -> Iterator[tuple[str, bool]]:
    """Return each field that is written as it is, and whether it can be."""
    yield "remote_id", _is_text(value.remote_id)
    if isinstance(value, Plan):
        yield "name", isinstance(value.name, str)
        yield "description", isinstance(value.description, str)
        yield "price", value.price is None or _is_price(value.price)
    else:
        yield "status", isinstance(value.status, Observed)
        for entry in value.subscriptions:
            yield from _checked_entry(entry)


def _checked_entry(entry: RemoteSubscription) -> Iterator[tuple[str, bool]]:
    yield "status", isinstance(entry.status, Observed)
    yield "remote_id", entry.remote_id is None or _is_text(entry.remote_id, shortest=0)
    yield "plan", entry.plan is None or _is_text(entry.plan, shortest=0)
    yield "quantity", entry.quantity is None or _is_quantity(entry.quantity)


def _is_text(value: Any, longest: int = LONGEST, shortest: int = 1) -> bool:
    return isinstance(value, str) and shortest <= len(value) <= longest and clean(value) == value


def _is_price(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and 0 <= value < DEAREST and value == round(value, 2)


def _is_quantity(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_QUANTITY


def _cleaned(value: R) -> R:
    texts = ((field.name, getattr(value, field.name)) for field in fields(value))
    changed: dict[str, Any] = {name: clean(t) for name, t in texts if isinstance(t, str) and clean(t) != t}
    if isinstance(value, RemoteUser):
        entries = tuple(_cleaned(entry) for entry in value.subscriptions)
        if entries != value.subscriptions:
            changed["subscriptions"] = entries
    return replace(value, **changed) if changed else value
