"""What happens next, and when? As `decisions` decides it: no second table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from svahub.decisions import Decision, decide, decided, differing, holders, situation, step_for, wanted
from svahub.explanation import words
from svahub.explanation.values import Prospect, Reader, Sale
from svahub.explanation.words import listed
from svahub.lifecycle import Step, next_step
from svahub.models import Aspect, Desired, Observed
from svahub.outcomes import ADDING
from svahub.store.rows import AttemptRow, ReasonRow, SubscriptionRow
from svahub.store.states import Certainty, Outcome, Phase, State
from svahub.waiting import commands_in

SURE_LOOKS = 2
"""So many empty looks are believed, once the provider has settled."""


def prospect(sale: Sale, reader: Reader, reasons: Collection[ReasonRow] = ()) -> Prospect:
    """Say what comes next for one sale, which `reasons` block."""
    match sale.stands.state:
        case State.SETTLED:
            ends = _end_of_block(reasons) if sale.row.desired is Desired.BLOCKED else None
            later = f" The block ends by itself at {reader.due(ends)}." if ends is not None else ""
            return Prospect(_at_rest(sale) + later, Step.NOTHING, ends)
        case State.PARKED:
            return _for_a_person(sale)
        case State.RUNNING if (attempt := sale.open_attempt) is not None:
            return _under_way(sale, attempt, reader)
    course = _course(sale, reader)
    return _once_it_can_be_called(sale, course) if sale.provider.stop else _from_here(sale, course)


def _doing(sale: Sale, step: Step, what: Collection[Aspect] = ()) -> str:
    return words.doing(step, what, sale.view.account.remote_id)


def _end_of_block(reasons: Collection[ReasonRow]) -> datetime | None:
    """Return when the last reason to block ends by itself; None while one has no end."""
    ends = [reason.until for reason in reasons]
    return max((end for end in ends if end is not None), default=None) if all(ends) else None


# -- nothing is left to do ---------------------------------------------------------------------------------------------


def _at_rest(sale: Sale) -> str:
    row, now = sale.row, situation(sale.view, sale.row)
    if next_step(now) is not Step.NOTHING:
        seen = f"{row.desired.value} is wanted and {row.observed.value} was seen"
        return f"nothing by itself, although {seen}: the next command or import about it goes on from there."
    if row.desired is Desired.CANCELLED:
        return (
            "nothing: it has ended."
            if row.observed is Observed.CANCELLED
            else "nothing: the provider does not have it."
        )
    if row.desired is Desired.BLOCKED and row.observed is not Observed.BLOCKED:
        then = _doing(sale, next_step(replace(now, desired=Desired.ACTIVE)))
        return f"nothing until it is unblocked: the provider does not have it now. Then svahub will {then}."
    if row.desired is Desired.BLOCKED and now.differs:
        aspects = differing(row, wanted(sale.view, row), sale.view.facts.changes)
        return f"nothing until it is unblocked. Then svahub will also {_doing(sale, Step.CHANGE, aspects)}."
    return "nothing: it is as wanted."


# -- a person is needed ------------------------------------------------------------------------------------------------


def _for_a_person(sale: Sale) -> Prospect:
    operation = sale.newest_operation
    advice = sale.row.advised(operation.id if operation else None)
    cause = sale.row.cause if sale.row.cause not in {attempt.cause for attempt in sale.attempts} else None
    told = "; ".join(filter(None, (cause, advice)))
    sentence = f"nothing by itself, a person decides: {told or 'it was parked'}."
    return Prospect(sentence, commands=commands_in(advice))


# -- it is being tried -------------------------------------------------------------------------------------------------


def _under_way(sale: Sale, attempt: AttemptRow, reader: Reader) -> Prospect:
    account, tries = sale.view.account, sale.row.tries + 1
    since = f"svahub has been trying to {_doing(sale, attempt.step)} since {reader.at(attempt.started_at)}"
    if account.lease_until is None or account.lease_until > reader.now:
        return Prospect(f"{since}{_count(sale)}.", attempt.step, None, tries, sale.provider.budget)
    at = account.due_at
    when = reader.due(at) if at is not None and at > reader.now else "when `svahub work` runs"
    began = f"the process that began to {_doing(sale, attempt.step)} at {reader.at(attempt.started_at)}"
    sentence = f"{began} has not told how it ended; another one goes on {when}."
    return Prospect(sentence, attempt.step, at, tries, sale.provider.budget)


# -- a step is due, now or later ---------------------------------------------------------------------------------------


def _course(sale: Sale, reader: Reader) -> Prospect:
    """Say what comes next where nothing stands against calling the provider."""
    one = decided(sale.view, sale.row)
    if one.row is None:
        return _without_call(sale, one.updated[0])
    earlier = _more_urgent(sale, reader.now)
    return _in_turn(sale, earlier, one) if earlier else _to_come(sale, one, reader)


def _more_urgent(sale: Sale, now: datetime) -> Decision | None:
    """Return what the same account's next step is, if it is due for another of its subscriptions."""
    row = sale.row
    if row.due_at is not None and row.due_at > now:
        return None
    first = decide(sale.view, now)
    return first if first.row is not None and first.row.key != row.key else None


def _in_turn(sale: Sale, earlier: Decision, one: Decision) -> Prospect:
    assert earlier.row is not None
    first = f"svahub first has to {_doing(sale, earlier.step, earlier.what)} for {_named(earlier.row)}"
    then = f"then to {_doing(sale, one.step, one.what)}"
    sentence = f"it waits its turn, as steps of one customer never overlap: {first}, {then}."
    return Prospect(sentence, one.step, sale.row.due_at, waits_for=(earlier.row.contract_id,))


