"""The commands of debts and of their policy: dry runs, tables and JSON."""

from __future__ import annotations

import json

from svahub.debt_rule import Policy
from svahub.hub import TenantHub
from svahub.store.states import Outcome

from .owing import TEN_DAYS, blocked, contract, owe, run, settled, tell


def test_the_policy_is_set_once_it_was_looked_at(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    tell(office, owe())
    assert "nobody is blocked for debt" in run(office, "policy", "show").stdout
    assert run(office, "policy", "set").exit_code == 2
    dry = run(office, "policy", "set", "--grace-days", "10", "--dry-run", "--json")
    assert [(row["reference"], row["would"], row["blocks_on"]) for row in json.loads(dry.stdout)] == [
        ("pay_1", "block", "2026-11-13")
    ]
    assert office.debts.policy() is None
    done = json.loads(run(office, "policy", "set", "--grace-days", "10", "--state", "sp", "--yes", "--json").stdout)
    assert (done["contracts_owing"], done["blocked"], done["state"], blocked(office)) == (1, 1, "SP", {"CAM"})


def test_what_is_not_named_of_a_policy_stays_and_all_can_be_taken_back(office: TenantHub) -> None:
    first = ("--grace-days", "5", "--also", "clinic", "--state", "SP", "--business-days", "--product-type", "cameras")
    run(office, "policy", "set", *first)
    assert office.debts.policy() == Policy(5, frozenset({"cameras"}), frozenset({"clinic"}), True, "SP")
    run(office, "policy", "set", "--any-day")
    assert office.debts.policy() == Policy(5, frozenset({"cameras"}), frozenset({"clinic"}), False, "SP")
    run(office, "policy", "set", "--no-also", "--no-state", "--all-product-types")
    assert office.debts.policy() == Policy(5)
    assert run(office, "policy", "set", "--also", "clinic", "--no-also").exit_code == 2


def test_a_day_to_come_is_simulated_and_nothing_is_changed(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(Policy(60))
    tell(office, owe())
    (row,) = json.loads(run(office, "policy", "simulate", "--on", "2027-02-01", "--json").stdout)
    assert (row["would"], row["blocks_on"], row["items"], row["exempt"]) == ("block", "2027-01-02", ["CAM"], False)
    shown = run(office, "policy", "simulate").stdout
    assert "nothing: 1" in shown
    assert blocked(office) == set()


def test_exemptions_and_debts_are_shown(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    tell(office, owe())
    assert json.loads(run(office, "policy", "exempt", "C1", "--json").stdout) == {"contract": "C1", "exempt": True}
    shown = json.loads(run(office, "policy", "show", "--json").stdout)
    assert [exempt["contract_id"] for exempt in shown["exempt"]] == ["C1"]
    assert run(office, "policy", "unexempt", "C1").exit_code == 0
    assert run(office, "policy", "unexempt", "C1").exit_code == 1
    assert "pay_1" in run(office, "debts", "list").stdout
    (row,) = json.loads(run(office, "debts", "list", "--contract", "C1", "--json").stdout)
    assert (row["amount"], row["since"], row["settled_at"]) == ("99.90", "2026-11-02", None)
    tell(office, settled())
    assert json.loads(run(office, "debts", "list", "--json").stdout) == []
    assert len(json.loads(run(office, "debts", "list", "--all", "--json").stdout)) == 1


def test_the_clock_tells_what_it_judged(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    said = run(office, "schedule", "run", "debts-judge").stdout
    assert "no policy" in said
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe())
    assert "1 contracts owe" in run(office, "schedule", "run", "debts-judge").stdout
    assert Outcome.QUEUED in {operation.outcome for operation in office.operations.list()}
