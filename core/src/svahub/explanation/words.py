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
    Certainty.PARTIAL: "A part of it was applied",
    Certainty.UNKNOWN: "It may or may not have been applied",
}
"""What the end of an attempt permits; what is unsure goes on with what follows."""

AGAIN = {
    Step.FIND: "it is looked up before anything is added again",
    Step.CREATE_USER: "it is sent again under the same key, which the provider takes only once",
    Step.CHANGE: "it is sent again, as twice is as good as once",
    Step.PARK_DRIFT: "there is nothing to find it by, so a person decides",
}
"""How it goes on, by the step that is decided, when something may have been added or not."""

UNSURE = frozenset({Certainty.PARTIAL, Certainty.UNKNOWN})
LEVELS = frozenset({Step.BLOCK, Step.UNBLOCK, Step.CANCEL})
READING = frozenset({Step.FIND, Step.POLL})


def permits(step: Step, certainty: Certainty, then: Step) -> str:
    """Return what may follow when a step ended so; `then` is what is decided where it may have added something."""
    if step in READING and certainty in {Certainty.NOT_APPLIED, Certainty.UNKNOWN}:
        return "To ask changes nothing at the provider, and may be repeated."
    if certainty not in UNSURE:
        return PERMITS[certainty]
    if step in LEVELS:
        return f"{PERMITS[certainty]}, and may be sent again: twice is as good as once."
    return f"{PERMITS[certainty]}: {AGAIN[then]}."


def doing(step: Step, what: Collection[Aspect] = (), user: str | None = None) -> str:
    """Return what svahub is to do in a step; `user` is the customer's, if they have one already."""
    if step is Step.CREATE_USER and user is not None:
        return f"add it to user {user}"
    if step is Step.CHANGE and what:
        return f"change {named(what)}"
    return STEPS[step]


def looked_up(times: int) -> str:
    """Return how often it was looked up."""
    told = {0: "not looked up yet", 1: "looked up once so far", 2: "looked up twice so far"}
    return told.get(times, f"looked up {times} times so far")


RETURNS = {"db restore": "restored from a backup", "db reopen": "opened again after it had been moved"}
"""How a store came back, by the command."""


def named(aspects: Collection[Aspect]) -> str:
    """Return aspects as a sentence tells them."""
    return listed(sorted(aspect.value.replace("_", " ") for aspect in aspects))


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence tells them."""
    *most, last = [*names] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def source(name: str, origin: str | None = None) -> str:
    """Return who a block reason or an operation comes from; `origin` is the source that told of the contract."""
    kind, _, who = name.partition(":")
    match kind:
        case "import" if origin is not None:
            return f"the source {origin!r}"
        case "import":
            return "the contract file"
        case "source" if who:
            return f"the source {who!r}"
        case "operator" if who:
            return f"operator {who}"
        case "billing" if who:
            return f"the billing at {who}"
    return name
