"""Debts as billing plugins tell them: what is blocked and unblocked, when, and with what urgency."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from svahub.debt_rule import Policy
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.models import Debt, Reason
from svahub.store.states import Priority
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command

from .owing import DUE, MONDAY, TEN_DAYS, blocked, contract, owe, reasons, settled, tell, told


def sources(office: TenantHub) -> list[tuple[str, str]]:
    return sorted((reason.item_code, reason.source) for reason in reasons(office))


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


def test_an_integration_at_which_somebody_owes_is_not_removed(office: TenantHub) -> None:
    office.contracts.take_in([contract(products=("TM",))])
    tell(office, owe(), by="cameras")
    with pytest.raises(Refused, match="1 open debts"):
        office.integrations.remove("cameras")
    tell(office, settled(), by="cameras")
    office.integrations.remove("cameras")


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
