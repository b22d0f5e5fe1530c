"""What is done by the clock: claimed once however many look, a missed run runs once, every outcome is to be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update
from svahub.cli import main
from svahub.errors import Refused, UnknownName
from svahub.hub import Hub
from svahub.owners import Owner
from svahub.store import tables
from svahub.store.states import RunOutcome
from svahub.testing.clocks import HandClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Site

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOURCE = """
from svahub.errors import Refused
from svahub.extension import Schedule

ran = []

def count(office):
    ran.append((office.name, office.bench.actor))
    return "counted 529.982.247-25"

def fail(office):
    raise Refused("nobody is there")

def break_down(office):
    raise KeyError("529.982.247-25")

def leave(office):
    raise SystemExit(3)

nightly = Schedule("0 3 * * *", "Count.", count)
failing = Schedule("0 4 * * *", "Fail.", fail)
breaking = Schedule("0 5 * * *", "Break.", break_down)
leaving = Schedule("0 5 * * *", "Leave.", leave)
wrong = Schedule("61 * * * *", "Never.", count)
nothing = "no schedule"
"""
ENTRIES = "[svahub.schedules]\n" + "".join(
    f"{name} = clockwork:{name}\n" for name in ("nightly", "failing", "breaking", "leaving", "wrong", "nothing")
)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
def ran(site: Site) -> list[tuple[str, str]]:
    """Return what the plugin's schedule `nightly` was run for."""
    site.install("clockwork", ENTRIES, clockwork=SOURCE)
    import clockwork  # type: ignore[import-not-found]  # the module was just made

    runs: list[tuple[str, str]] = clockwork.ran
    return runs


@pytest.fixture
def hub(usual_database_url: str, clock: HandClock, ran: list[Any]) -> Iterator[Hub]:
    with Hub.open(usual_database_url, clock=clock) as hub:
        hub.timekeeper().run_due()
        yield hub


def invoke(hub: Hub, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments), obj=hub)
    assert result.exit_code == code, result.output
    return result


def rows(hub: Hub, name: str = "nightly") -> dict[str, Any]:
    (row,) = [row for row in json.loads(invoke(hub, "schedule", "list", "--json").stdout) if row["name"] == name]
    return dict(row)


def test_nothing_is_due_when_a_schedule_is_first_seen(hub: Hub, ran: list[Any]) -> None:
    assert ran == []
    assert rows(hub)["next_due_at"] == "2026-11-24T06:00:00+00:00"


def test_what_is_due_runs_once_for_each_tenant_with_its_name_in_the_books(
    hub: Hub, ran: list[Any], clock: HandClock
) -> None:
    hub.add_tenant("north", "America/Manaus")
    hub.timekeeper().run_due()
    clock.advance(hours=20)
    hub.timekeeper().run_due()
    assert sorted(ran) == [("default", "schedule:nightly"), ("north", "schedule:nightly")]
    assert hub.timekeeper().run_due() == []


def test_runs_that_were_missed_run_once(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    clock.advance(days=10)
    hub.timekeeper().run_due()
    assert len(ran) == 1
    assert rows(hub)["next_due_at"] == "2026-12-04T06:00:00+00:00"


def test_many_workers_claim_a_run_once(hub: Hub, usual_database_url: str, ran: list[Any], clock: HandClock) -> None:
    clock.advance(days=1)

    def look(_: int) -> None:
        with Hub.open(usual_database_url, clock=clock) as other:
            other.timekeeper().run_due()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(look, range(8)))
    assert len(ran) == 1


def test_how_a_run_ended_is_shown_without_personal_data(hub: Hub, clock: HandClock) -> None:
    clock.advance(days=1)
    hub.timekeeper().run_due()
    told = {name: (rows(hub, name)["last_outcome"], rows(hub, name)["last_message"]) for name in TOLD}
    assert told == TOLD


TOLD = {
    "nightly": ("succeeded", "counted ***.982.247-**"),
    "failing": ("failed", "nobody is there"),
    "breaking": ("failed", "it raised KeyError"),
    "leaving": ("failed", "it raised SystemExit"),
}


def test_one_that_cannot_be_run_is_listed_with_its_reason_and_stops_no_other(hub: Hub) -> None:
    assert "no cron line" in rows(hub, "wrong")["problem"]
    assert "no svahub.extension.Schedule" in rows(hub, "nothing")["problem"]
    assert "cannot be run" in invoke(hub, "schedule", "run", "wrong", code=1).stderr
    assert "cannot be run" in invoke(hub, "schedule", "enable", "nothing", code=1).stderr