def _named(row: SubscriptionRow) -> str:
    return f"contract {row.contract_id}, item {row.item_code}"


def _to_come(sale: Sale, one: Decision, reader: Reader) -> Prospect:
    row = sale.row
    later = row.due_at is not None and row.due_at > reader.now
    sooner = _sooner(sale) if later else ()
    sentence = f"svahub will {_doing(sale, one.step, one.what)}{_when(sale, reader)}{_count(sale)}"
    why = f", as {row.cause}" if row.cause and not sale.attempts else ""
    by_hand = f" Sooner, with `{sooner[0]}`." if sooner else ""
    told = f"{sentence}{why}.{by_hand}{_unsure(sale, one.step, reader)}"
    return Prospect(told, one.step, row.due_at, row.tries + 1, sale.provider.budget, (), sooner)


def _when(sale: Sale, reader: Reader) -> str:
    at = sale.row.due_at
    if at is not None and at > reader.now:
        return f" at {reader.due(at)}"
    return "" if sale.provider.stop else " as soon as `svahub work` runs"


def _count(sale: Sale) -> str:
    return f", try {sale.row.tries + 1} of {sale.provider.budget}"


def _sooner(sale: Sale) -> tuple[str, ...]:
    """Return the command that brings it on at once, where it would be taken."""
    operation = sale.newest_operation
    if operation is None or operation.outcome not in {Outcome.QUEUED, Outcome.PARKED} or sale.provider.stop:
        return ()
    return (f"svahub operations retry {operation.id}",)


def _unsure(sale: Sale, step: Step, reader: Reader) -> str:
    """Say what is not known of what was added, and how that is found out, if at all, before the step."""
    row = sale.row
    if row.uncertain_since is None:
        return ""
    open_ = f" {_not_known(sale, reader)}"
    if step is not Step.FIND:
        to_end = " The answer tells which user to cancel." if row.desired is Desired.CANCELLED else ""
        return f"{open_}: {words.AGAIN[step]}.{to_end}" if step in ADDING else f"{open_}."
    settled = row.uncertain_since + timedelta(seconds=sale.view.facts.settle_seconds)
    believed = f"after {SURE_LOOKS} empty looks, and not before {reader.at(settled)}"
    return f"{open_}; {words.looked_up(row.looks)}. That nothing is there is believed {believed}."


def _not_known(sale: Sale, reader: Reader) -> str:
    call = sale.unsure_call
    if call is None:
        return "It is not known what the provider has" + (" now" if sale.came_back else "")
    at = reader.at(call.started_at)
    if call.certainty is Certainty.REJECTED:
        return f"The call of {at} was refused, as the user is there already, and it is not known whose it is"
    return f"It is not known whether the call of {at} was applied"


# -- no step is due ----------------------------------------------------------------------------------------------------


def _without_call(sale: Sale, after: SubscriptionRow) -> Prospect:
    """Say what becomes of a row that needs no call, or may not be called for yet."""
    if after.phase is Phase.SETTLED:
        return Prospect(_at_rest(sale), Step.NOTHING)
    if after.phase is Phase.PARKED:
        parked = _for_a_person(replace(sale, row=after))
        return replace(parked, step=Step.PARK_DRIFT)
    step = step_for(sale.view, sale.row)
    first = sorted({row.contract_id for row in holders(sale.view, sale.row, step)})
    why, commands = _held(sale, step, first)
    return Prospect(f"{why} Then svahub will {_doing(sale, step)}.", step, waits_for=tuple(first), commands=commands)


def _held(sale: Sale, step: Step, contracts: list[str]) -> tuple[str, tuple[str, ...]]:
    names = f"contract{'s' * (len(contracts) > 1)} {listed(contracts)}"
    pending = any(row.handle is not None for row in sale.view.others(sale.row))
    if step is Step.BLOCK and not pending:
        whole = f"{sale.provider.title} blocks whole users, and the same user serves {names}"
        others = [c for c in contracts if c != sale.row.contract_id]
        until = f"it waits until {'that is' if len(contracts) == 1 else 'those are'} blocked or cancelled too"
        commands = tuple(f"svahub block {contract}" for contract in others)
        told = " or ".join(f"`{command}`" for command in commands)
        return f"held, as {whole}: {until}{f' ({told})' if told else ''}.", commands
    known = "the provider has told how a step of" if pending else "it is known what the provider has of"
    return f"held until {known} the same user's {names}{' ended' if pending else ''}.", ()


# -- the integration cannot be called ----------------------------------------------------------------------------------


def _once_it_can_be_called(sale: Sale, course: Prospect) -> Prospect:
    stop = sale.provider.stop
    assert stop is not None
    state = "quarantined, as " if stop.state is State.QUARANTINED else ""
    waits = f"it waits for the integration {sale.row.integration}: {state}{stop.cause or 'its cause is not known'}."
    freed = f" To go on: {stop.remedy}." if stop.remedy else ""
    sentence = f"{waits}{freed} After that: {course.sentence}"
    commands = (*commands_in(stop.remedy), *(c for c in course.commands if course.waits_for))
    at = max(filter(None, (stop.until, course.at)), default=None)
    return replace(course, sentence=sentence, at=at, commands=commands)


def _from_here(sale: Sale, course: Prospect) -> Prospect:
    if not sale.provider.obstacle:
        return course
    return replace(course, sentence=f"{course.sentence} From here it cannot be called: {sale.provider.obstacle}")
