"""`svahub reconcile` on the command line, by the clock, and in what doctor says."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from svahub import Observed, RemoteUser
from svahub.cli import main
from svahub.doctor.comparing import compared as examined
from svahub.doctor.premises import Premises
from svahub.errors import Refused
from svahub.extension import Schedule
from svahub.store.states import DataClass
from svahub.timekeeper import installed

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKED = Observed.BLOCKED


def invoke(here: Any, line: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, line.split(), obj=here.office.hub)
    assert result.exit_code == code, result.output
    return result


def asked(here: Any, line: str) -> Any:
    return json.loads(invoke(here, f"{line} --json").stdout)


@pytest.mark.parametrize("line", ["reconcile", "reconcile basic", "reconcile run", "reconcile run basic"])
def test_integrations_may_be_named_in_place_of_a_command(compared: Callable[..., Any], line: str) -> None:
    (plan,) = asked(compared(1), line)
    assert (plan["plan"], plan["integration"], plan["state"]) == (2, "basic", "finished")


def test_a_name_that_is_none_is_said_to_be_none(compared: Callable[..., Any]) -> None:
    assert "No integration 'basis'. Did you mean 'basic'?" in invoke(compared(1), "reconcile basis", code=1).output


def test_a_plan_is_shown_as_a_table_as_json_and_as_csv(compared: Callable[..., Any]) -> None:
    here = compared(2)
    here.alter("C1", status=BLOCKED)
    here.lose("C2")
    here.run()
    told = invoke(here, "reconcile show 2").output
    assert "wrong_state" in told
    assert "svahub reconcile apply 2" in told
    shown = asked(here, "reconcile show 2")
    assert [(row["agreement"], row["contract_id"], row["known"], row["seen"]) for row in shown["rows"]] == [
        ("wrong_state", "C1", "ACTIVE p1", "BLOCKED p1"),
        ("missing", "C2", "ACTIVE p1", "nothing"),
    ]
    assert [row["contract_id"] for row in asked(here, "reconcile show 2 --only missing")["rows"]] == ["C2"]
    table = list(csv.DictReader(io.StringIO(invoke(here, "reconcile show 2 --csv").output)))
    assert [row["step"] for row in table] == ["unblock", "park_drift"]


def test_no_cell_of_the_csv_is_a_formula(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.remote.users["bad"] = RemoteUser("=1+1", Observed.ACTIVE)
    here.run()
    (row,) = csv.DictReader(io.StringIO(invoke(here, "reconcile show 2 --csv").output))
    assert row["remote_id"] == "'=1+1"


def test_a_plan_is_applied_and_what_is_next_is_said(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.alter("C1", status=BLOCKED)
    here.run()
    assert asked(here, "reconcile apply 2 --dry-run")["corrected"] == 1
    assert "svahub work" in invoke(here, "reconcile apply 2").output
    assert [plan["state"] for plan in asked(here, "reconcile list")] == ["applied", "finished"]


def test_a_listing_that_ends_early_ends_with_1_and_hinders_no_other(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.office.integrations.add("later", "basic", here.office.integrations.show("basic").environment)
    here.remote.breaks_after = 1
    result = invoke(here, "reconcile", code=1)
    assert "The listing of 'basic' ended early" in result.output
    assert "The listing of 'later' ended early" in result.output


def test_it_is_done_by_the_clock_and_only_makes_plans(compared: Callable[..., Any]) -> None:
    here = compared(2)
    here.lose("C1")
    schedule = installed()["reconcile"].schedule
    assert isinstance(schedule, Schedule)
    assert schedule.run(here.office) == "basic: plan 2: 1 in sync, 1 missing"
    assert here.observed("C1") == ["ACTIVE"]
    here.remote.breaks_after = 0
    with pytest.raises(Refused, match="ended early"):
        schedule.run(here.office)


def said(here: Any) -> list[tuple[str, str | None]]:
    premises = Premises(here.office.hub.store, here.office.hub.registry)
    return [(finding.found, finding.remedy) for finding in examined(premises)]


def test_doctor_says_what_differs_and_when_nobody_has_looked_for_long(compared: Callable[..., Any]) -> None:
    here = compared(1)
    assert said(here) == []
    here.lose("C1")
    here.run()
    ((found, remedy),) = said(here)
    assert found == "1 of 'basic' differ at the provider, as plan 2 has seen"
    assert remedy == "see `svahub reconcile show 2`; svahub reconcile apply 2"
    here.clock.advance(days=15)
    assert "was compared last at" in said(here)[0][0]


def test_plans_are_pruned_when_they_are_old(compared: Callable[..., Any]) -> None:
    here = compared(1)
    here.lose("C1")
    here.run()
    here.office.audit.retain(DataClass.RECONCILIATIONS, 30)
    here.clock.advance(days=31)
    here.run()
    assert here.office.audit.prune().reconciliations == 2
    assert [plan.plan for plan in here.office.reconciling.list()] == [3]
