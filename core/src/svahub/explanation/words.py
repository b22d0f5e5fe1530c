"""How the parts of an explanation are called in sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from svahub.lifecycle import Step
from svahub.models import Aspect
from svahub.store.states import Certainty

STEPS = {
    Step.FIND: "look up what the provider has",
    Step.CREATE_USER: "create the user",
    Step.BLOCK: "block it",
    Step.UNBLOCK: "unblock it",
    Step.CHANGE: "change it",
    Step.CANCEL: "cancel it",
    Step.POLL: "ask the provider for the result",
    Step.NOTHING: "find it as wanted",
    Step.PARK_DRIFT: "leave it to a person",
}
"""What svahub is to do in each step."""

PERMITS = {
    Certainty.SUCCEEDED: "It was applied.",
    Certainty.NOT_APPLIED: "It surely was not applied, and may be tried again as it is.",
    Certainty.REJECTED: "To try it again as it is changes nothing.",
    Certainty.PENDING: "The provider has accepted it, and tells later how it ended.",
    Certainty.PARTIAL: "A part of it was applied: it is looked up before it goes on.",
    Certainty.UNKNOWN: "It may or may not have been applied: it is looked up before anything is added again.",
}
"""What the end of an attempt permits."""

LEVELS = frozenset({Step.BLOCK, Step.UNBLOCK, Step.CANCEL})
READING = frozenset({Step.FIND, Step.POLL})


def permits(step: Step, certainty: Certainty) -> str:
    """Return what may follow when a step ended so."""
    if step in READING and certainty is Certainty.NOT_APPLIED:
        return "To ask changes nothing at the provider, and may be repeated."
    if step in LEVELS and certainty is Certainty.UNKNOWN:
        return "It may or may not have been applied, and may be sent again: twice is as good as once."
    return PERMITS[certainty]


def doing(step: Step, what: Collection[Aspect] = (), user: str | None = None) -> str:
    """Return what svahub is to do in a step; `user` is the customer's, if they have one already."""
    if step is Step.CREATE_USER and user is not None:
        return f"add it to user {user}"
    if step is Step.CHANGE and what:
        return f"change {listed(sorted(aspect.value.replace('_', ' ') for aspect in what))}"
    return STEPS[step]


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence tells them."""
    *most, last = [*names] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def source(name: str) -> str:
    """Return who a block reason or an operation comes from."""
    kind, _, who = name.partition(":")
    match kind:
        case "import":
            return "the contract file"
        case "operator" if who:
            return f"operator {who}"
        case "billing" if who:
            return f"the billing at {who}"
    return name
