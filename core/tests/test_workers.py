"""Who works: told every two seconds, taken back at the end, lost when nothing was heard for ten seconds."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner
from svahub.cli import main
from svahub.hub import TenantHub
from svahub.store import workers
from svahub.store.rows import WorkerRow
from svahub.store.states import RunnerName
from svahub.testing.clocks import HandClock


def listed(office: TenantHub) -> list[dict[str, Any]]:
    result = CliRunner().invoke(main, ["workers", "list", "--json"], obj=office.hub, catch_exceptions=False)
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def tell(office: TenantHub, owner: str) -> None:
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        workers.tell(connection, WorkerRow(owner, RunnerName.PROCRASTINATE, 16, ["norte"], now, now, 16, 7))


def test_a_worker_is_listed_while_it_works_and_no_more_when_it_has_ended(
    office_on_each: TenantHub, clock: HandClock
) -> None:
    office = office_on_each
    with office.hub.work(threads=3, tenants=["default"]) as worker:
        worker.turn()
        assert listed(office) == []
        clock.advance(seconds=2)
        worker.turn()
        (one,) = listed(office)
        assert (one["runner"], one["threads"], one["tenants"], one["shards"]) == ("in-process", 3, ["default"], None)
        assert (one["under_way"], one["lost_since"]) == (0, None)
    assert listed(office) == []


def test_a_verb_that_waits_is_no_worker(office: TenantHub, clock: HandClock) -> None:
    with office.hub.work(threads=1) as worker:
        worker.turn(only=["some"])
        clock.advance(seconds=3)
        worker.turn(only=["some"])
        assert listed(office) == []


def test_a_worker_of_which_nothing_is_heard_is_lost_and_forgotten_after_a_day(
    office: TenantHub, clock: HandClock
) -> None:
    tell(office, "elsewhere/boot/pid 7 0.00 w1")
    clock.advance(seconds=10)
    assert [(one["host"], one["pid"], one["under_way"], one["lost_since"]) for one in listed(office)] == [
        ("elsewhere", 7, 7, None)
    ]
    clock.advance(seconds=1)
    (lost,) = listed(office)
    assert (lost["lost_since"], lost["under_way"]) == (lost["seen_at"], 0)
    with office.hub.work(threads=1) as worker:
        clock.advance(hours=25)
        worker.turn()
        assert [one["host"] for one in listed(office)] != ["elsewhere"]


def test_a_worker_whose_process_ended_on_this_host_is_lost_at_once(office: TenantHub) -> None:
    with office.hub.work(threads=1) as worker:
        owner = worker._desk.owner.split(" ")
    tell(office, " ".join([owner[0], "4194304", "0", "w2"]))  # above the greatest process id
    assert [one["lost_since"] is not None for one in listed(office)] == [True]


def test_the_table_says_who_looks_where(office: TenantHub) -> None:
    told = CliRunner().invoke(main, ["workers", "list"], obj=office.hub).stdout
    assert told == "Nobody works. Run: svahub work\n"
    tell(office, "elsewhere/boot/pid 7 0.00 w1")
    lines = CliRunner().invoke(main, ["workers", "list"], obj=office.hub).stdout.splitlines()
    assert lines[-1].split()[:6] == ["elsewhere", "7", "procrastinate", "16", "norte", lines[-1].split()[5]]


def test_status_tells_how_many_work_for_the_tenant_and_that_nobody_does_what_is_due(
    open_isp: Any, finding: type
) -> None:
    isp = open_isp(finding)
    isp.sell()
    told = CliRunner().invoke(main, ["status"], obj=isp.hub).stdout
    assert "Nobody works. Run: svahub work" in told
    tell(isp.office, "elsewhere/boot/pid 7 0.00 w1")  # for another tenant
    assert isp.office.health.status().workers == 0
    with isp.hub.work(threads=1) as worker:
        isp.clock.advance(seconds=2)
        worker.turn()
        assert isp.office.health.status().workers == 1
    assert "Nobody works" not in CliRunner().invoke(main, ["status"], obj=isp.hub).stdout  # and nothing is due
