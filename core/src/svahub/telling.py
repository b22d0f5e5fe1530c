"""What is told of what happened: events, masked, made from rows as they were and as they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from svahub.debt_rule import is_of_debt
from svahub.errors import AuthenticationCause, AuthenticationFailed
from svahub.masking import mask_sentence, mask_text
from svahub.models import Reason
from svahub.secrets import shown
from svahub.store.journal import Event
from svahub.store.rows import BreakerRow, DebtRow, IntegrationRow, PlanRow, ReasonRow, SubscriptionRow
from svahub.store.states import EventKind, Phase


def newly_parked(before: Iterable[SubscriptionRow], after: Iterable[SubscriptionRow]) -> list[SubscriptionRow]:
    """Return the rows that are parked now and were not."""
    was = {row.key for row in before if row.phase is Phase.PARKED}
    return [row for row in after if row.phase is Phase.PARKED and row.key not in was]


def of_parked(row: SubscriptionRow, operation: int | None) -> Event:
    """Return the event of a subscription that waits for a person, by its newest operation."""
    advice = row._replace(advice=mask_text(row.advice or "")).advised(operation)
    details = {"cause": mask_text(row.cause or ""), "advice": advice, "operation": operation}
    return Event(EventKind.PARKED, row.integration, row.contract_id, row.item_code, row.key, details)


def of_quarantined(integration: str, cause: str) -> Event:
    """Return the event of an integration that is no longer called, as its provider does not accept who we are."""
    return Event(EventKind.QUARANTINED, integration, details={"cause": mask_text(cause)})


def cause_of_quarantine(row: IntegrationRow, refusal: AuthenticationFailed, process: str) -> str:
    """Return why an integration is no longer called, and which secrets of which process were refused.

    The environment of a process stays as it was when that began. Where permission is missing, no other secret helps.
    """
    if refusal.cause is AuthenticationCause.PERMISSION:
        return str(refusal)
    references = sorted({shown(kept) for kept in row.secrets.values()})
    restart = ": restart it if that has changed" if any(r.startswith("env:") for r in references) else ""
    return f"{refusal}: {', '.join(references) or 'no secret'} as {process} has it{restart}"


def of_freed(integration: str, by: str) -> Event:
    """Return the event of an integration that is called again; `by` is the command that has freed it."""
    return Event(EventKind.FREED, integration, details={"by": by})


def of_silent(row: BreakerRow) -> Event:
    """Return the event of a provider that answers nobody: it is only probed from now on."""
    return Event(EventKind.SILENT, row.integration, details={"cause": row.cause})


def of_answers(row: BreakerRow, by: str) -> Event:
    """Return the event of a provider that answers again; `by` is what has found that out."""
    return Event(EventKind.ANSWERS, row.integration, details={"since": row.since, "by": by})


def of_debts(before: Iterable[ReasonRow], after: Iterable[ReasonRow]) -> list[Event]:
    """Return an event for each contract and source whose debt opened or was settled, given block reasons then and now.

    Reasons that stand in both may be left out of both. Those that kept debts give do not count: of these it is told.
    """
    was, now = _debts(before), _debts(after)
    opened = [(EventKind.DEBT_OPENED, debt) for debt in sorted(now - was)]
    settled = [(EventKind.DEBT_SETTLED, debt) for debt in sorted(was - now)]
    return [Event(kind, contract_id=contract, details={"source": by}) for kind, (contract, by) in (*opened, *settled)]


def of_debts_kept(changed: Iterable[tuple[DebtRow | None, DebtRow]]) -> list[Event]:
    """Return an event for each debt of a billing plugin that was raised or is no more, given debts then and now."""
    told = []
    for before, after in changed:
        was, now = before is not None and before.settled_at is None, after.settled_at is None
        if was is not now:
            told.append(_of_debt(EventKind.DEBT_OPENED if now else EventKind.DEBT_SETTLED, after))
    return told


def _of_debt(kind: EventKind, row: DebtRow) -> Event:
    source, reference = f"billing:{row.integration}", mask_sentence(row.reference)
    details = {"source": source, "reference": reference, "since": row.since, "amount": row.amount}
    return Event(kind, row.integration, row.contract_id, details=details)


def _debts(reasons: Iterable[ReasonRow]) -> set[tuple[str, str]]:
    return {(r.contract_id, r.source) for r in reasons if r.reason is Reason.OVERDUE and not is_of_debt(r)}


def of_retired(plans: Sequence[PlanRow], live: Mapping[str, int]) -> list[Event]:
    """Return an event for each plan that its provider no longer offers; `live` counts who has it, by remote id."""
    return [
        Event(
            EventKind.PLAN_RETIRED,
            plan.integration,
            details={"plan": plan.remote_id, "title": plan.name, "live_subscriptions": live.get(plan.remote_id, 0)},
        )
        for plan in plans
    ]
