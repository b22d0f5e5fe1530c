"""What other systems are told of customers and subscriptions, with the change itself, and what they are not told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from svahub import errors
from svahub.debt_rule import Policy
from svahub.intentions import expire_reasons
from svahub.models import Debt, DebtSettled, Observed
from svahub.store import catalogue
from svahub.store.rows import LinkRow
from svahub.store.states import NewsKind
from svahub.verbs import Action, Command

OWED = Debt("C1", "d1", date(2026, 11, 1), Decimal("49.90"))


def told(telling: Any) -> list[tuple[str, str]]:
    """Return what is to be told, with the status that it bears."""
    return [(message.kind.value, json.loads(message.body)["data"]["status"]) for message in telling.messages()]


def test_a_subscription_is_told_of_at_every_turn_of_its_life(telling_on_each: Any) -> None:
    telling_on_each.listen()
    telling_on_each.live()
    telling_on_each.dispatch()
    assert [(one["type"], one["data"]["status"]) for one in telling_on_each.ear.once] == [
        ("customer.status", "ACTIVE"),
        ("subscription.activated", "ACTIVE"),
        ("customer.status", "BLOCKED"),
        ("subscription.blocked", "BLOCKED"),
        ("customer.status", "ACTIVE"),
        ("subscription.unblocked", "ACTIVE"),
        ("customer.status", "CANCELLED"),
        ("subscription.cancelled", "CANCELLED"),
    ]


def test_what_is_told_has_ids_and_words_and_nothing_personal(telling: Any) -> None:
    telling.listen()
    telling.isp.sell()
    telling.isp.work()
    telling.isp.ask(Action.BLOCK)
    telling.isp.work()
    body = telling.messages()[-1].body
    assert json.loads(body) == {
        "type": "subscription.blocked",
        "timestamp": telling.isp.clock.now().isoformat(),
        "data": {
            "tenant": "default",
            "customer": "P1",
            "contract": "C1",
            "item": "1",
            "product_type": "anything",
            "plan": "p1",
            "quantity": 1,
            "status": "BLOCKED",
            "reasons": ["staff"],
        },
    }
    said = "".join(message.body for message in telling.messages())
    assert not any(personal in said for personal in ("Pessoa", "52998224725", "operator"))


def test_the_id_of_a_customer_that_is_a_document_is_left_out(telling: Any) -> None:
    telling.listen()
    telling.isp.sell(person="529.982.247-25")
    telling.isp.work()
    assert {json.loads(message.body)["data"]["customer"] for message in telling.messages()} == {None}


def test_a_change_of_plan_or_quantity_is_told_with_what_it_is_now(telling: Any) -> None:
    telling.listen(kinds=[NewsKind.CHANGED])
    telling.isp.sell()
    telling.isp.work()
    telling.isp.ask(Action.CHANGE, plan="p2", quantity=3)
    telling.isp.work()
    (message,) = telling.messages()
    changed = json.loads(message.body)["data"]
    assert (changed["plan"], changed["quantity"], changed["status"]) == ("p2", 3, "ACTIVE")


def test_what_was_rolled_back_is_told_to_nobody(telling: Any) -> None:
    telling.listen()
    telling.isp.sell()
    before = telling.messages()
    telling.office.debts.set_policy(Policy(0, integrations=frozenset({"basic"})))
    with pytest.raises(ZeroDivisionError):
        owe_and_fail(telling)
    assert (telling.messages(), telling.isp.one.desired.value) == (before, "ACTIVE")


def owe_and_fail(telling: Any) -> None:
    with telling.office.transaction("told", "debt") as transaction:
        telling.office.debts.report(transaction, "basic", [OWED])
        raise ZeroDivisionError


def test_a_dry_run_tells_nobody(telling: Any) -> None:
    telling.listen()
    telling.isp.sell()
    before = telling.messages()
    telling.office.verbs.issue(Command(Action.BLOCK, "C1"), dry_run=True)
    assert telling.messages() == before


def test_whoever_is_added_later_is_told_what_happens_from_then_on(telling: Any) -> None:
    telling.isp.sell()
    telling.isp.work()
    telling.listen()
    telling.isp.ask(Action.BLOCK)
    telling.isp.work()
    assert told(telling) == [("customer.status", "BLOCKED"), ("subscription.blocked", "BLOCKED")]


def test_a_call_of_unknown_outcome_is_told_once_it_is_known_what_came_of_it(telling: Any) -> None:
    telling.listen(kinds=[NewsKind.ACTIVATED, NewsKind.BLOCKED, NewsKind.UNBLOCKED])
    telling.isp.sell()
    telling.isp.remote.applies_before_trouble = True
    seen = []
    for action in (None, Action.BLOCK, Action.UNBLOCK):
        if action:
            telling.isp.ask(action)
        telling.isp.remote.troubles.append(errors.OutcomeUnknown("no answer"))
        telling.isp.work()
        telling.isp.clock.advance(minutes=30)
        telling.isp.work()
        seen.append(told(telling)[-1])
    assert (
        seen
        == told(telling)
        == [
            ("subscription.activated", "ACTIVE"),
            ("subscription.blocked", "BLOCKED"),
            ("subscription.unblocked", "ACTIVE"),
        ]
    )


def test_one_that_has_vanished_at_the_provider_is_told_of_as_cancelled_once_it_is_given_up(telling: Any) -> None:
    telling.listen(kinds=[NewsKind.ACTIVATED, NewsKind.BLOCKED, NewsKind.CANCELLED])
    telling.isp.sell()
    telling.isp.work()
    telling.isp.remote.troubles.append(errors.NotFound())
    telling.isp.ask(Action.BLOCK)
    telling.isp.work()
    assert told(telling) == [("subscription.activated", "ACTIVE")]
    telling.office.operations.discard(telling.isp.parked().id, actor="ana", note="let it go")
    telling.isp.work()
    assert told(telling)[-1] == ("subscription.cancelled", "CANCELLED")


def test_one_that_was_never_there_is_not_told_of_as_cancelled(telling: Any) -> None:
    telling.listen(kinds=[NewsKind.CANCELLED])
    telling.isp.sell()
    telling.isp.ask(Action.CANCEL)
    telling.isp.work()
    assert (telling.isp.one.observed, told(telling)) == (Observed.ABSENT, [])


# -- how a customer stands ---------------------------------------------------------------------------------------------


@pytest.fixture
def standing(telling: Any) -> Any:
    """Return an ISP whose system is told how customers stand."""
    telling.listen(kinds=[NewsKind.CUSTOMER_STATUS])
    telling.isp.sell()
    return telling


def stands(telling: Any) -> list[str]:
    return [status for _, status in told(telling)]


def test_a_customer_is_active_while_one_of_their_contracts_is(standing: Any) -> None:
    standing.isp.sell("C2")
    seen = []
    for contract in ("C1", "C2"):
        standing.isp.ask(Action.BLOCK, contract)
        seen.append(stands(standing))
    assert seen == [["ACTIVE"], ["ACTIVE", "BLOCKED"]]


def test_a_customer_stands_as_before_when_only_a_plan_changes(standing: Any) -> None:
    standing.isp.work()
    standing.isp.ask(Action.CHANGE, plan="p2")
    assert stands(standing) == ["ACTIVE"]


def test_a_contract_of_what_nobody_serves_counts_as_much(standing: Any) -> None:
    standing.isp.sell("C9", "P9", product="INTERNET")
    standing.isp.ask(Action.BLOCK, "C9")
    assert stands(standing) == ["ACTIVE", "ACTIVE", "BLOCKED"]


def test_a_further_reason_is_told_and_a_repeated_one_is_not(standing: Any) -> None:
    for _ in range(2):
        standing.isp.ask(Action.BLOCK)
    standing.isp.ask(Action.BLOCK, reason="legal")
    reasons = [json.loads(message.body)["data"]["reasons"] for message in standing.messages()]
    assert reasons == [[], ["staff"], ["legal", "staff"]]


def test_a_block_that_expires_is_told(standing: Any) -> None:
    standing.isp.ask(Action.BLOCK, until=standing.isp.clock.now().replace(hour=23))
    standing.isp.clock.advance(days=1)
    expire_reasons(standing.hub.store)
    assert stands(standing) == ["ACTIVE", "BLOCKED", "ACTIVE"]


def test_a_debt_and_its_payment_are_told(standing: Any) -> None:
    office = standing.office
    office.debts.set_policy(Policy(0, integrations=frozenset({"basic"})))
    for one in (OWED, DebtSettled("C1", "d1")):
        with office.transaction("told", "debt") as transaction:
            office.debts.report(transaction, "basic", [one])
    assert stands(standing) == ["ACTIVE", "BLOCKED", "ACTIVE"]


# -- to whom -----------------------------------------------------------------------------------------------------------


def test_a_target_is_told_only_of_the_product_types_that_it_names(telling: Any) -> None:
    telling.listen("all")
    telling.listen("some", product_types=["anything"])
    with telling.hub.store.write() as connection:
        catalogue.put_link(connection, LinkRow("default", "Y", "another", "basic", "p1"))
    telling.isp.sell("C1", "P1", product="X")
    telling.isp.sell("C2", "P2", product="Y")
    telling.isp.work()
    found = [(message.target, message.customer_id, message.kind.value) for message in telling.messages()]
    assert sorted(found) == [
        ("all", "P1", "customer.status"),
        ("all", "P1", "subscription.activated"),
        ("all", "P2", "customer.status"),
        ("all", "P2", "subscription.activated"),
        ("some", "P1", "customer.status"),
        ("some", "P1", "subscription.activated"),
    ]


def test_what_is_sensitive_is_told_only_to_whom_it_is_named(
    open_isp: Callable[..., Any], finding: type, ear: Any, telling_at: Callable[..., Any]
) -> None:
    telling = telling_at(open_isp(type("Clinic", (finding,), {"sensitive": True})), ear)
    telling.listen("all")
    telling.listen("meant", product_types=["anything"])
    telling.live()
    assert {m.target for m in telling.messages() if m.kind is not NewsKind.CUSTOMER_STATUS} == {"meant"}


def test_one_tenant_s_targets_hear_nothing_of_another_s_customers(telling: Any) -> None:
    telling.hub.add_tenant("other")
    telling.hub.tenant("other").outbox.add(telling.ear.hook_url, name="theirs", allow_private=True)
    telling.isp.sell()
    telling.isp.work()
    assert telling.messages() == []
