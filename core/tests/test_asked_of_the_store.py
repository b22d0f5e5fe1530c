"""What rounds ask of the store: little where nothing is due, and no more for many integrations than for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from svahub.cli.working import at_work
from svahub.models import Observed
from svahub.rounds import Rounds
from svahub.store import Store
from svahub.store.states import RunnerName

BESIDE = ("receiving", "watching", "dispatching")


@contextmanager
def asked(store: Store) -> Iterator[list[str]]:
    """Collect the statements of the block."""
    found: list[str] = []

    def about_to_ask(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(store.engine, "before_cursor_execute", about_to_ask)
    yield found
    event.remove(store.engine, "before_cursor_execute", about_to_ask)


def queries(statements: list[str]) -> list[str]:
    return [one for one in statements if not one.startswith("BEGIN")]


@pytest.fixture
def isp(open_isp: Any, basic: type) -> Any:
    return open_isp(basic)


def rounds(isp: Any, what: str) -> Rounds:
    opened: Rounds = getattr(isp.hub, what)()
    return opened


def a_look_for_steps(isp: Any) -> None:
    isp.work()


def a_look_for_deliveries(isp: Any) -> None:
    with rounds(isp, "receiving") as receiving:
        receiving.turn()


@pytest.mark.parametrize("look", [a_look_for_steps, a_look_for_deliveries])
def test_a_look_asks_no_more_for_many_integrations_than_for_one(isp: Any, look: Callable[[Any], None]) -> None:
    with asked(isp.hub.store) as for_one:
        look(isp)
    for number in range(3):
        isp.integrate(f"more-{number}", f"X{number}")
    with asked(isp.hub.store) as for_many:
        look(isp)
    assert len(for_many) == len(for_one)


@pytest.mark.parametrize("what", BESIDE)
def test_who_finds_nothing_due_looks_once_and_takes_nothing_up(isp: Any, what: str) -> None:
    with rounds(isp, what) as going, asked(isp.hub.store) as statements:
        assert going.drain() == 0
    assert [one for one in statements if one.startswith("BEGIN")] == ["BEGIN"]
    assert len(queries(statements)) <= 3


def test_a_step_is_leased_and_written_and_nothing_is_leased_after_it(isp: Any) -> None:
    isp.sell()
    with asked(isp.hub.store) as statements:
        isp.work()
    assert isp.one.observed is Observed.ACTIVE
    assert statements.count("BEGIN IMMEDIATE") == 2


def test_work_that_makes_one_sale_asks_for_little_else(isp: Any) -> None:
    isp.sell()
    with (
        asked(isp.hub.store) as statements,
        at_work(isp.hub, ["default"], threads=1, runner=RunnerName.IN_PROCESS, once=True) as work,
    ):
        work.once()
    assert isp.one.observed is Observed.ACTIVE
    assert len(queries(statements)) <= 55
