"""Every row that the store can hold is explained: what is wanted, what was seen, what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub.decisions import Facts, View, decide, decided
from svahub.explanation import Case, ItemExplained, Reader, Sale, explained
from svahub.explanation.blocking import blocked
from svahub.explanation.failing import said
from svahub.explanation.values import LinkKind, Provider
from svahub.lifecycle import Step
from svahub.models import Aspect, BlockScope, Deduplication, Desired, DocumentKind, Observed, Reason
from svahub.store.rows import (
    AccountRow,
    AttemptRow,
    ContractRow,
    CustomerRow,
    ItemRow,
    LinkRow,
    OperationRow,
    PlanRow,
    ReasonRow,
    SubscriptionRow,
)
from svahub.store.states import Certainty, ContractStatus, Outcome, Phase, State, Verb
from svahub.waiting import Stop

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
READER = Reader(ZoneInfo("America/Sao_Paulo"), NOW)
HIDDEN_FROM_READERS = ("52998224725", "maria@example.com", "Maria")
CUSTOMER = CustomerRow(
    "default", "P1", "Maria Inventada", "52998224725", DocumentKind.CPF, "maria@example.com", None, None, None, "d1",
    None,
)  # fmt: skip
instants = st.sampled_from([NOW - timedelta(days=1), NOW, NOW + timedelta(minutes=3)])
maybe_instants = st.none() | instants
texts = st.sampled_from([None, "the provider answered 500", "Rejected: plan_retired: no longer sold"])
advices = st.sampled_from([None, "`svahub operations retry ID`", "`svahub activate CONTRACT` sells it again"])
applied = st.none() | st.builds(
    lambda plan, customer: {"plan": plan, "quantity": 1, "price": None, "due_day": None, "customer": customer},
    st.sampled_from(["p1", "p2"]), st.sampled_from(["d1", "d2", None]),
)  # fmt: skip
PLAIN: dict[str, Any] = {
    "tenant": "default", "item_code": "1", "sale": 1, "product_type": "telemedicine", "integration": "tele",
    "account_key": "a", "plan": "p1", "quantity": 1, "price": None, "due_day": 10, "attributes": {}, "consent": None,
    "sent": None, "created_at": NOW, "changed_at": NOW,
}  # fmt: skip


@st.composite
def rows(draw: st.DrawFn, contract: str) -> SubscriptionRow:
    return SubscriptionRow(
        **PLAIN, key=f"key-{contract}", contract_id=contract,
        desired=draw(st.sampled_from(Desired)), generation=draw(st.integers(1, 3)),
        observed=draw(st.sampled_from(Observed)), remote_id=draw(st.sampled_from([None, "user-1"])),
        applied=draw(applied), uncertain_since=draw(maybe_instants), looks=draw(st.integers(0, 3)),
        phase=draw(st.sampled_from(Phase)), due_at=draw(maybe_instants), priority=draw(st.integers(0, 3)),
        tries=draw(st.integers(0, 30)), cause=draw(texts), advice=draw(advices),
        handle=draw(st.sampled_from([None, "create_user:h1"])), candidate=draw(st.sampled_from([None, "user-9"])),
    )  # fmt: skip


@st.composite
def attempts(draw: st.DrawFn) -> AttemptRow:
    certainty = draw(st.none() | st.sampled_from(Certainty))
    step = draw(st.sampled_from(sorted(set(Step) - {Step.NOTHING, Step.PARK_DRIFT})))
    ended = None if certainty is None else NOW
    return AttemptRow(
        "a", draw(st.integers(1, 9)), "default", "key-C1", step, 1, None, NOW, ended, certainty, draw(texts)
    )


@st.composite
def operations(draw: st.DrawFn) -> OperationRow:
    outcome = draw(st.sampled_from(Outcome))
    by = 9 if outcome is Outcome.SUPERSEDED else None
    verb, generation = draw(st.sampled_from(Verb)), draw(st.integers(1, 3))
    actor = draw(st.sampled_from(["import", "operator:ana", "billing:bank", "svahub"]))
    return OperationRow(
        draw(st.integers(1, 8)), "default", "key-C1", verb, generation, actor, draw(st.none() | st.just("overdue")),
        draw(st.none() | st.just("asked by 529.982.247-25")), None, outcome, by, NOW, draw(maybe_instants),
    )  # fmt: skip


exchanges = st.builds(
    lambda number, status, body: {
        "id": number, "account_key": "a", "lease_number": number, "at": NOW, "method": "POST", "path": "/users",
        "status": status, "milliseconds": 3, "request_body": None, "response_body": body, "error": None,
    },
    st.integers(1, 9), st.sampled_from([None, 200, 422, 500]),
    st.none() | st.text(max_size=20) | st.just('{"error":{"message":"no longer sold"}}'),
)  # fmt: skip
reasons = st.builds(
    lambda item, reason, source, until: ReasonRow("default", "C1", item, reason, source, until, NOW),
    st.sampled_from(["", "1"]), st.sampled_from(Reason), st.sampled_from(["import", "operator:ana", "billing:bank"]),
    maybe_instants,
)  # fmt: skip
stops = st.none() | st.builds(
    Stop, st.sampled_from([State.QUARANTINED, State.MISSING_PLUGIN, State.WAITING]), texts, maybe_instants,
    st.sampled_from([None, "`svahub integration test tele`"]),
)  # fmt: skip
facts = st.builds(
    Facts, st.sampled_from(BlockScope), st.frozensets(st.sampled_from(Aspect)), st.sampled_from(Deduplication),
    st.booleans(), st.just(60.0), st.booleans(),
)  # fmt: skip
plans = st.none() | st.builds(
    lambda retired: PlanRow("default", "tele", "p1", "One", "", None, 1, retired, NOW), maybe_instants
)
accounts = st.builds(
    AccountRow, st.just("a"), st.just("default"), st.just("tele"), st.just("P1"), st.sampled_from([None, "user-1"]),
    st.just(3), maybe_instants, st.sampled_from([None, "host:1"]), st.just(1), maybe_instants,
)  # fmt: skip


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    row = draw(rows("C1"))
    siblings = [draw(rows(contract)) for contract in draw(st.sampled_from([(), ("C2",), ("C2", "C3")]))]
    obstacle = draw(st.none() | st.just("The secret env:WORD is not set."))
    return Sale(
        row,
        View(draw(accounts), CUSTOMER, (row, *siblings), draw(facts)),
        Provider("Clinic", 20, draw(stops), obstacle),
        draw(plans),
        tuple(draw(st.lists(operations(), min_size=1, max_size=3))),
        tuple(draw(st.lists(attempts(), max_size=3))),
        tuple(draw(st.lists(exchanges, max_size=3))),
    )


@st.composite
def cases(draw: st.DrawFn, sold: bool) -> Case:
    contract = ContractRow("default", "C1", "P1", draw(st.sampled_from(ContractStatus)), 10, None, None, NOW)
    item = ItemRow(
        "default", "C1", "1", "TM", None, None, 1, None, {}, None, draw(st.integers(1, 2)), draw(st.booleans())
    )
    link = draw(st.none() | st.just(LinkRow("default", "TM", "telemedicine", "tele", "p1")))
    sale = draw(sales()) if sold else None
    return Case(contract, item, tuple(draw(st.lists(reasons, max_size=2))), link, sale)


def told(case: Case) -> ItemExplained:
    (item,) = explained(case.contract, [case], READER).items
    return item


wide = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@wide
@given(cases(sold=True))
def test_every_sale_is_told_with_what_is_wanted_what_was_seen_and_what_comes_next(case: Case) -> None:
    assert case.sale is not None
    item = told(case)
    assert item.desired is not None
    assert item.observed is not None
    assert item.desired.value in item.sentence
    assert item.observed.value in item.sentence
    assert len(item.next.sentence) > 10
    assert [link.kind for link in item.chain][-1] is LinkKind.OBSERVED
    assert LinkKind.RULE in {link.kind for link in item.chain}
    assert not any(personal in str(item) for personal in HIDDEN_FROM_READERS)
    assert "None" not in "".join(
        [item.sentence, item.next.sentence, *item.remarks, *(link.sentence for link in item.chain)]
    )


@wide
@given(cases(sold=True))
def test_what_comes_next_is_what_is_decided(case: Case) -> None:
    sale = case.sale
    assert sale is not None
    coming, state = told(case).next, sale.stands.state
    if state in {State.SETTLED, State.PARKED, State.RUNNING}:
        return
    one = decided(sale.view, sale.row)
    if one.row is not None:
        assert coming.step is one.step
        first = decide(sale.view, NOW)
        alone = first.row is None or first.row.key == sale.row.key
        is_due = sale.row.due_at is None or sale.row.due_at <= NOW
        assert alone or not is_due or coming.waits_for == (first.row.contract_id if first.row else None,)
        return
    match one.updated[0].phase:
        case Phase.SETTLED:
            assert (coming.step, "nothing" in coming.sentence) == (Step.NOTHING, True)
        case Phase.PARKED:
            assert (coming.step, "a person decides" in coming.sentence) == (Step.PARK_DRIFT, True)
        case Phase.WAITING:
            assert coming.waits_for
            assert all(contract in coming.sentence for contract in coming.waits_for)


@wide
@given(cases(sold=False))
def test_what_was_never_sold_is_told_with_what_stands_against_it(case: Case) -> None:
    item = told(case)
    assert item.sentence.startswith("not sold: ")
    assert item.next.sentence
    assert all(command in item.next.sentence for command in item.next.commands)
    may_be_sold = case.contract.status is not ContractStatus.CANCELLED and not case.item.removed
    assert bool(item.next.commands) is may_be_sold


# -- single sentences --------------------------------------------------------------------------------------------------

FACTS = Facts(BlockScope.ACCOUNT, frozenset({Aspect.PLAN}), Deduplication.REFERENCE, True, 60.0, False)
ACCOUNT = AccountRow("a", "default", "tele", "P1", "user-1", 3, None, None, 1, None)
ACTIVE = SubscriptionRow(
    **PLAIN, key="key-C1", contract_id="C1", desired=Desired.ACTIVE, generation=1, observed=Observed.ACTIVE,
    remote_id="user-1", applied={"plan": "p1", "quantity": 1}, uncertain_since=None, looks=0, phase=Phase.SETTLED,
    due_at=None, priority=3, tries=0, cause=None, advice=None, handle=None, candidate=None,
)  # fmt: skip
CONTRACT = ContractRow("default", "C1", "P1", ContractStatus.ACTIVE, 10, None, None, NOW)
ITEM = ItemRow("default", "C1", "1", "TM", None, None, 1, None, {}, None, 1, False)


def case_of(row: SubscriptionRow, *siblings: SubscriptionRow, stop: Stop | None = None, **books: Any) -> Case:
    sale = Sale(row, View(ACCOUNT, CUSTOMER, (row, *siblings), FACTS), Provider("Clinic", 20, stop), **books)
    return Case(CONTRACT, ITEM, sale=sale)


def coming(row: SubscriptionRow, *siblings: SubscriptionRow, **more: Any) -> str:
    return told(case_of(row, *siblings, **more)).next.sentence


def test_a_retry_is_told_with_its_time_and_how_many_tries_are_left() -> None:
    row = ACTIVE._replace(desired=Desired.BLOCKED, phase=Phase.WAITING, due_at=NOW + timedelta(minutes=3), tries=2)
    assert coming(row).startswith("svahub will block it at 2026-11-23 09:03:00-03:00 (in 3 min), try 3 of 20")


def test_a_block_is_held_until_the_sibling_is_blocked_too_and_the_command_is_named() -> None:
    held = ACTIVE._replace(desired=Desired.BLOCKED, phase=Phase.WAITING)
    sibling = ACTIVE._replace(key="key-C2", contract_id="C2")
    assert "blocks whole users" in coming(held, sibling)
    assert "`svahub block C2`" in coming(held, sibling)
    assert "contract C1 should be blocked" in told(case_of(sibling, held)).remarks[0]


def test_a_stopped_integration_is_told_before_the_step() -> None:
    row = ACTIVE._replace(desired=Desired.BLOCKED, phase=Phase.DUE, due_at=NOW)
    stop = Stop(State.QUARANTINED, "our credentials are refused", remedy="`svahub integration test tele`")
    sentence = coming(row, stop=stop)
    assert "quarantined, as our credentials are refused" in sentence
    assert "After that: svahub will block it" in sentence


def test_a_change_of_what_is_blocked_waits_for_the_unblock() -> None:
    row = ACTIVE._replace(desired=Desired.BLOCKED, observed=Observed.BLOCKED, plan="p2")
    assert coming(row) == "nothing until it is unblocked. Then svahub will also change plan."


def test_an_unknown_outcome_is_told_with_the_looks_and_when_it_settles() -> None:
    row = ACTIVE._replace(
        observed=Observed.UNKNOWN, remote_id=None, applied=None, uncertain_since=NOW, looks=1, phase=Phase.WAITING,
        due_at=NOW + timedelta(seconds=60),
    )  # fmt: skip
    assert "looked up once so far" in coming(row)
    assert "not before 2026-11-23 09:01:00-03:00" in coming(row)


def test_an_earlier_sale_ended_because_the_item_was_sold_again() -> None:
    case = case_of(ACTIVE._replace(desired=Desired.CANCELLED, observed=Observed.CANCELLED))
    rules = [link.sentence for link in told(replace(case, item=replace(ITEM, sales=2))).chain]
    assert rules[0].startswith("the item was sold again, as sale 2")


def test_erased_data_are_told() -> None:
    assert "were erased at 2026-11-23 09:00:00-03:00" in explained(CONTRACT, [], READER, NOW).sentence


@pytest.mark.parametrize(
    ("reason", "source", "item", "told"),
    [
        (Reason.OVERDUE, "import", "", "block reasons without it, or with `svahub unblock C1 --reason overdue`"),
        (Reason.STAFF, "operator:ana", "1", "`svahub unblock C1 --reason staff --item 1`"),
        (Reason.FRAUD, "import", "", "an admin with `svahub unblock C1 --reason fraud --admin`"),
        (Reason.LEGAL, "operator:ana", "", "operator ana takes it away with `svahub unblock C1 --reason legal`"),
        (Reason.OVERDUE, "billing:bank", "", "when no debt is open at bank"),
    ],
)
def test_a_reason_is_told_with_who_can_take_it_away(reason: Reason, source: str, item: str, told: str) -> None:
    assert told in blocked(ReasonRow("default", "C1", item, reason, source, None, NOW), READER).sentence


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"error":{"code":"x","message":"no  longer\\nsold"}}', "no longer sold"),
        ('{"erros":[{"mensagem":"sem plano"},{"mensagem":"sem CPF"}]}', "sem plano sem CPF"),
        ('{"error":{"message":"cut off"}}…', "cut off"),
        ('{"data":[]}', None),
        ("Bad gateway", "Bad gateway"),
        ("x" * 300, "x" * 199 + "…"),
        (None, None),
    ],
)
def test_what_the_provider_said_is_found_in_its_answer(body: str | None, message: str | None) -> None:
    assert said({"response_body": body}) == message
