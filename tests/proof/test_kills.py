"""Killed at every point in turn, after each durable write and before and after each send; then both sides agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from svahub.models import Desired
from svahub.verbs import Action

from proof.isp import Isp, numbers
from proof.nursery import Ended

MOST = 25
"""More points than any command has."""

Note = Callable[[str, object], None]


def verb(action: Action, isp: Isp, number: int) -> list[str]:
    """Return the command line of a verb on one contract."""
    more = {Action.BLOCK: ["--yes"], Action.CANCEL: ["--yes"], Action.CHANGE: ["--plan", isp.plans[1]]}
    return [action.value, f"C{number}", "--idempotency-key", f"{action}-{number}", *more.get(action, [])]


ENDS = {
    Action.ACTIVATE: Desired.ACTIVE,
    Action.BLOCK: Desired.BLOCKED,
    Action.UNBLOCK: Desired.ACTIVE,
    Action.CHANGE: Desired.ACTIVE,
    Action.CANCEL: Desired.CANCELLED,
}


def prepare(isp: Isp, action: Action) -> None:
    """Bring contracts to where a verb can be asked of them."""
    isp.take_in(numbers(1, MOST), status="pending" if action is Action.ACTIVATE else "active")
    isp.work()
    if action is Action.UNBLOCK:
        for number in numbers(1, MOST):
            isp.ask(Action.BLOCK, number)
        isp.work()


def killed_in_turn(run: Callable[[int], Ended], *, most: int = MOST, least: int = 4) -> Iterator[int]:
    """Run for every number of a point until one run is not killed; yield the numbers, that last one included."""
    for number in numbers(1, most):
        ended = run(number)
        yield number
        if not ended.killed:
            assert ended.code == 0, ended
            assert number > least, "it was not killed at its points"
            return
    raise AssertionError(f"more than {most} points")


def kill_the_waiting_verb(isp: Isp, action: Action) -> int:
    """Kill a verb that waits at each of its points; then repeat it, every other time after `work`."""
    prepare(isp, action)
    number = 0
    for number in killed_in_turn(lambda n: isp.run(*verb(action, isp, n), at=n)):
        if number % 2:
            isp.succeed("work", "--once")
        isp.succeed(*verb(action, isp, number))
        isp.agree({number: ENDS[action]})
    return number - 1


def kill_work(isp: Isp, action: Action) -> int:
    """Kill `work` at each of its points while it does a verb; then work again."""
    prepare(isp, action)
    more = {"plan": isp.plans[1]} if action is Action.CHANGE else {}
    number = 0

    def killed(number: int) -> Ended:
        isp.ask(action, number, **more)
        return isp.run("work", "--once", at=number)

    for number in killed_in_turn(killed):
        isp.succeed("work", "--once")
        isp.agree({number: ENDS[action]})
    return number - 1


WAYS = {"waiting": kill_the_waiting_verb, "work": kill_work}
every_way = pytest.mark.parametrize("way", ["work", pytest.param("waiting", marks=pytest.mark.deep)])


def imported(isp: Isp, number: int) -> Path:
    """Write a file about four contracts: one new, one in debt, one that ends, and one that loses an item."""
    first = 4 * number
    rows = [
        isp.row(first),
        isp.row(first + 1, block_reasons=["overdue"]),
        isp.row(first + 2, status="cancelled"),
        isp.row(first + 3, items=[{"code": "2", "product_code": "INTERNET"}]),
    ]
    file = isp.folder / f"{number}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def wanted_after_import(number: int) -> dict[int, Desired]:
    """Return what such a file wants."""
    first = 4 * number
    levels = (Desired.ACTIVE, Desired.BLOCKED, Desired.CANCELLED, Desired.CANCELLED)
    return dict(zip(numbers(first, 4), levels, strict=True))


def prepare_imports(isp: Isp, most: int = MOST) -> None:
    """Sell what the files are about."""
    isp.take_in(number for number in numbers(4, 4 * most) if number % 4)
    isp.work()


def kill_the_import(isp: Isp) -> int:
    """Kill an import at each of its points; then repeat it."""
    prepare_imports(isp)
    number = 0
    for number in killed_in_turn(lambda n: isp.run("contracts", "import", str(imported(isp, n)), at=n), least=2):
        if number % 2:
            isp.succeed("work", "--once")
        isp.succeed("contracts", "import", str(imported(isp, number)))
        isp.succeed("work", "--once")
        isp.agree(wanted_after_import(number))
    return number - 1


def kill_work_after_an_import(isp: Isp) -> int:
    """Kill `work` at each of its points while it does what an import wants."""
    prepare_imports(isp, 2 * MOST)
    number = 0

    def killed(number: int) -> Ended:
        assert not isp.office.contracts.bring(imported(isp, number)).errors
        return isp.run("work", "--once", at=number)

    for number in killed_in_turn(killed, most=2 * MOST):
        isp.succeed("work", "--once")
        isp.agree(wanted_after_import(number))
    return number - 1


def kill_the_sync(isp: Isp) -> int:
    """Kill a sync of plans at each of its points, a plan being changed each time; then repeat it."""
    number = 0

    def killed(number: int) -> Ended:
        isp.rewrite_a_plan(number)
        return isp.run("plans", "sync", at=number)

    for number in killed_in_turn(killed):
        isp.succeed("plans", "sync")
        isp.catalogue_agrees()
        changed = next(p for p in isp.office.catalogue.plans("tele") if p.remote_id == isp.plans[0])
        assert changed.version == number + 1
    return number - 1


OTHERS = {"import": kill_the_import, "work after an import": kill_work_after_an_import, "sync": kill_the_sync}


@every_way
@pytest.mark.parametrize("action", ENDS)
def test_a_verb_killed_at_any_point_is_done_once(isp: Isp, action: Action, way: str, note: Note) -> None:
    note("points", WAYS[way](isp, action))
    isp.nobody_is_there_twice()


@pytest.mark.parametrize("what", ["import", "sync", pytest.param("work after an import", marks=pytest.mark.deep)])
def test_what_reads_files_and_catalogues_is_done_once_too(isp: Isp, what: str, note: Note) -> None:
    note("points", OTHERS[what](isp))
    isp.nobody_is_there_twice()


@every_way
def test_and_so_is_a_sale_on_postgresql(isp_on_postgresql: Isp, way: str, note: Note) -> None:
    note("points", WAYS[way](isp_on_postgresql, Action.ACTIVATE))
    isp_on_postgresql.nobody_is_there_twice()


@pytest.mark.deep
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", sorted(set(ENDS) - {Action.ACTIVATE}))
def test_and_so_is_every_verb(isp_on_postgresql: Isp, action: Action, way: str, note: Note) -> None:
    note("points", WAYS[way](isp_on_postgresql, action))
    isp_on_postgresql.nobody_is_there_twice()


@pytest.mark.deep
@pytest.mark.parametrize("what", OTHERS)
def test_and_so_is_the_rest(isp_on_postgresql: Isp, what: str, note: Note) -> None:
    note("points", OTHERS[what](isp_on_postgresql))
    isp_on_postgresql.nobody_is_there_twice()


@every_way
def test_and_so_is_a_sale_by_a_worker_that_jobs_tell_where_to_look(
    isp_of_several_machines: Isp, way: str, note: Note
) -> None:
    note("points", WAYS[way](isp_of_several_machines, Action.ACTIVATE))
    isp_of_several_machines.nobody_is_there_twice()


@pytest.mark.deep
@pytest.mark.parametrize("action", sorted(set(ENDS) - {Action.ACTIVATE}))
def test_and_so_is_every_verb_by_such_a_worker(isp_of_several_machines: Isp, action: Action, note: Note) -> None:
    note("points", kill_work(isp_of_several_machines, action))
    isp_of_several_machines.nobody_is_there_twice()
