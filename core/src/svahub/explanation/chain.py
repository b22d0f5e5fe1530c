"""The chain of cause and effect: debt, rule, reason, operation, attempts, masked exchanges, observed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from svahub import debt_rule, merge
from svahub.explanation import debts
from svahub.explanation.failing import outcome, said
from svahub.explanation.values import Case, Link, LinkKind, Reader, Sale
from svahub.explanation.words import source
from svahub.intentions import Level, target
from svahub.masking import mask_text
from svahub.models import Desired, Observed, Reason
from svahub.store.rows import AttemptRow, OperationRow, ReasonRow
from svahub.store.states import Certainty, ContractStatus, Outcome, Verb

ASKED = {
    Verb.CREATE_USER: "sell",
    Verb.BLOCK: "block",
    Verb.UNBLOCK: "unblock",
    Verb.CHANGE: "change",
    Verb.CANCEL: "cancel",
}
OUTCOMES = {
    Outcome.QUEUED: "not reached yet",
    Outcome.SUCCEEDED: "reached",
    Outcome.SUPERSEDED: "superseded",
    Outcome.PARKED: "parked, a person decides",
    Outcome.DISCARDED: "discarded",
}
ENDS = {
    Certainty.SUCCEEDED: "succeeded",
    Certainty.NOT_APPLIED: "not applied",
    Certainty.REJECTED: "refused",
    Certainty.PENDING: "accepted, the result comes later",
    Certainty.PARTIAL: "applied in part",
    Certainty.UNKNOWN: "outcome not known",
    None: "under way",
}


def chain(case: Case, reader: Reader) -> Iterator[Link]:
    """Link what led to how an item is now, cause before effect."""
    ends = case.sale is not None and case.sale.row.desired is Desired.CANCELLED
    reasons = () if ends else case.reasons
    yield from () if ends else debts.links(case, reader)
    known = {debt_rule.source(row) for row in case.owing.open}
    yield from (_debt(row, reader) for row in reasons if row.reason is Reason.OVERDUE and row.source not in known)
    wanted = {"desired": case.sale.row.desired if case.sale else None}
    yield Link(LinkKind.RULE, _rule(case), None, wanted)
    yield from (_reason(row, reader) for row in reasons)
    if case.sale is not None:
        yield from _books(case.sale, reader)
        yield _observed(case.sale, reader)


# -- why it is wanted --------------------------------------------------------------------------------------------------


def _debt(row: ReasonRow, reader: Reader) -> Link:
    sentence = f"{source(row.source, reader.origin)} said at {reader.at(row.created_at)} that the contract is overdue"
    return Link(LinkKind.DEBT, sentence, row.created_at, {"source": row.source})


def _reason(row: ReasonRow, reader: Reader) -> Link:
    until = f", until {reader.at(row.until)}" if row.until else ""
    whose = f"item {row.item_code}" if row.item_code else "the whole contract"
    by = source(row.source, reader.origin) if row.source == merge.SOURCE and reader.origin else row.source
    sentence = f"{row.reason.value} by {by}, for {whose}, since {reader.at(row.created_at)}{until}"
    values = {"reason": row.reason, "source": row.source, "item": row.item_code or None, "until": row.until}
    return Link(LinkKind.REASON, sentence, row.created_at, values)


def _rule(case: Case) -> str:
    """Say by which rule the item should be as it should be."""
    sale = case.sale
    if sale is None:
        return "an item is sold while its contract is active and a product link serves it"
    follows = target(Level(case.contract, (case.item,), case.reasons, ()), case.item)
    if sale.row.sale < case.item.sales:
        return f"the item was sold again, as sale {case.item.sales}: CANCELLED is wanted of the earlier one"
    if sale.row.desired is not follows:
        return _against_the_rule(sale)
    if case.contract.status is ContractStatus.CANCELLED:
        return "what a cancelled contract sold ends: CANCELLED is wanted"
    if case.item.removed:
        return "an item that is gone from its contract ends: CANCELLED is wanted"
    if follows is Desired.BLOCKED:
        return "blocked while any reason is left: BLOCKED is wanted"
    return "the contract is active and no reason to block is left: ACTIVE is wanted"


def _against_the_rule(sale: Sale) -> str:
    operation = sale.newest_operation
    wanted = f"{sale.row.desired.value} is wanted"
    if operation is not None and operation.outcome is Outcome.DISCARDED:
        return f"operation {operation.id} was discarded, so what the provider had is wanted: {wanted}"
    return f"as the last operation left it, until the next command or import: {wanted}"


# -- what was done -----------------------------------------------------------------------------------------------------


def _books(sale: Sale, reader: Reader) -> Iterator[Link]:
    """Tell of each operation, and below it of the attempts that were made for it."""
    left = list(sale.attempts)
    operations = sorted(sale.operations, key=lambda o: (o.generation, o.id))
    for operation, following in zip_longest(operations, operations[1:]):
        before = following.generation if following else None
        own = [a for a in left if before is None or a.generation < before]
        left = [a for a in left if a not in own]
        yield _operation(operation, reader)
        yield from _attempts(sale, own, reader)
        if not own and following is None and operation.outcome is Outcome.SUCCEEDED:
            yield Link(LinkKind.ATTEMPT, _no_call(sale, operation))
    yield from _attempts(sale, left, reader)


def _attempts(sale: Sale, attempts: list[AttemptRow], reader: Reader) -> Iterator[Link]:
    for attempt in attempts:
        key = (attempt.account_key, attempt.lease_number)
        said_in_it = [e for e in sale.exchanges if (e["account_key"], e["lease_number"]) == key]
        yield _attempt(attempt, reader, silent=not said_in_it)
        yield from map(_exchange, said_in_it)


def _operation(row: OperationRow, reader: Reader) -> Link:
    why = f", for {row.reason}" if row.reason else ""
    note = f", “{mask_text(row.note)}”" if row.note else ""
    by = f" by #{row.superseded_by}" if row.superseded_by else ""
    ended = f" at {reader.at(row.ended_at)}" if row.ended_at else ""
    asked = f"#{row.id} {ASKED[row.verb]}, asked by {source(row.actor)} at {reader.at(row.created_at)}{why}{note}"
    return Link(LinkKind.OPERATION, f"{asked}; {OUTCOMES[row.outcome]}{by}{ended}", row.created_at, _asked(row))


def _asked(row: OperationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "verb": row.verb,
        "generation": row.generation,
        "actor": row.actor,
        "reason": row.reason,
        "note": mask_text(row.note) if row.note else None,
        "outcome": row.outcome,
        "superseded_by": row.superseded_by,
        "ended_at": row.ended_at,
    }


def _no_call(sale: Sale, operation: OperationRow) -> str:
    others = sorted({row.contract_id for row in sale.view.others(sale.row)})
    if sale.whole_users and operation.verb in {Verb.BLOCK, Verb.UNBLOCK} and others:
        done = f"{sale.provider.title} {operation.verb.value}s whole users"
        return f"no call of its own: {done}, so that one call served {', '.join(others)} too"
    if operation.verb is Verb.CHANGE and sale.row.observed is Observed.BLOCKED:
        return "no call yet: what is blocked is changed with the unblock"
    return "no call was needed: it was so already"


def _attempt(row: AttemptRow, reader: Reader, *, silent: bool) -> Link:
    cause = f": {row.cause}" if row.cause and row.certainty is not Certainty.SUCCEEDED else ""
    seen = f" ({row.cause})" if row.cause and row.certainty is Certainty.SUCCEEDED else ""
    quiet = "; there was nothing to ask, or what was said is not kept any more"
    no_words = quiet if silent and row.certainty is Certainty.SUCCEEDED else ""
    sentence = f"{row.step.value} at {reader.at(row.started_at)}: {ENDS[row.certainty]}{seen}{cause}{no_words}"
    values = {
        "step": row.step,
        "number": row.lease_number,
        "generation": row.generation,
        "certainty": row.certainty,
        "cause": row.cause,
        "ended_at": row.ended_at,
    }
    return Link(LinkKind.ATTEMPT, sentence, row.started_at, values)


SHOWN = ("id", "method", "path", "status", "milliseconds", "request_body", "response_body", "error")


def _exchange(row: Mapping[str, Any]) -> Link:
    sentence = f"{row['method']} {row['path']} → {outcome(row)}, {row['milliseconds']} ms"
    return Link(LinkKind.EXCHANGE, sentence, row["at"], {name: row[name] for name in SHOWN} | {"message": said(row)})


# -- what was seen -----------------------------------------------------------------------------------------------------


def _observed(sale: Sale, reader: Reader) -> Link:
    row, applied = sale.row, sale.row.what_was_applied()
    user = f" as user {row.remote_id}" if row.remote_id and row.observed is not Observed.ABSENT else ""
    plan = f", with plan {applied.plan}" if applied and applied.plan and row.live else ""
    sentence = f"{row.observed.value}{user}{plan}, as of {reader.at(row.changed_at)}"
    values = {"observed": row.observed, "remote_id": row.remote_id, "applied": _without_customer(row.applied)}
    return Link(LinkKind.OBSERVED, sentence, row.changed_at, values)


def _without_customer(applied: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if applied is None else {name: value for name, value in applied.items() if name != "customer"}
