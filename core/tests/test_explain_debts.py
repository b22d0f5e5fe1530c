"""A chain begins at the debts: which, since when, how much, by which policy, and when it blocks next. And tasks."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from svahub import errors
from svahub.cli import main
from svahub.debt_rule import Policy
from svahub.explanation import Explanation
from svahub.explanation.values import LinkKind
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.models import Debt, DebtSettled
from svahub.testing.clocks import HandClock

DUE = date(2026, 11, 2)
LATE = date(2026, 11, 20)
POLICY = Policy(10)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 11, 23, 15, tzinfo=UTC))


@pytest.fixture
def office(open_isp: Any, finding: Any, clock: HandClock) -> TenantHub:
    """Return an ISP with a contract that has a camera at one integration, and is billed by another."""
    isp = open_isp(finding, clock)
    isp.integrate("bank", "BILL")
    office: TenantHub = isp.office
    items = [{"code": "CAM", "product_code": "X"}, {"code": "BILL", "product_code": "BILL"}]
    customer = {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"}
    office.contracts.take_in([ContractRow.model_validate({"contract_id": "C1", "customer": customer, "items": items})])
    return office


def tell(office: TenantHub, *told: Debt | DebtSettled) -> None:
    with office.transaction("test", "debts") as transaction:
        office.debts.report(transaction, "bank", told)


def owe(reference: str = "pay_1", since: date = DUE) -> Debt:
    return Debt("C1", reference, since, Decimal("99.90"))


def explained(office: TenantHub, item: str = "CAM", **more: Any) -> Explanation:
    return office.explanations.of("C1", item, **more)


def settle(office: TenantHub) -> None:
    with office.hub.work(threads=1) as worker:
        worker.drain()


def chain(explanation: Explanation) -> list[tuple[str, str]]:
    (item,) = explanation.items
    return [(link.kind.value, link.sentence) for link in item.chain]


def test_the_chain_goes_from_the_debt_by_the_policy_to_the_reason(office: TenantHub) -> None:
    office.debts.set_policy(POLICY)
    settle(office)
    tell(office, owe())
    settle(office)
    links = chain(explained(office))
    kinds = [kind for kind, _ in links]
    assert kinds == ["debt", "rule", "rule", "reason", "operation", "attempt", "observed"], kinds
    assert links[0][1] == "BRL 99.90 at bank since 2026-11-02 (pay_1): blocks since 2026-11-13"
    assert links[1][1] == "the policy: debt older than 10 days blocks whatever is sold, but for who raised it"
    assert links[3][1].startswith("overdue by billing:bank, for item CAM")


def test_a_debt_in_its_grace_tells_when_it_blocks(office: TenantHub) -> None:
    office.debts.set_policy(POLICY)
    tell(office, owe(since=LATE))
    explanation = explained(office)
    (item,) = explanation.items
    assert item.next.blocks_on == date(2026, 12, 1)
    assert item.next.sentence.endswith(
        "It blocks on 2026-12-01 unless paid: BRL 99.90 at bank since 2026-11-20 (pay_1)."
    )
    assert explanation.debts[0].sentence.endswith("blocks on 2026-12-01 unless paid.")


def test_what_is_due_on_a_weekend_blocks_on_the_next_business_day(office: TenantHub, clock: HandClock) -> None:
    office.debts.set_policy(Policy(10, business_days_only=True))
    clock.advance(days=5)  # a Saturday
    tell(office, owe())
    (item,) = explained(office).items
    assert item.next.blocks_on == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("policy", "exempt", "said"),
    [
        (None, False, "no policy is set, so it blocks nothing (`svahub policy set --grace-days DAYS`)"),
        (POLICY, True, "so it blocks nothing (`svahub policy unexempt C1`)"),
        (Policy(10, frozenset()), False, "the policy does not block this item for it"),
    ],
)
def test_a_debt_that_blocks_nothing_tells_why(
    office: TenantHub, policy: Policy | None, exempt: bool, said: str
) -> None:
    if policy is not None:
        office.debts.set_policy(policy)
    if exempt:
        office.debts.exempt("C1")
    tell(office, owe())
    explanation = explained(office)
    assert chain(explanation)[0][1].endswith(said)
    assert explanation.items[0].next.blocks_on is None


def test_the_integration_that_raised_the_debt_is_told_to_be_spared(office: TenantHub) -> None:
    office.debts.set_policy(POLICY)
    tell(office, owe())
    assert chain(explained(office, "BILL"))[0][1].endswith("the policy does not block this item for it")


def test_a_block_for_debt_is_told_to_go_with_the_debt_and_not_by_hand(office: TenantHub) -> None:
    office.debts.set_policy(POLICY)
    tell(office, owe())
    (blocked,) = explained(office).items[0].blocked
    assert "it goes when no debt is open at bank" in blocked.sentence
    assert blocked.commands == ("svahub policy exempt C1",)


def test_a_debt_that_was_settled_is_told_with_the_history(office: TenantHub) -> None:
    tell(office, owe())
    tell(office, DebtSettled("C1", "pay_1"))
    assert explained(office).debts == ()
    assert "settled at 2026-11-23 12:00:00-03:00" in explained(office, whole=True).debts[0].sentence
    assert LinkKind.DEBT.value not in dict(chain(explained(office)))


def test_tasks_of_the_contract_are_told_with_cause_and_next_step(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    with isp.office.transaction("test", "task") as transaction:
        for name, contract in (("2026-11", "C1"), ("other", None)):
            isp.office.tasks.submit(transaction, "basic", "charge.create", name, {}, contract_id=contract)
    isp.work()  # it performs none, so a person has to decide
    (told,) = isp.office.explanations.of("C1").tasks
    assert (told.name, told.state.value) == ("2026-11", "parked")
    assert "waits for a person: Unsupported" in told.sentence
    assert told.commands[0] == f"svahub tasks retry {told.id}"
    isp.office.tasks.discard(told.id, "not needed")
    assert isp.office.explanations.of("C1").tasks == ()
    assert "was let go at" in isp.office.explanations.of("C1", whole=True).tasks[0].sentence
    assert errors.Unsupported.__name__ in told.sentence


def test_debts_and_tasks_are_told_as_text_and_as_json(office: TenantHub) -> None:
    office.debts.set_policy(POLICY)
    tell(office, owe(), owe("pay_2", LATE))
    with office.transaction("test", "task") as transaction:
        office.tasks.submit(transaction, "bank", "charge.create", "2026-11", {}, contract_id="C1")
    text = CliRunner().invoke(main, ["explain", "C1"], obj=office.hub).stdout
    assert "owes     BRL 99.90 at bank since 2026-11-02 (pay_1): blocks since 2026-11-13." in text
    assert "task     1, charge.create 2026-11 at bank, is due" in text
    document = json.loads(CliRunner().invoke(main, ["explain", "C1", "--json"], obj=office.hub).stdout)
    assert [(debt["reference"], debt["amount"], debt["blocks_on"]) for debt in document["debts"]] == [
        ("pay_1", "99.90", "2026-11-13"),
        ("pay_2", "99.90", "2026-12-01"),
    ]
    (item,) = [item for item in document["items"] if item["item_code"] == "CAM"]
    assert item["chain"][0]["values"]["reference"] == "pay_1"
    assert [task["kind"] for task in document["tasks"]] == ["charge.create"]
