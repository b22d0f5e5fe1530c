"""How each subscription stands after a command: its line, its JSON, and the exit code that follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from svahub.cli.exits import ExitCode, worst
from svahub.cli.output import as_text, show_table
from svahub.masking import mask_consent
from svahub.models import Desired, Observed
from svahub.store.states import State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from svahub.areas.subscriptions import SubscriptionView
    from svahub.hub import TenantHub
    from svahub.store.rows import SubscriptionRow
    from svahub.verbs import Effect


class Ending(StrEnum):
    """What became of what was asked of one subscription."""

    REACHED = "reached"
    WAITING = "waiting"
    QUEUED = "queued"
    PLANNED = "planned"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    MISSING_PLUGIN = "missing_plugin"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


CODES = {
    Ending.WAITING: ExitCode.WAITING,
    Ending.PARKED: ExitCode.NEEDS_PERSON,
    Ending.QUARANTINED: ExitCode.NEEDS_PERSON,
    Ending.MISSING_PLUGIN: ExitCode.NEEDS_PERSON,
    Ending.SUPERSEDED: ExitCode.SUPERSEDED,
    Ending.REFUSED: ExitCode.ERROR,
}
STUCK = {
    State.SETTLED: Ending.REACHED,
    State.PARKED: Ending.PARKED,
    State.QUARANTINED: Ending.QUARANTINED,
    State.MISSING_PLUGIN: Ending.MISSING_PLUGIN,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is wanted of a subscription and what was seen; `desired` is None before it is sold."""

    desired: Desired | None
    observed: Observed
    plan: str | None = None
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One subscription before and after a command; `until` is when its next step is due."""

    contract_id: str
    item_code: str | None = None
    key: str | None = None
    integration: str | None = None
    before: Standing | None = None
    after: Standing | None = None
    remote_id: str | None = None
    state: State | None = None
    outcome: Ending = Ending.REFUSED
    until: datetime | None = None
    cause: str | None = None
    advice: str | None = None
    operation: int | None = None
    remarks: tuple[str, ...] = ()
    consent: Mapping[str, Any] | None = None


UNSOLD = Standing(None, Observed.ABSENT)


def standing(row: SubscriptionRow | SubscriptionView | None) -> Standing:
    """Return how a subscription stands, or stood before it was sold."""
    return Standing(row.desired, row.observed, row.plan, row.quantity) if row is not None else UNSOLD


def planned(effect: Effect) -> Line:
    """Return the line of a dry run: what would be wanted."""
    row = effect.after
    changes = effect.before is None or effect.before.generation != row.generation
    return Line(
        row.contract_id, row.item_code, row.key, row.integration, standing(effect.before), standing(row),
        row.remote_id, State(row.phase.value), Ending.PLANNED if changes else Ending.REACHED,
        consent=mask_consent(row.consent),
    )  # fmt: skip


def followed(office: TenantHub, effects: Collection[Effect], *, wait: bool, timeout: float) -> list[Line]:
    """Bring the subscriptions of some effects to what is wanted, if that is waited for, and say how each ended."""
    keys = [effect.after.key for effect in effects]
    obstacles = office.integrations.obstacles()
    if wait:
        # Somebody else may be able to call where this process cannot: that is worth no minute of waiting.
        office.settle([e.after.key for e in effects if e.after.integration not in obstacles], timeout=timeout)
    views = {view.key: view for view in office.subscriptions.of_keys(keys)}
    newest = office.operations.newest(keys)
    return [
        _line(effect, views[effect.after.key], newest.get(effect.after.key), obstacles, wait=wait) for effect in effects
    ]


def _line(
    effect: Effect, view: SubscriptionView, operation: int | None, obstacles: dict[str, str], *, wait: bool
) -> Line:
    ending = _ending(effect.after.generation, view, wait=wait)
    cause = view.cause or (obstacles.get(view.integration) if ending is not Ending.REACHED else None)
    return Line(
        view.contract_id, view.item_code, view.key, view.integration, standing(effect.before), standing(view),
        view.remote_id, view.state, ending, view.due_at, cause, view.advice, operation, consent=view.consent,
    )  # fmt: skip


def _ending(generation: int, view: SubscriptionView, *, wait: bool) -> Ending:
    if view.generation > generation:
        return Ending.SUPERSEDED
    return STUCK.get(view.state, Ending.WAITING if wait else Ending.QUEUED)


def show_lines(lines: Sequence[Line], as_json: bool, *, consent: bool = False) -> None:
    """Print one line a subscription, with the proof of consent if asked; what was refused has been told already."""
    if as_json:
        show_table(lines, [], as_json=True)
        return
    told = [_told(line, consent=consent) for line in lines if line.outcome is not Ending.REFUSED]
    if told or not lines:
        show_table(told, list(told[0]) if told else [], empty="Nothing is sold on this contract.")


def exit_code(lines: Sequence[Line], *, wait: bool = True) -> ExitCode:
    """Return the worst over all subscriptions; who does not wait hears of what was refused only."""
    codes = worst(CODES.get(line.outcome, ExitCode.REACHED) for line in lines)
    return codes if wait or codes is ExitCode.ERROR else ExitCode.REACHED


def _told(line: Line, *, consent: bool) -> dict[str, str | None]:
    assert line.before
    assert line.after
    changed = line.before.desired is not None and line.before.plan != line.after.plan
    resized = line.before.desired is not None and line.before.quantity != line.after.quantity
    return {
        "contract": line.contract_id,
        "item": line.item_code,
        "before": _in_words(line.before, plan=changed, quantity=resized),
        "after": _in_words(line.after, plan=changed, quantity=resized),
        "remote id": line.remote_id,
        **({"consent": _agreed(line.consent)} if consent else {}),
        "outcome": _outcome(line),
    }


def _agreed(consent: Mapping[str, Any] | None) -> str:
    if not consent:
        return "none on record"
    return f"{datetime.fromisoformat(consent['at']):%Y-%m-%d}, {consent['channel']}, {consent['text_version']}"


def _in_words(standing: Standing, *, plan: bool, quantity: bool) -> str:
    if standing.desired is None:
        return "not sold"
    told = standing.desired.value
    if standing.desired.value != standing.observed.value:
        told += f" (seen {standing.observed.value})"
    return told + (f", plan {standing.plan}" if plan else "") + (f", quantity {standing.quantity}" if quantity else "")


def _outcome(line: Line) -> str:
    when = f" until {as_text(line.until)}" if line.until and line.outcome is Ending.WAITING else ""
    told = f"{line.outcome.value}{when}" + (f": {line.cause}" if line.cause else "")
    if not line.advice:
        return told
    return f"{told}; {line.advice}" + (f" (operation {line.operation})" if line.outcome is Ending.PARKED else "")
