"""The life of a charge, and what it does to what is sold: asked for, not paid, paid."""

from __future__ import annotations

import pytest
from svahub.models import Desired
from svahub.store.states import Outcome, State

from lives.billing import Billing

ACTIVE, BLOCKED = Desired.ACTIVE, Desired.BLOCKED


def test_a_charge_that_is_asked_for_while_asaas_is_away_is_made_once_when_it_is_back(billing: Billing) -> None:
    billing.sign(1)
    billing.come_to(ACTIVE)
    billing.till.refuse()
    billing.ask("asaas invoices create C1 --yes --no-wait")
    billing.until(lambda: [task.state for task in billing.isp.office.tasks.list()] == [State.WAITING])
    billing.till.listen()
    billing.rest()
    assert (billing.charge().contract, billing.charge().status) == ("C1", "PENDING")
    (invoice,) = billing.ask("asaas invoices list")
    assert invoice["charge"] == billing.charge().id


@pytest.mark.deep
def test_a_charge_is_cancelled_at_asaas_when_that_is_asked_for(billing: Billing) -> None:
    billing.sign(1)
    billing.ask("asaas invoices create C1 --yes --no-wait")
    billing.rest()
    (invoice,) = billing.ask("asaas invoices list")
    billing.ask(f"asaas invoices cancel {invoice['id']} --yes --no-wait")
    billing.rest()
    assert billing.charge().deleted
    assert [task.outcome for task in billing.isp.office.tasks.list()] == [Outcome.SUCCEEDED] * 2


@pytest.mark.deep
def test_who_does_not_pay_is_blocked_once_the_grace_is_over_and_unblocked_by_paying(billing: Billing) -> None:
    billing.ask("policy set --grace-days 5 --yes")
    billing.sign(1)
    billing.ask("asaas invoices create C1 --month 2026-12 --yes --no-wait")
    billing.come_to(ACTIVE)
    billing.pass_days(18)
    billing.hear()
    billing.come_to(ACTIVE)
    assert [debt["reference"] for debt in billing.ask("debts list")] == [billing.charge().id]
    billing.pass_days(5)
    billing.come_to(BLOCKED)
    billing.till.pay(billing.charge().id)
    billing.hear()
    billing.come_to(ACTIVE)
    assert billing.ask("debts list") == []
    assert billing.asked() == ["create_user", "block", "unblock"]


@pytest.mark.deep
def test_who_owes_and_is_blocked_by_the_staff_too_stays_blocked_when_it_is_paid(billing: Billing) -> None:
    billing.ask("policy set --grace-days 0 --yes")
    billing.sign(1)
    billing.ask("asaas invoices create C1 --yes --no-wait")
    billing.come_to(ACTIVE)
    billing.till.make_overdue(billing.charge().id)
    billing.hear()
    billing.come_to(BLOCKED)
    billing.want("block C1 --reason staff")
    billing.till.pay(billing.charge().id)
    billing.hear()
    billing.come_to(BLOCKED)
    billing.want("unblock C1 --reason staff")
    billing.come_to(ACTIVE)
    assert billing.asked() == ["create_user", "block", "unblock"]
