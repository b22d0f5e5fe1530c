"""`svahub block --where` and its like, and `svahub campaigns`, on the command line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from svahub import errors
from svahub.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = "--where integration=basic --max-percent 100"


def invoke(here: Any, line: str, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, line.split(), obj=here.office.hub, input=stdin)
    assert result.exit_code == code, result.output
    return result


def asked(here: Any, line: str, code: int = 0) -> Any:
    return json.loads(invoke(here, f"{line} --json", code).stdout)


@pytest.mark.parametrize("verb", ["block", "cancel"])
def test_with_yes_it_is_planned_started_and_followed_to_its_end(town: Callable[..., Any], verb: str) -> None:
    here = town(3)
    done = asked(here, f"{verb} {EVERY} --yes")
    assert (done["state"], done["contracts"], done["progress"]["succeeded"]) == ("finished", 3, 3)
    assert [call.split()[0] for call in here.remote.calls] == [verb] * 3


def test_where_nobody_can_be_asked_nothing_starts(town: Callable[..., Any]) -> None:
    here = town(2)
    told = invoke(here, f"block {EVERY}").output
    assert "2 block" in told
    assert here.state("1") == "planned"


def test_the_next_command_is_to_start_it_or_to_have_it_approved_first(town: Callable[..., Any]) -> None:
    here = town(2)
    assert asked(here, f"block {EVERY}")["next"] == "svahub campaigns approve 1 --note WHY"
    assert asked(here, "campaigns approve 1 --note seen")["next"] == "svahub campaigns start 1"
    assert asked(here, f"change {EVERY} --plan p2")["next"] == "svahub campaigns start 2"


def test_a_dry_run_shows_the_same_and_keeps_nothing(town: Callable[..., Any]) -> None:
    here = town(2)
    dry = asked(here, f"block {EVERY} --dry-run")
    kept = asked(here, f"block {EVERY}")
    for shown in (dry, kept):
        for name in ("campaign", "created_at", "hash", "next"):
            del shown[name]
    assert dry == kept
    assert [row["contract_id"] for row in dry["rows"]] == ["C1", "C2"]
    assert len(here.office.campaigns.list()) == 1


def test_too_much_is_planned_and_not_started(town: Callable[..., Any]) -> None:
    here = town(2)
    told = invoke(here, "block --where integration=basic --yes", code=1).output
    assert "it would block or cancel 2 of 2 live subscriptions" in told
    invoke(here, "campaigns approve 1 --note agreed")
    assert asked(here, "campaigns start 1")["state"] == "finished"


def test_ids_come_from_standard_input(town: Callable[..., Any]) -> None:
    here = town(2)
    invoke(here, "block --from - --yes --max-percent 100", stdin="C2\n")
    assert here.desired("C1", "C2") == ["ACTIVE", "BLOCKED"]


@pytest.mark.parametrize(
    "line", ["block", "block C1 --where plan=p1", "cancel C1 --from -", "change --from - --where plan=p1"]
)
def test_contracts_a_file_and_what_holds_exclude_each_other(town: Callable[..., Any], line: str) -> None:
    assert "one of the three" in invoke(town(1), line, code=2).output


def test_no_idempotency_key_is_taken_for_many(town: Callable[..., Any]) -> None:
    assert "a campaign repeats nothing" in invoke(town(1), f"block {EVERY} --idempotency-key k", code=2).output


# -- how it ends -------------------------------------------------------------------------------------------------------


def test_what_is_refused_ends_with_1(town: Callable[..., Any]) -> None:
    here = town(1)
    result = invoke(here, "block --from - --yes --max-percent 100", code=1, stdin="C1\nC9\n")
    assert "svahub campaigns report 1" in result.output
    assert here.report("1") == [("C1", "reached"), ("C9", "refused")]


def test_what_is_parked_ends_with_4_and_the_report_says_why(town: Callable[..., Any]) -> None:
    here = town(2)
    here.remote.troubles.append(errors.Rejected("E7", "not this one"))
    invoke(here, f"block {EVERY} --yes", code=4)
    (parked,) = asked(here, "campaigns report 1 --only parked")
    assert "not this one" in parked["cause"]
    assert f"svahub operations retry {parked['operation']}" in parked["advice"]


def test_what_waits_ends_with_3_and_goes_on_later(town: Callable[..., Any]) -> None:
    here = town(1)
    here.remote.troubles.append(errors.Busy("later"))
    result = invoke(here, f"block {EVERY} --yes --timeout 0.3", code=3)
    assert "It goes on with `svahub work`; to stop it for now: svahub campaigns pause 1" in result.output
    (line,) = asked(here, "campaigns report 1")
    assert (line["outcome"], line["cause"]) == ("waiting", "later")
    assert line["until"]


def test_what_was_superseded_ends_with_5(town: Callable[..., Any]) -> None:
    here = town(2)
    asked(here, f"block {EVERY} --yes --no-wait")
    here.feed()
    invoke(here, "cancel C1 --no-wait")
    here.finish()
    assert here.report("1") == [("C1", "superseded"), ("C2", "reached")]


def test_who_does_not_wait_is_told_who_goes_on(town: Callable[..., Any]) -> None:
    here = town(1)
    done = asked(here, f"block {EVERY} --yes --no-wait")
    assert (done["state"], done["next"], here.remote.calls) == ("running", "svahub work", [])
    invoke(here, "work --once")
    assert here.state("1") == "finished"
    assert here.desired("C1") == ["BLOCKED"]


# -- showing -----------------------------------------------------------------------------------------------------------


def test_all_rows_are_told_as_json_and_as_csv(town: Callable[..., Any]) -> None:
    here = town(2)
    invoke(here, f"block {EVERY}")
    shown = asked(here, "campaigns show 1")
    assert [(row["contract_id"], row["before"], row["after"]) for row in shown["rows"]] == [
        ("C1", "ACTIVE", "BLOCKED"), ("C2", "ACTIVE", "BLOCKED"),
    ]  # fmt: skip
    table = list(csv.DictReader(io.StringIO(invoke(here, "campaigns show 1 --csv").output)))
    assert [row["verb"] for row in table] == ["block", "block"]
    report = list(csv.DictReader(io.StringIO(invoke(here, "campaigns report 1 --csv").output)))
    assert [row["outcome"] for row in report] == ["not_started", "not_started"]
    (listed,) = asked(here, "campaigns list")
    assert (listed["campaign"], listed["verb"], listed["state"]) == (1, "block", "planned")


def test_who_decided_what_is_in_the_audit(town: Callable[..., Any]) -> None:
    here = town(2)
    invoke(here, "block --where integration=basic --actor ana")
    invoke(here, "campaigns approve 1 --note agreed --actor bia")
    invoke(here, "campaigns start 1 --no-wait --actor cid")
    invoke(here, "campaigns pause 1 --note wait --actor dan")
    invoke(here, "campaigns cancel 1 --actor eva")
    told = [(e["command"], e["actor"]) for e in asked(here, "audit list") if e["subject"] == "campaign 1"]
    assert sorted(told) == [
        ("campaigns approve", "bia"),
        ("campaigns cancel", "eva"),
        ("campaigns pause", "dan"),
        ("campaigns plan", "ana"),
        ("campaigns start", "cid"),
    ]


def test_explain_says_which_campaign_blocked_a_contract(town: Callable[..., Any]) -> None:
    here = town(1)
    invoke(here, f"block {EVERY} --yes --actor ana --note agreed")
    told = invoke(here, "explain C1").output
    assert "asked by operator ana" in told
    assert "“campaign 1: agreed”" in told
