"""Verbs as commands: what is told before and after, by which exit code, and what needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from svahub.cli import endings
from svahub.cli.exits import ExitCode, worst
from svahub.testing import Fault
from svahub.verbs import Action, Command

from cli_calls.calls import VARIABLE, WORD, Run, one, plan, shown

if TYPE_CHECKING:
    from svahub.hub import TenantHub
    from svahub_teleclinica.simulator import TeleClinicaSimulator


def test_a_block_is_reached_and_told_before_and_after(shop: Run) -> None:
    line = one(shop("block", "C1", "--reason", "customer_request", "--note", "on holiday", "--json"))
    assert (line["contract_id"], line["item_code"], line["integration"]) == ("C1", "1", "tele")
    assert (line["before"]["desired"], line["before"]["observed"]) == ("ACTIVE", "ACTIVE")
    assert (line["after"]["desired"], line["after"]["observed"]) == ("BLOCKED", "BLOCKED")
    assert (line["outcome"], line["state"], line["cause"]) == ("reached", "settled", None)
    operation = shown(shop("operations", "show", str(line["operation"]), "--json"))
    assert (operation["verb"], operation["note"], operation["outcome"]) == ("block", "on holiday", "succeeded")


def test_the_table_has_a_line_for_each_subscription(shop: Run) -> None:
    table = shop("block", "A1", "A2", "C1").stdout.splitlines()
    assert [line.split()[:4] for line in table[2:]] == [[c, "1", "ACTIVE", "BLOCKED"] for c in ("A1", "A2", "C1")]


def test_one_of_two_contracts_waits_as_whole_people_are_blocked(shop: Run) -> None:
    line = one(shop("block", "A1", "--json", code=3))
    assert (line["outcome"], "held" in line["cause"], line["until"]) == ("waiting", True, None)
    assert one(shop("block", "A2", "--json"))["outcome"] == "reached"
    assert one(shop("activate", "A1", "--json", code=1))["outcome"] == "refused"


def test_a_contract_that_is_refused_keeps_no_other_from_it(shop: Run) -> None:
    result = shop("cancel", "C9", "C1", "--json", code=1)
    assert {line["contract_id"]: line["outcome"] for line in shown(result)} == {"C1": "reached", "C9": "refused"}
    assert "No contract 'C9'" in result.stderr


def test_a_dry_run_changes_nothing(shop: Run, clinic: TeleClinicaSimulator) -> None:
    clinic.requests.clear()
    assert one(shop("cancel", "C1", "--dry-run", "--json"))["outcome"] == "planned"
    assert not clinic.requests
    assert one(shop("activate", "C1", "--json"))["outcome"] == "reached"
    assert len(shown(shop("operations", "list", "--contract", "C1", "--json"))) == 1


def test_without_waiting_work_does_it(shop: Run) -> None:
    assert one(shop("block", "C1", "--no-wait", "--json"))["outcome"] == "queued"
    assert shown(shop("work", "--once", "--json"))["states"] == {"settled": 3}
    assert [s["observed"] for s in shown(shop("subscriptions", "list", "--contract", "C1", "--json"))] == ["BLOCKED"]


def test_the_reasons_that_are_left_are_told(shop: Run) -> None:
    shop("block", "C1", "--reason", "legal")
    shop("block", "C1", "--reason", "staff", "--actor", "ana")
    assert "name one with --reason" in shop("unblock", "C1", code=1).stderr
    result = shop("unblock", "C1", "--reason", "staff")
    assert result.stdout.startswith("C1: still blocked: legal by operator:")
    assert "goes only by that source" in shop("unblock", "C1", "--actor", "ana", code=1).stderr
    remarks = one(shop("unblock", "C1", "--actor", "ana", "--admin", "--json"))["remarks"]
    assert remarks == []


def test_a_block_until_a_day_ends_at_its_start_in_the_tenants_zone(shop: Run) -> None:
    shop("block", "C1", "--until", "31/12/2099")
    (reason,) = shown(shop("contracts", "show", "C1", "--json"))["block_reasons"]
    assert reason["until"] == "2099-12-31T03:00:00+00:00"
    assert "past" in shop("block", "C1", "--until", "2020-01-01", code=1).stderr


def test_the_same_idempotency_key_does_the_same_command_once(shop: Run) -> None:
    first = one(shop("block", "C1", "--idempotency-key", "k", "--json"))
    again = shop("block", "C1", "--idempotency-key", "k", "--json")
    assert (one(again)["operation"], "repeated" in again.stderr) == (first["operation"], True)
    assert "Choose a new key" in shop("unblock", "C1", "--idempotency-key", "k", code=1).stderr


def test_a_plan_is_changed_and_told(shop: Run) -> None:
    other = plan(shop, "Família")
    assert f"ACTIVE, plan {other}" in shop("change", "C1", "--plan", other).stdout
    assert "No plan of 'tele' 'none'" in shop("change", "C1", "--plan", "none", code=1).stderr
    shop("change", "C1", "--quantity", "3", code=1)


def test_what_the_provider_refuses_needs_a_person_and_can_be_retried(shop: Run, clinic: TeleClinicaSimulator) -> None:
    clinic.plans.truth.clear()
    line = one(shop("change", "C1", "--plan", plan(shop, "Família"), "--json", code=4))
    assert (line["outcome"], line["state"]) == ("parked", "parked")
    assert (line["cause"] is not None, f"retry {line['operation']}" in line["advice"]) == (True, True)
    id = str(line["operation"])
    assert [row["id"] for row in shown(shop("operations", "list", "--outcome", "parked", "--json"))] == [int(id)]
    assert one(shop("operations", "retry", id, "--json", code=4))["outcome"] == "parked"
    assert shop("work", "--once", code=4).stdout.split() == ["parked", "1", "settled", "2"]
    shop("operations", "discard", id, "--note", "sold out", "--dry-run")
    shop("operations", "discard", id, "--note", "sold out")
    assert shown(shop("operations", "show", id, "--json"))["outcome"] == "discarded"
    assert "has ended" in shop("operations", "discard", id, "--note", "again", code=1).stderr


def test_a_provider_that_cannot_be_reached_is_waited_for_until_the_timeout(
    shop: Run, clinic: TeleClinicaSimulator
) -> None:
    clinic.faults[Fault.ERROR_BEFORE] = 1
    line = one(shop("block", "C1", "--timeout", "0.2", "--json", code=3))
    assert (line["outcome"], line["until"] is None) == ("waiting", False)
    summary = shown(shop("work", "--once", "--json"))
    assert (summary["states"]["waiting"], summary["next_due"] is None) == (1, False)


def test_wrong_credentials_need_a_person(shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, WORD)
    assert one(shop("block", "C1", "--json", code=4))["outcome"] == "quarantined"
    result = shop("work", "--once", code=4)
    assert ("svahub integration test" in result.stderr, WORD in result.output) == (True, False)


def test_a_secret_that_is_missing_here_is_told_at_once(shop: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    line = one(shop("block", "C1", "--json", code=3))
    assert (line["outcome"], VARIABLE in line["cause"]) == ("waiting", True)
    assert VARIABLE in shop("work", "--once", code=4).stderr


def test_a_newer_command_supersedes_the_one_that_waits(shop: Run, office: TenantHub) -> None:
    older = office.verbs.issue(Command(Action.BLOCK, "C1"))
    office.verbs.issue(Command(Action.UNBLOCK, "C1"))
    lines = endings.followed(office, older.effects, wait=True, timeout=10)
    assert [line.outcome for line in lines] == [endings.Ending.SUPERSEDED]
    assert endings.exit_code(lines) == 5


@pytest.mark.parametrize(
    ("met", "told"), [([], 0), ([0, 3], 3), ([3, 5], 5), ([5, 4, 3], 4), ([4, 1, 5], 1), ([0, 0], 0)]
)
def test_the_exit_code_is_the_worst_of_all(met: list[int], told: int) -> None:
    assert worst(map(ExitCode, met)) == told


def test_a_disabled_integration_is_not_waited_for(shop: Run) -> None:
    shop("integration", "disable", "tele")
    line = one(shop("block", "C1", "--json", code=3))
    assert (line["outcome"], line["cause"]) == ("waiting", "the integration is disabled")
