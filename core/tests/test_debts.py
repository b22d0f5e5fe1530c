"""Debts as billing plugins tell them: what is blocked and unblocked, when, and with what urgency."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub.cli import main
from svahub.debt_rule import Policy, wanted
from svahub.errors import Refused, UnknownName
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.intentions import levels
from svahub.models import Debt, DebtSettled, Desired, Reason
from svahub.store.rows import ReasonRow
from svahub.store.states import Outcome, Priority
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command

CPF = "52998224725"
DUE = date(2026, 11, 2)
TEN_DAYS = Policy(10)
MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture
def clock() -> HandClock:
    """Return a clock at noon of a Monday, three weeks after the debts of these tests were due."""
    return HandClock(MONDAY)


def contract(id: str = "C1", *reasons: str, products: tuple[str, ...] = ("TM", "CAM"), **more: Any) -> ContractRow:
    customer = {"id": f"P{id}", "name": "Pessoa Inventada", "document": CPF}
    items = [{"code": code, "product_code": code} for code in products]
    whole = {"contract_id": id, "customer": customer, "items": items, "block_reasons": list(reasons)} | more
    return ContractRow.model_validate(whole)


def owe(reference: str = "pay_1", contract: str = "C1", since: date = DUE, amount: str = "99.90") -> Debt:
    return Debt(contract, reference, since, Decimal(amount))


def tell(office: TenantHub, *told: Debt | DebtSettled, by: str = "clinic") -> list[str]:
    with office.transaction("test", "debts") as transaction:
        return [*office.debts.report(transaction, by, told)]


def settled(reference: str = "pay_1", contract: str = "C1") -> DebtSettled:
    return DebtSettled(contract, reference)


def blocked(office: TenantHub, contract: str = "C1") -> set[str]:
    return {view.item_code for view in office.subscriptions.list(contract=contract) if view.desired is Desired.BLOCKED}


def reasons(office: TenantHub, contract: str = "C1") -> list[ReasonRow]:
    with office.hub.store.read() as connection:
        return [*levels(connection, office.name, [contract])[contract].reasons]


def sources(office: TenantHub) -> list[tuple[str, str]]:
    return sorted((reason.item_code, reason.source) for reason in reasons(office))


def told(office: TenantHub) -> list[tuple[str, str, str | None]]:
    events = [event for batch in office.events.until_now(0) for event in batch]
    return [(event.kind.value, event.details["source"], event.details.get("reference")) for event in events]


# -- debts that come and go --------------------------------------------------------------------------------------------


def test_a_debt_past_its_grace_blocks_and_its_payment_unblocks(office_on_each: TenantHub) -> None:
    office = office_on_each
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    assert tell(office, owe()) == []
    assert (blocked(office), sources(office)) == ({"CAM"}, [("CAM", "billing:clinic")])
    assert [(row.reference, row.amount, row.settled_at) for row in office.debts.list()] == [
        ("pay_1", Decimal("99.90"), None)
    ]
    tell(office, settled())
    assert (blocked(office), sources(office), [*office.debts.list()]) == (set(), [], [])
    (row,) = office.debts.list(only_open=False)
    assert row.settled_at == MONDAY


def test_a_debt_that_is_told_again_changes_nothing(office_on_each: TenantHub) -> None:
    office = office_on_each
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    for _ in range(2):
        tell(office, owe())
    asked = [*office.operations.list()]
    assert [operation.verb for operation in asked].count("block") == 1
    for _ in range(2):
        tell(office, settled())
    assert [operation.verb for operation in office.operations.list()].count("unblock") == 1
    opened = [("debt_opened", "billing:clinic", "pay_1"), ("debt_settled", "billing:clinic", "pay_1")]
    assert told(office) == opened


def test_all_debts_must_be_settled_before_anything_is_unblocked(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe("pay_1"), owe("pay_2"))
    tell(office, settled("pay_1"))
    assert blocked(office) == {"CAM"}
    tell(office, settled("pay_2"))
    assert blocked(office) == set()


def test_the_last_payment_takes_the_reason_of_the_file_too_and_leaves_the_others(office: TenantHub) -> None:
    office.contracts.take_in([contract("C1", "overdue", "staff")])
    tell(office, owe("pay_1"), owe("pay_2"))
    tell(office, settled("pay_1"))
    assert {(r.reason, r.source) for r in reasons(office)} == {(Reason.OVERDUE, "import"), (Reason.STAFF, "import")}
    tell(office, settled("pay_2"))
    assert {(r.reason, r.source) for r in reasons(office)} == {(Reason.STAFF, "import")}
    office.contracts.take_in([contract("C1", "overdue", "staff")])
    assert {r.reason for r in reasons(office)} == {Reason.STAFF}  # the file says nothing new


@pytest.mark.parametrize("again", [owe(), owe(amount="50.00"), owe(since=DUE - timedelta(days=3))])
def test_a_refund_or_a_chargeback_is_debt_again(office: TenantHub, again: Debt) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe())
    tell(office, settled())
    tell(office, again)
    assert blocked(office) == {"CAM"}
    (row,) = office.debts.list()
    assert (row.amount, row.since, row.settled_at) == (again.amount, again.since, None)


def test_a_debt_and_its_payment_that_are_told_together_leave_nothing(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe(), settled())
    assert (blocked(office), [*office.debts.list()], told(office)) == (set(), [], [])
    tell(office, settled(), owe())
    assert blocked(office) == {"CAM"}


def test_a_debt_of_a_contract_that_there_is_not_is_not_kept_and_is_named(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    assert tell(office, owe("pay_1", "C9"), settled("pay_2", "C8"), owe("pay_3")) == ["C8", "C9"]
    assert [row.reference for row in office.debts.list()] == ["pay_3"]


def test_a_debt_that_turns_out_to_be_anothers_is_no_longer_the_firsts(office: TenantHub) -> None:
    office.contracts.take_in([contract("C1"), contract("C2")])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe("pay_1", "C1"))
    tell(office, owe("pay_1", "C2"))
    assert (blocked(office, "C1"), blocked(office, "C2")) == (set(), {"CAM"})
    tell(office, settled("pay_1", "C1"))
    assert blocked(office, "C2") == set()


def test_what_is_undone_leaves_no_debt(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    with office.transaction("test", "debts", dry_run=True) as transaction:
        office.debts.report(transaction, "clinic", [owe()])
    assert (blocked(office), [*office.debts.list()]) == (set(), [])


def test_debts_of_one_tenant_block_nobody_elses(office: TenantHub) -> None:
    other = office.hub.tenant("other")
    for one in (office, other):
        one.contracts.take_in([contract()])
        one.debts.set_policy(TEN_DAYS)
    tell(office, owe())
    assert (blocked(office), blocked(other), [*other.debts.list()]) == ({"CAM"}, set(), [])


# -- urgency -----------------------------------------------------------------------------------------------------------


def test_the_unblock_of_who_paid_is_leased_before_all_that_came_earlier(open_isp_on_each: Any, finding: Any) -> None:
    isp = open_isp_on_each(finding, HandClock(MONDAY))
    isp.integrate("bank", "BILL")
    isp.office.debts.set_policy(TEN_DAYS)
    for n in (1, 2, 3):
        isp.sell(f"C{n}", f"P{n}")
    isp.work()
    tell(isp.office, owe(contract="C2"), by="bank")
    isp.work()
    isp.sell("C4", "P4")
    isp.ask(Action.BLOCK, "C1")
    with isp.office.transaction("test", "task") as transaction:
        urgent = {"customer_id": "P3", "priority": Priority.ACTIVATION}
        isp.office.tasks.submit(transaction, "basic", "charge.create", "1", {}, **urgent)
    isp.clock.advance(minutes=1)
    tell(isp.office, settled(contract="C2"), by="bank")
    (first,), _ = isp.desk().take(1)
    assert (first.row.contract_id, first.priority, first.decision.step.value) == ("C2", Priority.PAID, "unblock")


# -- when --------------------------------------------------------------------------------------------------------------


def test_the_clock_blocks_who_is_still_in_debt_when_the_grace_is_past(office: TenantHub, clock: HandClock) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe(since=date(2026, 11, 20)))
    assert (blocked(office), office.debts.judge_all().contracts) == (set(), 1)
    clock.advance(days=7, hours=11, minutes=59)  # the 30th, but for a minute, where the ISP is
    assert (office.debts.judge_all().blocked, blocked(office)) == (0, set())
    clock.advance(minutes=1)
    assert (office.debts.judge_all().blocked, blocked(office)) == (1, {"CAM"})
    assert office.debts.judge_all().blocked == 0


def test_no_block_begins_on_a_weekend_and_who_pays_then_is_unblocked(office: TenantHub, clock: HandClock) -> None:
    office.contracts.take_in([contract("C1"), contract("C2")])
    office.debts.set_policy(Policy(10, business_days_only=True))
    tell(office, owe("pay_1", "C1"))
    clock.advance(days=5)  # a Saturday
    tell(office, owe("pay_2", "C2"), settled("pay_1", "C1"))
    assert (blocked(office, "C1"), blocked(office, "C2")) == (set(), set())
    clock.advance(days=2)
    office.debts.judge_all()
    assert (blocked(office, "C1"), blocked(office, "C2")) == (set(), {"CAM"})


# -- contracts that change while there is debt -------------------------------------------------------------------------


def test_what_is_sold_to_who_owes_is_blocked_too(office: TenantHub) -> None:
    office.contracts.take_in([contract(products=("CAM",), status="pending")])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe())
    office.verbs.issue(Command(Action.ACTIVATE, "C1"))
    assert blocked(office) == {"CAM"}
    with office.hub.store.write() as connection:
        from svahub.store import catalogue
        from svahub.store.rows import LinkRow

        catalogue.put_link(connection, LinkRow(office.name, "CAM2", "cameras", "cameras", "cameras-2"))
    office.contracts.take_in([contract(products=("CAM", "CAM2"))])
    assert blocked(office) == {"CAM", "CAM2"}


def test_what_is_cancelled_is_not_blocked_and_is_when_it_is_sold_anew(office: TenantHub) -> None:
    office.contracts.take_in([contract(products=("CAM",))])
    office.debts.set_policy(TEN_DAYS)
    office.verbs.issue(Command(Action.CANCEL, "C1"))
    tell(office, owe())
    assert (blocked(office), reasons(office)) == (set(), [])
    office.verbs.issue(Command(Action.ACTIVATE, "C1"))
    assert blocked(office) == {"CAM"}


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


# -- any order ---------------------------------------------------------------------------------------------------------

REFERENCES = ("pay_1", "pay_2", "pay_3")
numbers = count(100)


@pytest.fixture
def furnished(office: TenantHub) -> TenantHub:
    office.debts.set_policy(TEN_DAYS)
    return office


told_in_some_order = st.lists(
    st.tuples(
        st.sampled_from(REFERENCES), st.sampled_from(["old", "new", "paid"]), st.sampled_from(["clinic", "cameras"])
    ),
    min_size=1, max_size=10,
)  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told_in_some_order)
def test_what_is_blocked_is_what_the_open_debts_say_however_they_came(
    furnished: TenantHub, sayings: list[tuple[str, str, str]]
) -> None:
    office, id = furnished, f"H{next(numbers)}"
    office.contracts.take_in([contract(id)])
    for reference, how, by in sayings:
        name = f"{id} {reference}"
        one = settled(name, id) if how == "paid" else owe(name, id, DUE if how == "old" else date(2026, 11, 20))
        tell(office, one, by=by)
    last = {(reference, by): how for reference, how, by in sayings}
    is_open = {(f"{id} {reference}", by) for (reference, by), how in last.items() if how != "paid"}
    owed = [*office.debts.list(id)]
    assert {(row.reference, row.integration) for row in owed} == is_open
    with office.hub.store.read() as connection:
        level = levels(connection, office.name, [id])[id]
    due = wanted(level, owed, TEN_DAYS, MONDAY.date(), MONDAY)
    assert {(r.item_code, r.source) for r in level.reasons} == {(r.item_code, r.source) for r in due}
    assert blocked(office, id) == {reason.item_code for reason in due}


# -- commands ----------------------------------------------------------------------------------------------------------


def run(office: TenantHub, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, obj=office.hub)


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


def test_a_debt_that_is_forgiven_blocks_nothing_however_often_it_is_told(office_on_each: TenantHub) -> None:
    office_on_each.contracts.take_in([contract()])
    office_on_each.debts.set_policy(TEN_DAYS)
    tell(office_on_each, owe(), by="cameras")
    assert blocked(office_on_each) == {"TM"}
    assert run(office_on_each, "debts", "forgive", "C1", "pay_1", "--note", "agreed").exit_code == 0
    tell(office_on_each, owe(), by="cameras")
    assert blocked(office_on_each) == set()


def test_a_forgiven_debt_that_was_settled_is_a_new_one_when_it_comes_again(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe(), by="cameras")
    office.debts.forgive("C1", "pay_1")
    tell(office, settled(), by="cameras")
    assert not blocked(office)
    tell(office, owe(), by="cameras")
    assert blocked(office) == {"TM"}


def test_what_was_forgiven_can_be_owed_again(office: TenantHub) -> None:
    office.contracts.take_in([contract()])
    office.debts.set_policy(TEN_DAYS)
    tell(office, owe(), by="cameras")
    assert run(office, "debts", "unforgive", "C1", "pay_1").exit_code == 1
    office.debts.forgive("C1", "pay_1")
    assert run(office, "debts", "forgive", "C1", "pay_1").exit_code == 1
    shown = run(office, "debts", "unforgive", "C1", "pay_1", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["forgiven"]) == (0, False)
    assert blocked(office) == {"TM"}


def test_an_integration_at_which_somebody_owes_is_not_removed(office: TenantHub) -> None:
    office.contracts.take_in([contract(products=("TM",))])
    tell(office, owe(), by="cameras")
    with pytest.raises(Refused, match="1 open debts"):
        office.integrations.remove("cameras")
    tell(office, settled(), by="cameras")
    office.integrations.remove("cameras")
