"""Workers on PostgreSQL that jobs tell where to look: they share, take over what is lost, and stop where they must."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, text
from svahub.models import Desired
from svahub.store.tables import accounts
from svahub.verbs import Action

from proof.isp import Isp, cpf, numbers, opened
from proof.nursery import Child, Nursery

if TYPE_CHECKING:
    from conftest import OwnServer

SECONDS = 40.0


def until(what: Callable[[], Any], seconds: float = SECONDS) -> float:
    """Wait until something is so; return how long that took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - began


def at_work(isp: Isp, workers: int, *, threads: int = 4) -> list[Child]:
    """Start workers."""
    return [isp.start("work", "--threads", str(threads)) for _ in range(workers)]


def end(*workers: Child) -> None:
    """End workers as their supervisor does, and assert that they end well."""
    for worker in workers:
        worker.terminate()
    assert {worker.wait().code for worker in workers} <= {0, 4}


def is_settled(isp: Isp) -> bool:
    """Say whether nothing is due or leased."""
    with isp.hub.store.read() as connection:
        return not connection.execute(select(func.count()).where(accounts.c.due_at.is_not(None))).scalar()


def free(isp: Isp) -> int:
    """Count the accounts that are due and not leased."""
    with isp.hub.store.read() as connection:
        waits = (accounts.c.due_at.is_not(None), accounts.c.lease_owner.is_(None))
        return int(connection.execute(select(func.count()).where(*waits)).scalar_one())


def is_asked(isp: Isp, number: int, verb: str) -> bool:
    """Say whether the provider was asked for a verb on a contract."""
    return any(call.verb == verb for call in isp.clinic.of(cpf(number)))


def owners(isp: Isp) -> int:
    """Count who holds accounts."""
    with isp.hub.store.read() as connection:
        return int(connection.execute(select(func.count(accounts.c.lease_owner.distinct()))).scalar_one())


def jobs_left(isp: Isp) -> int:
    """Count the jobs that are kept."""
    with isp.hub.store.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM svahub_jobs.procrastinate_jobs")).scalar_one())


def test_a_worker_that_joins_gets_a_share_and_takes_over_from_one_that_is_killed(isp_of_several_machines: Isp) -> None:
    isp, contracts = isp_of_several_machines, numbers(1, 80)
    isp.clinic.timings.answer_seconds = 0.1
    isp.take_in(contracts)
    (first,) = at_work(isp, 1)
    until(lambda: owners(isp) == 1)
    (second,) = at_work(isp, 1)
    assert until(lambda: owners(isp) == 2) < 10
    first.kill()
    first.wait()
    assert until(lambda: is_settled(isp)) < 15
    isp.ask(Action.BLOCK, 1)
    assert until(lambda: is_asked(isp, 1, "block")) < 5
    until(lambda: is_settled(isp) and not jobs_left(isp))
    end(second)
    isp.agree(dict.fromkeys(contracts[1:], Desired.ACTIVE) | {1: Desired.BLOCKED})
    isp.nobody_is_there_twice()


@pytest.mark.deep
def test_a_disabled_integration_is_left_alone_everywhere_within_two_seconds_and_taken_up_again(
    isp_of_several_machines: Isp,
) -> None:
    isp, contracts = isp_of_several_machines, numbers(1, 80)
    isp.clinic.timings.answer_seconds = 0.1
    isp.take_in(contracts)
    workers = at_work(isp, 2, threads=1)
    until(lambda: owners(isp) == 2)
    isp.office.integrations.disable("tele")
    disabled = time.monotonic()
    until(lambda: time.monotonic() > disabled + 2.5)
    assert all(call.began < disabled + 2 for call in isp.clinic.calls)
    assert not is_settled(isp)
    isp.clinic.timings.answer_seconds = 0
    isp.office.integrations.enable("tele")
    until(lambda: is_settled(isp))
    end(*workers)
    isp.agree(dict.fromkeys(contracts, Desired.ACTIVE))
    assert isp.clinic.overlapping() == []


@pytest.mark.deep
def test_who_paid_is_unblocked_within_two_seconds_whatever_else_is_due(isp_of_several_machines: Isp) -> None:
    isp, contracts = isp_of_several_machines, numbers(1, 3_000)
    isp.take_in(contracts)
    isp.work()
    isp.ask(Action.BLOCK, 1)
    isp.work()
    isp.clinic.timings.answer_seconds = 0.02
    isp.take_in(contracts[1:], block_reasons=["overdue"])
    blocked = len(isp.clinic.calls)
    workers = at_work(isp, 2)
    until(lambda: owners(isp) == 2 and len(isp.clinic.calls) > blocked + 50)
    isp.ask(Action.UNBLOCK, 1)
    assert until(lambda: is_asked(isp, 1, "unblock")) < 2
    assert not is_settled(isp)
    end(*workers)


@pytest.mark.deep
def test_the_steps_of_one_account_follow_each_other_at_once(isp_of_several_machines: Isp) -> None:
    isp, contracts = isp_of_several_machines, numbers(1, 24)
    isp.take_in(contracts, customer=isp.row(1)["customer"])
    workers = at_work(isp, 2)
    until(lambda: is_settled(isp))
    end(*workers)
    calls = isp.clinic.of(cpf(1))
    assert len(calls) == len(contracts)
    waits = [after.began - before.ended for before, after in pairwise(calls)]
    assert sum(wait > 0.8 for wait in waits) <= 3, waits


@pytest.mark.deep
def test_what_a_frozen_worker_looked_at_is_taken_over_and_it_harms_nobody_when_it_is_thawed(
    isp_of_several_machines: Isp, note: Callable[[str, object], None]
) -> None:
    isp, contracts = isp_of_several_machines, numbers(1, 300)
    isp.clinic.timings.answer_seconds = 0.1
    isp.take_in(contracts)
    frozen = isp.start("work", "--threads", "4", at=20, where=["sent"], act="stop")
    assert frozen.wait_until_it_stops()
    (other,) = at_work(isp, 1)
    shards = until(lambda: free(isp) == 0)
    note("seconds until all that it had not leased was done", shards)
    assert shards < 15
    note("seconds until the rest was", until(lambda: is_settled(isp)))
    frozen.thaw()
    end(frozen, other)
    isp.agree(dict.fromkeys(contracts, Desired.ACTIVE), creates=None)
    isp.nobody_is_there_twice()
    assert isp.clinic.overlapping() == []


@pytest.fixture
def isp_on_own_server(own_postgresql: OwnServer, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    with opened(own_postgresql.url, tmp_path, nursery) as isp:
        isp.variables["SVAHUB_RUNNER"] = "procrastinate"
        yield isp


@pytest.mark.deep
def test_workers_outlive_a_restart_of_the_database(isp_on_own_server: Isp, own_postgresql: OwnServer) -> None:
    isp, contracts = isp_on_own_server, numbers(1, 300)
    isp.clinic.timings.answer_seconds = 0.1
    isp.take_in(contracts)
    workers = at_work(isp, 2)
    until(lambda: owners(isp) == 2)
    own_postgresql.restart()
    until(lambda: is_settled(isp))
    isp.ask(Action.BLOCK, 1)
    assert until(lambda: is_asked(isp, 1, "block")) < 12
    until(lambda: is_settled(isp))
    for worker in workers:
        worker.terminate()
    told = [worker.wait() for worker in workers]
    assert [one.code for one in told] == [0, 0], told
    assert "Traceback" not in "".join(one.errors for one in told)
    isp.agree(dict.fromkeys(contracts[1:], Desired.ACTIVE) | {1: Desired.BLOCKED})
    assert isp.clinic.overlapping() == []