def test_a_run_whose_process_ended_is_told_of_and_repeated(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own(hub, str(replace(Owner.this_process(), pid=ended.pid)), NOON + timedelta(days=9))
    hub.timekeeper().run_due()
    assert rows(hub)["last_outcome"] == RunOutcome.LOST
    clock.advance(minutes=2)
    hub.timekeeper().run_due()
    assert len(ran) == 1


def test_a_run_of_another_machine_stands_until_nobody_renews_it(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    clock.advance(days=1)
    own(hub, "elsewhere 1 1 1", clock.now() + timedelta(minutes=4))
    hub.timekeeper().run_due()
    assert (ran, rows(hub)["running"]) == ([], True)
    assert "is being run" in invoke(hub, "schedule", "run", "nightly", code=1).stderr
    clock.advance(minutes=5)
    hub.timekeeper().run_due()
    clock.advance(minutes=2)
    hub.timekeeper().run_due()
    assert len(ran) == 1


def own(hub: Hub, owner: str, until: datetime) -> None:
    c = tables.schedules.c
    with hub.store.write() as connection:
        claimed = {"owner": owner, "owned_until": until, "started_at": NOON}
        connection.execute(update(tables.schedules).where(c.name == "nightly").values(claimed))


def test_a_run_that_was_taken_away_meanwhile_writes_nothing(hub: Hub, clock: HandClock) -> None:
    keeper = hub.timekeeper()
    row, claim = keeper._next({row.name: row for row in hub.tenants()}) or (None, None)
    assert row is None
    clock.advance(days=1)
    row, claim = keeper._next({row.name: row for row in hub.tenants()}) or (None, None)
    assert row is not None
    assert claim is not None
    with hub.store.write() as connection:
        connection.execute(update(tables.schedules).values(owner="elsewhere 1 1 1"))
    keeper._carry_out(row, claim)
    with hub.store.read() as connection:
        outcomes = connection.execute(select(tables.schedules.c.outcome).where(tables.schedules.c.name == row.name))
        assert outcomes.scalar_one() is RunOutcome.RUNNING


def test_a_clock_that_was_set_back_brings_the_schedules_back_too(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    invoke(hub, "schedule", "set", "nightly", "* * * * *")
    clock.advance(days=30)
    hub.timekeeper().run_due()
    own(hub, "elsewhere 1 1 1", clock.now() + timedelta(minutes=4))
    clock.advance(days=-29)
    hub.timekeeper().run_due()
    clock.advance(minutes=2)
    hub.timekeeper().run_due()
    assert len(ran) == 2


def test_who_is_asked_to_stop_begins_no_further_run(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    clock.advance(days=1)
    keeper = hub.timekeeper()
    keeper.stop()
    assert keeper.run_due() == []


def test_a_disabled_schedule_is_not_run_and_makes_nothing_up_for(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    invoke(hub, "schedule", "disable", "nightly")
    clock.advance(days=3)
    hub.timekeeper().run_due()
    assert (ran, rows(hub)["next_due_at"]) == ([], None)
    assert "2026-11-27T06:00:00+00:00" in invoke(hub, "schedule", "enable", "nightly", "--json").stdout
    hub.timekeeper().run_due()
    assert ran == []


def test_another_line_is_kept_and_a_wrong_one_is_refused(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    assert "Write minute" in invoke(hub, "schedule", "set", "nightly", "every day", code=1).stderr
    shown = json.loads(invoke(hub, "schedule", "set", "nightly", "*/10 * * * *", "--json").stdout)
    assert (shown["cron"], shown["next_due_at"]) == ("*/10 * * * *", "2026-11-23T12:10:00+00:00")
    clock.advance(minutes=10)
    hub.timekeeper().run_due()
    assert len(ran) == 1


def test_who_changed_a_schedule_is_in_the_audit(hub: Hub) -> None:
    hub.tenant("default", "ana").schedules.set("nightly", "1 1 * * *")
    c = tables.audit.c
    with hub.store.read() as connection:
        (entry,) = connection.execute(select(c.actor, c.command, c.subject, c.details).where(c.actor == "ana")).all()
    assert tuple(entry) == ("ana", "schedule set", "schedule nightly", {"cron": "1 1 * * *"})


def test_a_run_by_hand_tells_how_it_ended(hub: Hub, ran: list[Any]) -> None:
    assert json.loads(invoke(hub, "schedule", "run", "nightly", "--json").stdout)["outcome"] == "succeeded"
    assert "nobody is there" in invoke(hub, "schedule", "run", "failing", code=1).stdout
    assert rows(hub)["next_due_at"] == "2026-11-24T06:00:00+00:00"
    with pytest.raises(UnknownName, match="nightly"):
        hub.timekeeper().run_now(hub.tenants()[0], "nightl")


def test_a_schedule_whose_plugin_is_gone_waits_and_comes_back(
    hub: Hub, ran: list[Any], site: Site, clock: HandClock
) -> None:
    site.remove("clockwork")
    clock.advance(days=1)
    hub.timekeeper().run_due()
    assert "missing" in rows(hub)["problem"]
    with pytest.raises(Refused):
        hub.timekeeper().run_now(hub.tenants()[0], "nightly")
    site.install("clockwork", ENTRIES, clockwork=SOURCE)
    hub.timekeeper().run_due()
    assert rows(hub)["last_outcome"] == "succeeded"


def test_work_once_runs_what_is_due(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    clock.advance(days=1)
    invoke(hub, "work", "--once")
    assert len(ran) == 1


def test_a_worker_looks_while_it_works(hub: Hub, ran: list[Any], clock: HandClock) -> None:
    seen = Event()

    class Seen(list[tuple[str, str]]):
        def append(self, one: tuple[str, str]) -> None:
            seen.set()

    import clockwork

    clockwork.ran = Seen()
    clock.advance(days=1)
    with hub.timekeeper().running():
        assert seen.wait(20)


def test_the_cores_own_duties_run_where_there_is_no_integration(hub: Hub) -> None:
    for name in ("plans-sync", "integrations-test", "audit-prune"):
        assert json.loads(invoke(hub, "schedule", "run", name, "--json").stdout)["outcome"] == "succeeded"
