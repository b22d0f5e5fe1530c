"""What reading a delivery came to, for its row and its integration: pure, from row and result to what is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from svahub import errors
from svahub.endings import Rules
from svahub.entries import fitted
from svahub.masking import mask_text
from svahub.models import Alert, Debt, DebtSettled, Received
from svahub.store.engine import is_of_the_store
from svahub.store.journal import Event, as_kept
from svahub.store.rows import InboxRow
from svahub.store.states import EventKind, InboxState

Heard = Received | errors.ProviderError


@dataclass(frozen=True, slots=True)
class Receipt:
    """The row to write, what to tell of it, and for how many seconds its integration is not to be called."""

    row: InboxRow
    told: tuple[Event, ...] = ()
    pause: float | None = None
    debts: tuple[Debt | DebtSettled, ...] = ()

    def without(self, unknown: Sequence[str]) -> Receipt:
        """Return it with the contracts named that its debts are of and that there are not."""
        if not unknown:
            return self
        cause = f"there is no contract {', '.join(sorted(set(unknown)))}: its debt is not kept"
        return replace(self, row=self.row._replace(cause=fitted(mask_text(cause))))


def receipt(row: InboxRow, heard: Heard, now: datetime, rules: Rules) -> Receipt:
    """Return what follows from a result."""
    if isinstance(heard, Received):
        return _read(row, heard)
    cause = mask_text(str(heard))
    match heard:
        case errors.NotSent() | errors.AuthenticationFailed():  # while it is stopped, its integration is not looked at
            return Receipt(row._replace(due_at=rules.silent_until or now, cause=cause))
        case errors.RateLimited():
            seconds = max(heard.retry_after or 0.0, rules.backoff(row.tries).total_seconds())
            later = row._replace(tries=row.tries + 1, due_at=now + timedelta(seconds=seconds), cause=cause)
            return Receipt(later, pause=seconds)
        case errors.PluginBug() if not is_of_the_store(heard.__cause__):  # what failed there is tried again
            return failed(row, cause)
        case errors.Refusal() if not isinstance(heard, errors.PluginBug):
            return failed(row, cause)
    return _again(row, cause, now, rules)


def _read(row: InboxRow, received: Received) -> Receipt:
    state = InboxState.DONE if received.understood else InboxState.UNKNOWN
    done = row._replace(state=state, due_at=None, cause=None, details=as_kept(received.details))
    alerts = tuple(_alert(row, one) for one in received.told if isinstance(one, Alert))
    return Receipt(done, alerts, debts=tuple(one for one in received.told if not isinstance(one, Alert)))


def _alert(row: InboxRow, alert: Alert) -> Event:
    details = {"sentence": mask_text(alert.sentence), "delivery": row.id}
    return Event(EventKind.ALERT, row.integration, details=details)


def _again(row: InboxRow, cause: str, now: datetime, rules: Rules) -> Receipt:
    if rules.silent_until is not None:
        return Receipt(row._replace(due_at=rules.silent_until, cause=cause))
    tries = row.tries + 1
    if tries >= rules.retry_budget:
        return failed(row._replace(tries=tries), f"given up after {tries} tries: {cause}")
    return Receipt(row._replace(tries=tries, due_at=now + rules.backoff(row.tries), cause=cause))


def failed(row: InboxRow, cause: str) -> Receipt:
    """Return what follows when only a person brings a delivery on."""
    sentence = "A delivery could not be read."
    details = {"sentence": sentence, "delivery": row.id, "kind": row.kind, "cause": cause, "advice": advice(row.id)}
    event = Event(EventKind.ALERT, row.integration, details=details)
    return Receipt(row._replace(state=InboxState.FAILED, due_at=None, cause=cause), (event,))


def advice(id: int) -> str:
    """Return what a person does about a delivery that could not be read."""
    return f"once its cause is mended: `svahub inbox replay {id}`"
