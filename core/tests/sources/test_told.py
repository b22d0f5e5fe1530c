"""What a source is told of its contracts: kept with what happened, written there as tasks, each once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from svahub import DebtSettled, Observed, Payment
from svahub.areas.tasks import task_key
from svahub.errors import OutcomeUnknown, Rejected
from svahub.happenings import HappenedKind
from svahub.store import restoring
from svahub.store.restoring import Sight
from svahub.store.states import Outcome
from svahub.store.tables import happenings


@pytest.fixture
def told(isp: Any) -> Any:
    """Return an ISP whose ERP wants to be told of everything, and has told of contract 1."""
    return telling(isp)


def telling(isp: Any) -> Any:
    isp.source(notes=True)
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    isp.work()
    return isp


def kinds(isp: Any) -> list[str]:
    return [one.kind.value for one in isp.erp.told]


def kept(isp: Any) -> int:
    with isp.hub.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(happenings)).scalar_one())


def follow(isp: Any, **level: Any) -> None:
    isp.clock.advance(minutes=5)
    isp.erp.sign("1", **level)
    isp.office.sources.pull("erp")
    isp.work()


def paid(reference: str = "pay_1", contract: str = "1") -> DebtSettled:
    return DebtSettled(contract, reference, Payment(Decimal("99.90"), date(2026, 11, 3), date(2026, 11, 10)))


def report(isp: Any, *told: Any, integration: str = "basic") -> None:
    with isp.office.transaction("test", "debts") as transaction:
        isp.office.debts.report(transaction, integration, told)


def test_a_source_is_told_what_becomes_of_its_contracts_in_their_order(told: Any) -> None:
    follow(told, block_reasons=["overdue"])
    follow(told)
    follow(told, items=[{"code": "1", "product_code": "X", "plan": "p2"}])
    follow(told, status="cancelled")
    assert kinds(told) == ["activated", "blocked", "unblocked", "changed", "cancelled"]
    assert list(told.erp.notes.values()) == [f"1 {kind}" for kind in kinds(told)]
    assert kept(told) == 0


def test_it_is_told_with_the_ids_that_the_provider_gave(told: Any) -> None:
    (one,) = told.erp.told
    subscription = told.office.subscriptions.list().__next__()
    assert (one.contract_id, one.item_code, one.product_code, one.product_type) == ("1", "1", "X", "anything")
    assert (one.integration, one.provider, one.plan, one.observed) == ("basic", "basic", "p1", Observed.ACTIVE)
    assert (one.subscription_key, one.account_remote_id) == (subscription.key, "user-1")


def test_what_waits_for_a_person_is_told_with_its_masked_cause(told: Any) -> None:
    remote = told.registry.classes["basic"].remote
    remote.troubles.append(Rejected("cpf", "529.982.247-25 is not taken"))
    follow(told, block_reasons=["overdue"])
    assert kinds(told) == ["activated", "failed"]
    assert "529.982.247-25" not in told.erp.told[-1].cause


def test_a_source_is_told_nothing_unless_its_settings_want_it(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    isp.work()
    assert (isp.erp.told, kept(isp)) == ([], 0)
    isp.office.integrations.set("erp", settings={"notes": True})
    follow(isp, block_reasons=["staff"])
    assert kinds(isp) == ["blocked"]


def test_a_source_is_told_nothing_of_contracts_that_it_did_not_tell_of(told: Any) -> None:
    from svahub import ContractRow

    level = told.erp.contracts["1"][1] | {"contract_id": "2"}
    told.office.contracts.take_in([ContractRow.model_validate(level)])
    told.work()
    assert told.states() == {"1": "ACTIVE", "2": "ACTIVE"}
    assert [one.contract_id for one in told.erp.told] == ["1"]


def test_a_charge_that_was_paid_is_told_once_however_often_it_is_told_of(isp_on_each: Any) -> None:
    told = telling(isp_on_each)
    report(told, paid())
    report(told, paid())
    told.work()
    report(told, paid())
    told.work()
    assert list(told.erp.notes.values()) == ["1 activated", "1 paid"]
    one = told.erp.told[1]
    assert (one.kind, one.reference, one.payment) == (HappenedKind.PAID, "pay_1", paid().payment)


def test_a_source_is_not_told_of_the_receivables_that_it_tells_of_itself(told: Any) -> None:
    report(told, paid(), integration="erp")
    assert kept(told) == 0


def test_a_debt_that_only_ended_is_no_payment(told: Any) -> None:
    report(told, DebtSettled("1", "pay_1"))
    assert kept(told) == 0


def test_a_note_of_unknown_outcome_is_looked_up_and_not_written_twice(told: Any) -> None:
    told.erp.trouble["perform"] = OutcomeUnknown("no answer")
    follow(told, block_reasons=["overdue"])
    for _ in range(5):
        told.clock.advance(minutes=10)
        told.work()
    assert list(told.erp.notes.values()) == ["1 activated", "1 blocked"]


def test_what_a_plugin_fails_to_read_waits_and_is_told_later(told: Any) -> None:
    told.erp.trouble["report"] = RuntimeError("Maria")
    follow(told, block_reasons=["overdue"])
    view = told.office.sources.show("erp")
    assert (kept(told), view.unreported, kinds(told)) == (1, 1, ["activated"])
    told.erp.trouble.clear()
    told.clock.advance(hours=1)
    told.work()
    assert (kept(told), kinds(told)) == (0, ["activated", "blocked"])


def test_what_is_told_while_the_plugin_is_gone_waits_for_it(told: Any) -> None:
    told.registry.gone.add("records")
    report(told, paid())
    told.work()
    assert kept(told) == 1
    told.registry.gone.clear()
    told.clock.advance(minutes=1)
    told.work()
    assert (kept(told), kinds(told)) == (0, ["activated", "paid"])


def test_what_is_undone_is_not_told(told: Any) -> None:
    with told.office.transaction("test", "debts", dry_run=True) as transaction:
        told.office.debts.report(transaction, "basic", [paid()])
    assert kept(told) == 0


def test_the_tasks_of_a_source_are_listed_as_any_others(told: Any) -> None:
    (task,) = told.office.tasks.list(integration="erp")
    assert (task.kind, task.contract_id, task.outcome) == ("note.add", "1", Outcome.SUCCEEDED)
    assert task.actor == "source:erp"


def test_a_source_with_tasks_that_have_not_ended_is_not_removed(told: Any) -> None:
    told.erp.trouble["perform"] = Rejected("no", "not taken")
    follow(told, block_reasons=["overdue"])
    with pytest.raises(Exception, match="has 1 tasks that have not ended"):
        told.office.sources.remove("erp")


def test_what_a_restored_store_is_to_tell_is_looked_up_before_it_is_done(told: Any) -> None:
    report(told, paid())
    with told.hub.store.write() as connection:
        restoring.mark(connection, told.clock.now(), "restored", lambda _tenant, _name: Sight(finds=True, changes=True))
        key = connection.execute(select(happenings.c.key)).scalar_one()
    told.erp.notes[task_key("default", "erp", "note.add", key)] = "1 paid, before the backup came back"
    told.work()
    assert list(told.erp.notes.values()) == ["1 activated", "1 paid, before the backup came back"]
    assert {one.outcome for one in told.office.tasks.list(integration="erp")} == {Outcome.SUCCEEDED}


def test_what_was_to_be_told_waits_for_no_clock_that_was_set_back(told: Any) -> None:
    told.erp.trouble["report"] = RuntimeError("Maria")
    follow(told, block_reasons=["overdue"])
    told.erp.trouble.clear()
    told.clock.advance(minutes=-30)
    told.work()
    assert kinds(told) == ["activated", "blocked"]


def test_a_source_whose_tasks_have_ended_is_removed_and_these_stay_in_the_books(told: Any) -> None:
    told.office.sources.remove("erp")
    assert [one.outcome for one in told.office.tasks.list(integration="erp")] == [Outcome.SUCCEEDED]
