"""PostgreSQL's connections cut, or its server restarted, in mid-run: nothing is lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from svahub.models import Desired
from svahub.verbs import Action

from proof.isp import Isp, numbers, opened
from proof.nursery import Ended, Nursery

if TYPE_CHECKING:
    from conftest import OwnServer

MOST = 150

Note = Callable[[str, object], None]


def went_on_or_said_why(ended: Ended) -> None:
    """Assert that a command reached what it is for, or ended with a sentence about the store."""
    assert "Traceback" not in ended.errors, ended
    assert ended.code == 0 or (ended.code == 1 and "Error: The store postgresql" in ended.errors), ended


def cut_in_turn(isp: Isp, run: Callable[[int], Ended], again: Callable[[int], object]) -> int:
    """Cut the connections at each point in turn, until a run had fewer; return how many there were."""
    for number in numbers(1, MOST):
        isp.take_in([number], status="pending")
        ended = run(number)
        went_on_or_said_why(ended)
        again(number)
        isp.agree({number: Desired.ACTIVE})
        if not ended.acted:
            assert number > 4
            return number - 1
    raise AssertionError(f"more than {MOST} points")


def cut_a_sale(isp: Isp, where: list[str]) -> int:
    """Cut the connections at each point of a sale that is waited for."""

    def sale(number: int) -> list[str]:
        return ["activate", f"C{number}", "--idempotency-key", f"k-{number}"]

    return cut_in_turn(
        isp,
        lambda number: isp.run(*sale(number), at=number, where=where, act="cut"),
        lambda number: isp.succeed(*sale(number)),
    )


def cut_work(isp: Isp, where: list[str]) -> int:
    """Cut the connections at each point of `work` that makes a sale."""

    def work(number: int) -> Ended:
        isp.ask(Action.ACTIVATE, number)
        return isp.run("work", "--once", at=number, where=where, act="cut")

    return cut_in_turn(isp, work, lambda _number: isp.succeed("work", "--once"))


WAYS = {"a sale": cut_a_sale, "work": cut_work}


@pytest.mark.parametrize("what", ["a sale", pytest.param("work", marks=pytest.mark.deep)])
def test_connections_cut_at_every_point_lose_and_double_nothing(isp_on_postgresql: Isp, what: str, note: Note) -> None:
    note("points", WAYS[what](isp_on_postgresql, []))
    isp_on_postgresql.nobody_is_there_twice()


@pytest.mark.deep
@pytest.mark.parametrize("what", WAYS)
def test_nor_do_they_when_cut_before_every_statement(isp_on_postgresql: Isp, what: str, note: Note) -> None:
    note("statements", WAYS[what](isp_on_postgresql, ["statement"]))
    isp_on_postgresql.nobody_is_there_twice()


@pytest.fixture
def isp_of_its_own(own_postgresql: OwnServer, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    with opened(own_postgresql.url, tmp_path, nursery) as isp:
        yield isp


NOT_ALWAYS = [pytest.param(where, marks=pytest.mark.deep) for where in ("before_send", "written")]


@pytest.mark.parametrize("where", ["sent", *NOT_ALWAYS])
def test_a_server_restarted_in_mid_run_loses_and_doubles_nothing(
    isp_of_its_own: Isp, own_postgresql: OwnServer, where: str
) -> None:
    isp = isp_of_its_own
    isp.take_in(numbers(1, 10))
    child = isp.start("work", "--once", "--threads", "4", at=2, where=[where], act="stop")
    assert child.wait_until_it_stops()
    own_postgresql.restart()
    child.thaw()
    went_on_or_said_why(child.wait())
    isp.succeed("work", "--once")
    isp.agree(dict.fromkeys(numbers(1, 10), Desired.ACTIVE))
    isp.nobody_is_there_twice()
