"""What plugins asked for about a person, what they owed, and what providers told of them: exported, and erased."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from svahub.errors import Refused
from svahub.models import Debt, DebtSettled
from svahub.store import inbox, tables, tasks
from svahub.store.inbox import Claim, Delivery
from svahub.store.queue import Lane
from svahub.store.states import InboxState, Outcome
from svahub.verbs import Action, Command

OpenIsp = Callable[..., Any]
CPF = "52998224725"
CANARY = "Canario-da-Silva"


def everything(isp: Any) -> str:
    with isp.hub.store.read() as connection:
        return "\n".join(str(row) for t in tables.metadata.sorted_tables for row in connection.execute(select(t)))


def deliver(isp: Any, id: str, subject: str | None = None, **body: Any) -> None:
    with isp.hub.store.write() as connection:
        one = Delivery(Lane("default", "basic"), id, "PAID", subject, {}, json.dumps({"id": id, **body}).encode())
        inbox.keep(connection, [one], isp.hub.store.now(connection))


def read(isp: Any) -> None:
    """Have every delivery end as read."""
    with isp.hub.store.write() as connection:
        now = isp.hub.store.now(connection)
        for row in inbox.claim(connection, [Lane("default", "basic")], Claim("a", now, now), 100):
            done = row._replace(state=InboxState.DONE, due_at=None, details={"said": CANARY})
            inbox.put(connection, done, now)


def kept(isp: Any) -> dict[str, bytes | None]:
    with isp.hub.store.read() as connection:
        c = tables.inbox.c
        return {row.event_id: row.body for row in connection.execute(select(c.event_id, c.body))}


def sold(isp: Any) -> Any:
    """Let an ISP have sold to P1 and to P2, and ended both; P1 had a task, a debt and an exemption."""
    for n in (1, 2):
        isp.sell(f"C{n}", f"P{n}")
    isp.work()
    with isp.office.transaction("test", "task") as transaction:
        asked = {"customer_id": "P1", "contract_id": "C1", "note": "by mistake"}
        isp.office.tasks.submit(transaction, "basic", "charge.create", "2026-11", {"to": CANARY}, **asked)
        owed = Debt("C1", "pay_1001", date(2026, 11, 2), Decimal("99.90"))
        isp.office.debts.report(transaction, "basic", [owed])
    isp.office.debts.exempt("C1", f"agreed with {CANARY}")
    isp.work()
    for n in (1, 2):
        isp.office.verbs.issue(Command(Action.CANCEL, f"C{n}"))
    isp.work()
    return isp


@pytest.fixture
def isp(open_isp: OpenIsp, finding: type) -> Any:
    return sold(open_isp(finding))


@pytest.fixture
def isp_on_each(open_isp_on_each: OpenIsp, finding: type) -> Any:
    return sold(open_isp_on_each(finding))


def ended(isp: Any) -> int:
    """Let the task go that the provider does not do, as done: with what it came to."""
    (task,) = isp.office.tasks.list()
    isp.office.tasks.discard(task.id, "not needed")
    with isp.hub.store.write() as connection:
        row = tasks.one(connection, "default", task.id)
        assert row is not None
        told = row._replace(
            details={"name": CANARY}, remote_id="pay_1002", cause=f"Rejected: {CANARY}", outcome=Outcome.SUCCEEDED
        )
        tasks.write(connection, [told], isp.hub.store.now(connection))
        connection.execute(tables.task_attempts.update().values(cause=f"Rejected: {CANARY}"))
    return int(task.id)


def test_nobody_is_erased_while_a_task_of_theirs_has_not_ended(isp: Any) -> None:
    (task,) = isp.office.tasks.list()
    with pytest.raises(Refused, match=rf"Tasks that have not ended: {task.id} \(charge.create at basic, parked\)"):
        isp.office.privacy.erase("P1", actor="dpo")
    ended(isp)
    assert isp.office.privacy.erase("P1", actor="dpo", dry_run=True).erased["tasks"] == 1


def test_an_export_tells_of_tasks_debts_and_deliveries_and_of_nobody_elses(isp_on_each: Any) -> None:
    isp = isp_on_each
    id = ended(isp)
    remote = isp.of("C1").remote_id
    deliver(isp, "of the task", "pay_1002")
    deliver(isp, "of the debt", "pay_1001")
    deliver(isp, "of the user", customer=remote)
    deliver(isp, "of the document", cpf="529.982.247-25")
    deliver(isp, "of nobody", "pay_10011", customer="other", order=f"9{CPF}")
    document = isp.office.privacy.export("P1", actor="dpo")
    assert [(task["id"], task["payload"], task["note"]) for task in document["tasks"]] == [
        (id, {"to": CANARY}, "by mistake")
    ]
    assert [debt["reference"] for debt in document["debts"]] == ["pay_1001"]
    assert [one["note"] for one in document["debt_exemptions"]] == [f"agreed with {CANARY}"]
    assert len(document["task_attempts"]) == 1
    told = {one["event_id"] for one in document["inbox"]}
    assert told == {"of the task", "of the debt", "of the user", "of the document"}
    assert json.loads(document["inbox"][0]["body"])["id"] == "of the task"
    assert f"task {id}" in {entry["subject"] for entry in document["audit"]}
    other = isp.office.privacy.export("P2", actor="dpo")
    assert (other["tasks"], other["debts"], {one["event_id"] for one in other["inbox"]}) == (
        [],
        [],
        {"of the document"},
    )


def test_an_erasure_empties_tasks_and_deliveries_and_leaves_the_debts(isp_on_each: Any) -> None:
    isp = isp_on_each
    id = ended(isp)
    deliver(isp, "mine", "pay_1001", name=CANARY)
    deliver(isp, "other's", "pay_9999")
    read(isp)
    deliver(isp, "not read yet", "pay_1002", name=CANARY)
    assert CANARY in everything(isp)
    done = isp.office.privacy.erase("P1", actor="dpo")
    told = {name: done.erased[name] for name in ("tasks", "task_attempts", "debt_exemptions", "inbox")}
    assert told == {"tasks": 1, "task_attempts": 1, "debt_exemptions": 1, "inbox": 2}
    assert (done.kept["tasks"], done.kept["debts"]) == (1, 1)
    left = everything(isp).replace(f"'said': '{CANARY}'", "", 1)  # the other's delivery told it too
    assert CANARY not in left
    task = isp.office.tasks.history(id)
    assert (task.task.remote_id, task.task.cause, task.attempts[0].cause) == ("pay_1002", "Rejected", "Rejected")
    assert {name for name, body in kept(isp).items() if body is not None} == {"other's"}
    assert [row.reference for row in isp.office.debts.list()] == ["pay_1001"]
    states = {one.event_id: (one.state, one.due_at) for one in isp.office.inbox.list()}
    assert states["not read yet"] == (InboxState.DONE, None)


def test_what_is_told_of_an_erased_person_later_is_erased_with_the_next_erasure(isp: Any) -> None:
    ended(isp)
    isp.office.privacy.erase("P1", actor="dpo")
    deliver(isp, "late", "pay_1001", name=CANARY)
    again = isp.office.privacy.erase("P1", actor="dpo")
    assert (again.already, again.erased) == (True, {"inbox": 1})
    assert CANARY not in everything(isp)
    assert isp.office.privacy.erase("P1", actor="dpo").erased == {}


def test_a_debt_that_is_settled_after_an_erasure_is_settled(isp: Any) -> None:
    ended(isp)
    isp.office.privacy.erase("P1", actor="dpo")
    with isp.office.transaction("test", "debts") as transaction:
        isp.office.debts.report(transaction, "basic", [DebtSettled("C1", "pay_1001")])
    assert [*isp.office.debts.list()] == []


# -- what is older than it is kept -------------------------------------------------------------------------------------


def test_bodies_of_old_deliveries_go_and_the_deliveries_stay_known(isp_on_each: Any) -> None:
    isp = isp_on_each
    deliver(isp, "old", "pay_1", name=CANARY)
    read(isp)
    isp.clock.advance(days=20)
    deliver(isp, "waits", "pay_2")
    isp.clock.advance(days=11)
    deliver(isp, "new", "pay_3")
    assert isp.office.audit.prune(dry_run=True).inbox == 1
    assert isp.office.audit.prune().inbox == 1
    assert {name for name, body in kept(isp).items() if body is None} == {"old"}
    assert CANARY not in everything(isp).replace(f"'to': '{CANARY}'", "").replace(f"agreed with {CANARY}", "")
    deliver(isp, "old", "pay_1")
    assert {one.event_id: one.deliveries for one in isp.office.inbox.list()}["old"] == 2
    assert isp.office.inbox.replay([1]).left == (1,)
    assert isp.office.audit.prune(dry_run=True).nothing


def test_ended_tasks_lose_what_they_told_after_their_time_and_are_still_known(isp_on_each: Any) -> None:
    isp = isp_on_each
    id = ended(isp)
    isp.clock.advance(days=5 * 366 + 1)
    assert isp.office.audit.prune().tasks == 1
    view = isp.office.tasks.show(id)
    assert (view.details, view.note, view.cause, view.remote_id) == ({}, None, None, "pay_1002")
    with isp.office.transaction("test", "task") as transaction:
        assert not isp.office.tasks.submit(transaction, "basic", "charge.create", "2026-11", {}).new
    assert isp.office.audit.prune(dry_run=True).tasks == 0


def test_a_task_that_waits_for_a_person_keeps_what_it_is_about(isp: Any) -> None:
    isp.clock.advance(days=5 * 366 + 1)
    assert isp.office.audit.prune().tasks == 0
