"""Verbs at random from four processes at once, at a provider that fails every tenth time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from svahub.lifecycle import Step
from svahub.models import Desired
from svahub.store.states import Outcome, Verb
from svahub.store.tables import attempts, operations, subscriptions
from svahub.testing import Fault

from proof import storm
from proof.isp import Isp, cpf, numbers, opened
from proof.nursery import Nursery

PROCESSES = 4
FAULTS = {
    Fault.DROP: 0.02,
    Fault.DROP_AFTER: 0.02,
    Fault.ERROR_BEFORE: 0.015,
    Fault.ERROR_AFTER: 0.02,
    Fault.MALFORMED: 0.01,
    Fault.TRUNCATED: 0.01,
    Fault.RATE_LIMIT: 0.003,
    Fault.TIMEOUT_AFTER: 0.002,
    Fault.LAG: 0.02,
}
PATIENT = {"settle_seconds": 0.4, "retry_base": 0.02, "retry_cap": 0.5, "timeout": 2, "retry_budget": 100}
LAG = 0.2
"""Shorter than the time after which an empty look is believed."""

SETS = {Verb.CREATE_USER: Desired.ACTIVE, Verb.UNBLOCK: Desired.ACTIVE, Verb.BLOCK: Desired.BLOCKED}
SETS |= {Verb.CANCEL: Desired.CANCELLED}
SERVES = {Step.CREATE_USER: Desired.ACTIVE, Step.UNBLOCK: Desired.ACTIVE, Step.CHANGE: Desired.ACTIVE}
SERVES |= {Step.BLOCK: Desired.BLOCKED, Step.CANCEL: Desired.CANCELLED}


def let_it_storm(isp: Isp, accounts: int) -> dict[str, int]:
    """Let four processes ask for five verbs on each account; return the figures."""
    isp.clinic.timings.lag_seconds = LAG
    isp.take_in(numbers(1, accounts))
    isp.clinic.faults.set(FAULTS)
    share = accounts // PROCESSES
    parts = [(1000 + n, 1 + n * share, share) for n in range(PROCESSES)]
    children = [isp.start(*map(str, part), *isp.plans, program="proof.storm:run") for part in parts]
    for child in children:
        ended = child.wait(seconds=900)
        assert ended.code == 0, ended
    isp.clinic.faults.clear()
    _settle(isp)
    wanted = _wanted(isp, parts)
    isp.nobody_is_there_twice()
    isp.agree(wanted, creates=None)
    the_order_holds(isp, wanted)
    return {"requests": len(isp.clinic.calls), "faults": sum(isp.clinic.faults.struck.values())}


def _settle(isp: Isp) -> None:
    """Wait for retries; what was given up is tried again, as a person would."""
    for operation in isp.office.operations.list(Outcome.PARKED):
        isp.office.operations.retry(operation.id, actor="eva")
    isp.office.settle([view.key for view in isp.office.subscriptions.list()], timeout=60)


def _wanted(isp: Isp, parts: list[tuple[int, int, int]]) -> dict[int, Desired]:
    """Return what was asked last of each contract: the processes' draws are repeated."""
    levels: dict[int, Desired] = {}
    for seed, first, many in parts:
        wishes = storm.wishes_of(seed, first, many, isp.plans)
        for order in storm.rounds(wishes):
            for number in order:
                if number in wishes.live:
                    wishes.draw(number)
        levels |= wishes.levels
    return levels


def the_order_holds(isp: Isp, wanted: dict[int, Desired]) -> None:
    """Assert that what the provider saw of each person is a serial order of what was asked."""
    made, desired = _attempts(isp), _desired(isp)
    for number in wanted:
        tried = made[f"C{number}"]
        assert [generation for _, generation in tried] == sorted(generation for _, generation in tried)
        for step, generation in tried:
            assert step in {Step.FIND} or desired[f"C{number}"][generation] is SERVES[step], (number, step, generation)
        seen = [call.verb for call in isp.clinic.of(cpf(number)) if call.verb != "find"]
        _is_in_order(seen, [step.value for step, _ in tried])
    assert isp.clinic.overlapping() == []


def _is_in_order(seen: list[str], tried: list[str]) -> None:
    """Assert that what was seen was tried in that order; a change may be several requests."""
    left = iter(tried)
    last = None
    for verb in seen:
        if verb != "change" or last != "change":
            assert verb in left, (seen, tried)
        last = verb


def _attempts(isp: Isp) -> dict[str, list[tuple[Step, int]]]:
    query = select(subscriptions.c.contract_id, attempts.c.step, attempts.c.generation).join_from(
        attempts, subscriptions, attempts.c.subscription_key == subscriptions.c.key
    )
    made: dict[str, list[tuple[Step, int]]] = defaultdict(list)
    with isp.hub.store.read() as connection:
        for contract, step, generation in connection.execute(query.order_by(attempts.c.lease_number)):
            made[contract].append((step, generation))
    return made


def _desired(isp: Isp) -> dict[str, dict[int, Desired]]:
    """Return what each generation of a contract's subscription wanted."""
    query = select(subscriptions.c.contract_id, operations.c.generation, operations.c.verb).join_from(
        operations, subscriptions, operations.c.subscription_key == subscriptions.c.key
    )
    desired: dict[str, dict[int, Desired]] = defaultdict(dict)
    with isp.hub.store.read() as connection:
        for contract, generation, verb in connection.execute(query.order_by(operations.c.generation)):
            levels = desired[contract]
            levels[generation] = SETS.get(verb) or levels[generation - 1]
    return desired


def noted(note: Callable[[str, object], None], figures: dict[str, Any]) -> None:
    """Note each figure."""
    for name, value in figures.items():
        note(name, value)


def test_the_last_intention_wins_in_a_small_storm(
    sqlite_url: str, tmp_path: Any, nursery: Nursery, note: Callable[[str, object], None]
) -> None:
    with opened(sqlite_url, tmp_path, nursery, **PATIENT) as isp:
        noted(note, let_it_storm(isp, 100))


@pytest.mark.deep
def test_and_in_a_great_one(
    database_url: str, tmp_path: Any, nursery: Nursery, note: Callable[[str, object], None]
) -> None:
    with opened(database_url, tmp_path, nursery, **PATIENT) as isp:
        noted(note, let_it_storm(isp, 1000))
