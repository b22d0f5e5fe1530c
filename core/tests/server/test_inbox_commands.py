"""`svahub inbox`: what providers told, for people and programs, and reading it again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from svahub import errors
from svahub.cli import main
from svahub.store.states import InboxState


def run(doorbell: Any, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["inbox", *arguments], obj=doorbell.hub)


def shown(doorbell: Any, *arguments: str) -> Any:
    result = run(doorbell, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def told(doorbell: Any) -> Any:
    """Return an ISP that was told four things on two days: one was read, one is not known, two failed."""
    doorbell.ring("e1", kind="alarm")
    doorbell.ring("e2", kind="chat", text="joao@example.com, 529.982.247-25")
    doorbell.isp.clock.advance(days=1)
    doorbell.ring("e3", about="c1")
    doorbell.ring("e4", about="c2")
    doorbell.isp.remote.troubles.extend([None, None, errors.Rejected("X", "no"), errors.Rejected("X", "no")])
    doorbell.read()
    return doorbell


CHOSEN = {
    (): [1, 2, 3, 4],
    ("--state", "failed"): [3, 4],
    ("--state", "done"): [1],
    ("--state", "waiting"): [],
    ("--integration", "basic"): [1, 2, 3, 4],
    ("--since", "24/11/2026"): [3, 4],
    ("--limit", "2"): [1, 2],
    ("--limit", "0"): [],
}


def test_deliveries_are_listed_the_oldest_first_and_chosen_by_what_is_asked(told: Any) -> None:
    assert {options: [one["id"] for one in shown(told, "list", *options)] for options in CHOSEN} == CHOSEN


def test_people_see_a_table_with_the_cause_and_no_bodies(told: Any) -> None:
    text = run(told, "list", "--state", "failed").stdout
    assert ("failed" in text, "X" in text, "body" in text) == (True, True, False)


def test_an_empty_inbox_says_where_deliveries_are_taken(doorbell: Any) -> None:
    assert "svahub serve" in run(doorbell, "list").stdout


def test_an_integration_that_there_is_not_is_an_error_that_names_those_there_are(told: Any) -> None:
    result = run(told, "list", "--integration", "basik")
    assert (result.exit_code, "Did you mean 'basic'?" in result.stderr) == (1, True)


def test_a_delivery_is_shown_with_its_body_in_which_personal_data_are_masked(told: Any) -> None:
    one = shown(told, "show", "2")
    assert "chat" in one["body"]
    for personal in ("joao@example.com", "529.982.247-25", told.token):
        assert personal not in one["body"]


def test_one_that_failed_says_what_to_do(told: Any) -> None:
    assert shown(told, "show", "3")["advice"] == "once its cause is mended: `svahub inbox replay 3`"


def test_a_delivery_that_there_is_not_is_an_error(doorbell: Any) -> None:
    assert [run(doorbell, command, "9").exit_code for command in ("show", "replay")] == [1, 1]


def test_those_that_failed_are_read_again_all_at_once(told: Any) -> None:
    assert shown(told, "replay", "--all") == {"replayed": [3, 4], "left": [], "dry_run": False}
    told.read()
    assert [row.state for row in told.kept[2:]] == [InboxState.UNKNOWN] * 2


def test_those_named_are_read_again_whatever_came_of_them(told: Any) -> None:
    assert shown(told, "replay", "1", "3")["replayed"] == [1, 3]
    assert [row.state.value for row in told.kept] == ["waiting", "unknown", "waiting", "failed"]


def test_a_dry_run_says_what_would_be_read_again_and_changes_nothing(told: Any) -> None:
    before = told.kept
    assert shown(told, "replay", "--all", "--dry-run") == {"replayed": [3, 4], "left": [], "dry_run": True}
    assert told.kept == before


def test_where_none_failed_nothing_is_read_again(doorbell: Any) -> None:
    assert shown(doorbell, "replay", "--all")["replayed"] == []


def test_what_is_to_be_read_again_has_to_be_said_clearly(doorbell: Any) -> None:
    assert [run(doorbell, "replay", *given).exit_code for given in ((), ("1", "--all"), ("0",), ("x",))] == [2] * 4


def test_the_books_tell_who_had_what_read_again(told: Any) -> None:
    run(told, "replay", "--all")
    (entry,) = [entry for entry in told.office.audit.list() if entry.command == "inbox replay"]
    assert entry.details["deliveries"] == 2


def test_work_reads_the_inbox_and_then_does_what_it_says(doorbell: Any) -> None:
    from svahub.debt_rule import Policy

    doorbell.office.debts.set_policy(Policy(0, integrations=frozenset({"basic"})))
    doorbell.isp.sell()
    doorbell.isp.work()
    doorbell.ring("e1", kind="owed", about="c1", contract="C1")
    ended = CliRunner().invoke(main, ["work", "--once"], obj=doorbell.hub)
    assert (ended.exit_code, doorbell.isp.one.observed.value) == (0, "BLOCKED")
