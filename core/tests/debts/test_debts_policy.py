"""The policy of debts: what it exempts, what it refuses, and what it would do."""

from __future__ import annotations

from datetime import date

import pytest
from svahub.debt_rule import Policy
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.verbs import Action, Command

from .owing import CPF, TEN_DAYS, blocked, contract, owe, tell, told

# -- the policy --------------------------------------------------------------------------------------------------------


def test_a_policy_that_changes_is_carried_out_at_once(office_on_each: TenantHub) -> None:
    office = office_on_each
    office.contracts.take_in([contract()])
    tell(office, owe(since=date(2026, 11, 20)))
    judged = office.debts.set_policy(Policy(0))
    assert (judged.contracts, judged.blocked, judged.unblocked, blocked(office)) == (1, 1, 0, {"CAM"})
    office.debts.set_policy(Policy(0, integrations=frozenset({"clinic"})))
    assert blocked(office) == {"CAM", "TM"}
    office.debts.set_policy(Policy(0, frozenset({"telemedicine"}), frozenset({"clinic"})))
    assert blocked(office) == {"TM"}
    judged = office.debts.set_policy(Policy(30))
    assert (judged.unblocked, blocked(office)) == (1, set())
    assert told(office) == [("debt_opened", "billing:clinic", "pay_1")]


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        (Policy(10, state="XX"), "state of Brazil"),
        (Policy(10, integrations=frozenset({"none"})), "integration"),
        (Policy(10, frozenset({"cameraz"})), "product type"),
    ],
)
def test_a_policy_that_names_what_there_is_not_is_refused(office: TenantHub, policy: Policy, named: str) -> None:
    for carry_out in (office.debts.set_policy, lambda one: list(office.debts.simulate(one))):
        with pytest.raises(UnknownName, match=named):
            carry_out(policy)
    assert office.debts.policy() is None


def test_an_exempt_contract_is_not_blocked_until_it_is_exempt_no_more(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe())
    office.debts.exempt("C1", "agreed with 529.982.247-25")
    assert blocked(office) == set()
    office.debts.judge_all()
    tell(office, owe("pay_2"))
    assert (blocked(office), CPF in str(office.debts.exemptions())) == (set(), False)
    assert [kind for kind, *_ in told(office)] == ["debt_opened", "debt_opened"]
    office.debts.unexempt("C1")
    assert blocked(office) == {"CAM"}
    with pytest.raises(Refused, match="is not exempt"):
        office.debts.unexempt("C1")
    with pytest.raises(UnknownName):
        office.debts.exempt("C9")


def test_an_unblock_by_hand_is_told_to_last_only_until_the_next_look(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe())
    issued = office.verbs.issue(Command(Action.UNBLOCK, "C1", item="CAM"))
    assert "`svahub policy exempt C1` lifts that" in issued.remarks[0]
    assert blocked(office) == set()
    assert [kind for kind, *_ in told(office)] == ["debt_opened"]
    office.debts.judge_all()
    assert blocked(office) == {"CAM"}


# -- what would be -----------------------------------------------------------------------------------------------------


def would(office: TenantHub, policy: Policy, on: date | None = None) -> dict[str, str]:
    return {one.reference: one.would for one in office.debts.simulate(policy, on)}


def test_what_a_policy_would_do_is_told_for_each_debt(office: TenantHub) -> None:
    office.contracts.take_in([contract("C1"), contract("C2", "staff"), contract("C3"), contract("C4")])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe("old", "C1"), owe("staff", "C2"), owe("new", "C3", date(2026, 11, 20)), owe("exempt", "C4"))
    office.debts.exempt("C4")
    same = {"old": "stays blocked", "staff": "stays blocked", "new": "nothing", "exempt": "nothing"}
    assert would(office, TEN_DAYS) == same
    assert would(office, TEN_DAYS, date(2026, 12, 1)) == same | {"new": "block"}
    assert would(office, Policy(60)) == same | {"old": "unblock", "staff": "nothing"}
    assert would(office, Policy(0, business_days_only=True), date(2026, 11, 28))["new"] == "nothing"
    assert would(office, Policy(0, business_days_only=True), date(2026, 11, 30))["new"] == "block"
    assert blocked(office, "C3") == set()


def test_one_debt_of_two_still_blocks(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe("old"), owe("new", since=date(2026, 11, 20)))
    assert would(office, TEN_DAYS) == {"old": "stays blocked", "new": "nothing"}
