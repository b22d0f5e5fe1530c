"""Pulling a source: what has changed is taken in, nothing else is asked for or written, and nothing gets lost."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from svahub import Debt, DebtSettled
from svahub.debt_rule import Policy
from svahub.errors import AuthenticationFailed, Cause, Refused, UnknownName, Unreachable
from svahub.store.states import RunOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOKS = {"sources", "audit", "chains", "exchanges", "tallies"}
"""The tables in which a pull is booked: that it was made, and what was said."""


@contextmanager
def writes(isp: Any) -> Iterator[list[str]]:
    """Collect what is written to the store while the block runs, by its table."""
    found: list[str] = []

    def keep(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        words = sql.replace('"', "").split()
        if words[0] in {"INSERT", "UPDATE", "DELETE"}:
            found.append(words[1] if words[0] == "UPDATE" else words[2])

    event.listen(isp.hub.store.engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(isp.hub.store.engine, "before_cursor_execute", keep)


def owed(reference: str, contract: str = "1") -> Debt:
    return Debt(contract, reference, date(2026, 10, 1), Decimal("99.90"))


def open_debts(isp: Any) -> list[str]:
    return [row.reference for row in isp.office.debts.list()]


# -- what is taken in --------------------------------------------------------------------------------------------------


def test_contracts_are_taken_in_and_followed_at_the_provider(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.erp.sign("2", block_reasons=["overdue"])
    isp.erp.sign("3", status="pending")
    pulled = isp.office.sources.pull("erp")
    isp.work()
    assert (pulled.contracts.added, isp.states()) == (3, {"1": "ACTIVE", "2": "ABSENT"})
    isp.clock.advance(minutes=5)
    isp.erp.sign("1", status="cancelled")
    isp.erp.sign("2")
    isp.office.sources.pull("erp")
    isp.work()
    assert isp.states() == {"1": "CANCELLED", "2": "ACTIVE"}


def test_a_pull_asks_from_the_last_one_on_less_the_overlap(isp: Any) -> None:
    isp.source(overlap=600)
    began = isp.clock.now()
    isp.office.sources.pull("erp")
    isp.clock.advance(hours=2)
    isp.office.sources.pull("erp")
    at = began - timedelta(seconds=600)
    assert isp.erp.asked == [("contracts", None), ("receivables", None), ("contracts", at), ("receivables", at)]


def test_a_second_pull_with_nothing_changed_writes_nothing_and_reads_the_overlap_alone(isp_on_each: Any) -> None:
    isp = isp_on_each
    isp.source(overlap=600)
    for id in map(str, range(20)):
        isp.erp.sign(id)
        isp.erp.tell(owed(f"r{id}", id))
    isp.clock.advance(hours=1)
    isp.erp.sign("late")
    isp.office.sources.pull("erp")
    isp.erp.yielded = 0
    isp.clock.advance(minutes=5)
    with writes(isp) as found:
        pulled = isp.office.sources.pull("erp")
    assert (set(found) - BOOKS, found.count("audit")) == (set(), 0)
    assert (isp.erp.yielded, pulled.contracts.unchanged, pulled.contracts.changed) == (1, 1, 0)


def test_a_full_pull_reads_all_again_and_writes_what_has_changed_alone(isp: Any) -> None:
    isp.source()
    for id in map(str, range(20)):
        isp.erp.sign(id)
    isp.office.sources.pull("erp")
    changed_at, raw = isp.erp.contracts["7"]
    isp.erp.contracts["7"] = (changed_at - timedelta(days=400), raw | {"due_day": 5})
    isp.clock.advance(days=1)
    isp.office.sources.pull("erp")
    assert isp.office.contracts.show("7").due_day is None
    pulled = isp.office.sources.pull("erp", full=True)
    assert (pulled.contracts.changed, pulled.contracts.unchanged) == (1, 19)
    assert isp.office.contracts.show("7").due_day == 5


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_clock_that_differs_loses_nothing(isp: Any, ahead: timedelta, erp_url: str) -> None:
    isp.source(address=erp_url, overlap=0)
    isp.erp.ahead = ahead
    isp.office.sources.pull("erp")
    isp.clock.advance(minutes=1)
    isp.erp.sign("1")
    isp.clock.advance(minutes=1)
    assert isp.office.sources.pull("erp").contracts.added == 1
    isp.erp.yielded = 0
    isp.clock.advance(minutes=1)
    isp.office.sources.pull("erp")
    assert isp.erp.yielded == 0


def test_a_clock_of_ours_that_is_set_back_loses_nothing(isp: Any) -> None:
    isp.source(overlap=60)
    isp.clock.advance(hours=2)
    isp.office.sources.pull("erp")
    isp.clock.advance(hours=-2)
    isp.work()
    isp.erp.sign("1")
    isp.clock.advance(minutes=1)
    assert isp.office.sources.pull("erp").contracts.added == 1


def test_what_changes_while_it_is_read_counts_as_it_is_last_told(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1", due_day=5)
    isp.erp.contracts["1 again"] = (isp.erp.now(), isp.erp.contracts["1"][1] | {"due_day": 9})
    pulled = isp.office.sources.pull("erp")
    assert (pulled.contracts.added, isp.office.contracts.show("1").due_day) == (1, 9)


def test_what_changes_behind_the_place_that_is_read_is_read_the_next_time(isp: Any) -> None:
    isp.source(overlap=0)
    isp.erp.sign("1")

    def meanwhile(_read: int) -> None:
        isp.clock.advance(minutes=1)
        isp.erp.sign("2")
        isp.clock.advance(minutes=1)

    isp.office.sources.pull("erp", progress=meanwhile)
    assert isp.office.sources.pull("erp").contracts.added == 1


def test_an_item_that_the_source_no_longer_names_is_cancelled_at_once(isp: Any) -> None:
    isp.source()
    item = {"product_code": "X", "plan": "p1"}
    isp.erp.sign("1", items=[{"code": "1", **item}, {"code": "2", **item}])
    isp.office.sources.pull("erp")
    isp.work()
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    isp.work()
    assert {one.item: one.observed.value for one in isp.office.subscriptions.list()} == {
        "1": "ACTIVE",
        "2": "CANCELLED",
    }


def test_a_contract_that_cannot_be_read_hurts_no_other(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.erp.sign("2", customer={"id": "K2", "name": "Pessoa Inventada", "document": "11111111111"})
    isp.erp.sign("3", items=[{"code": "1", "product_code": "X", "plan": "p9"}])
    pulled = isp.office.sources.pull("erp")
    assert (pulled.contracts.added, pulled.contracts.rejected) == (1, 2)
    told = [str(error) for error in pulled.contracts.errors]
    assert [line.split(":")[0] for line in told] == ["contract 2, customer.document", "contract 3, plan"]


def test_a_contract_that_is_left_out_is_kept_with_its_reason_until_it_is_taken(isp: Any) -> None:
    isp.source(overlap=60)
    isp.erp.sign("7", due_day=40)
    isp.office.sources.pull("erp")
    isp.clock.advance(days=1)
    with writes(isp) as found:
        isp.office.sources.pull("erp")
    kept = isp.office.sources.show("erp").rejected
    assert (kept, set(found) - BOOKS) == ({"7": "due_day: must be a whole number from 1 to 31"}, set())
    isp.erp.sign("7", due_day=4)
    isp.office.sources.pull("erp")
    assert isp.office.sources.show("erp").rejected == {}


def test_a_product_that_nothing_serves_is_kept_and_counted(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1", product="NET")
    assert isp.office.sources.pull("erp").contracts.not_served == {"NET": 1}


def test_two_sources_with_the_same_ids_do_not_undo_each_other(isp: Any) -> None:
    isp.source("erp")
    isp.source("other")
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    pulled = isp.office.sources.pull("other")
    assert (pulled.contracts.rejected, pulled.contracts.changed) == (1, 0)
    assert "comes from the source 'erp' already" in str(pulled.contracts.errors[0])


def test_a_dry_run_tells_the_same_and_keeps_nothing(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    with writes(isp) as found:
        pulled = isp.office.sources.pull("erp", dry_run=True)
    assert (pulled.contracts.added, list(isp.office.contracts.list())) == (1, [])
    assert "sources" not in found
    isp.office.sources.pull("erp")
    assert isp.erp.asked[-2:] == [("contracts", None), ("receivables", None)]


# -- what is owed ------------------------------------------------------------------------------------------------------


def test_what_the_source_tells_of_debts_is_judged_by_the_policy(isp: Any) -> None:
    isp.source()
    isp.office.debts.set_policy(Policy(3))
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    isp.work()
    isp.erp.tell(owed("r1"))
    isp.office.sources.pull("erp")
    isp.work()
    assert (isp.states(), open_debts(isp)) == ({"1": "BLOCKED"}, ["r1"])
    isp.erp.tell(DebtSettled("1", "r1"))
    isp.office.sources.pull("erp")
    isp.work()
    assert (isp.states(), open_debts(isp)) == ({"1": "ACTIVE"}, [])


def test_a_debt_waits_for_a_contract_that_is_not_known_yet(isp: Any) -> None:
    isp.source(overlap=60)
    isp.erp.sign("1", customer={"id": "K1", "name": "Pessoa Inventada", "document": "11111111111"})
    isp.erp.tell(owed("r1"))
    pulled = isp.office.sources.pull("erp")
    assert (pulled.receivables.waiting, open_debts(isp)) == (1, [])
    isp.clock.advance(days=30)
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    assert (open_debts(isp), isp.office.sources.show("erp").waiting_debts) == (["r1"], 0)


def test_a_debt_that_waits_is_forgotten_when_it_is_settled(isp: Any) -> None:
    isp.source()
    isp.erp.tell(owed("r1", "unknown"))
    isp.office.sources.pull("erp")
    isp.erp.tell(DebtSettled("unknown", "r1"))
    isp.office.sources.pull("erp")
    assert isp.office.sources.show("erp").waiting_debts == 0


def test_a_full_pull_settles_what_the_source_no_longer_tells_of(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.erp.tell(owed("r1"))
    isp.erp.tell(owed("r2"))
    isp.erp.tell(owed("r3", "unknown"))
    isp.office.sources.pull("erp")
    del isp.erp.debts["r1"], isp.erp.debts["r3"]
    isp.clock.advance(hours=1)
    assert isp.office.sources.pull("erp").receivables.vanished == 0
    assert isp.office.sources.pull("erp", full=True).receivables.vanished == 2
    assert (open_debts(isp), isp.office.sources.show("erp").waiting_debts) == (["r2"], 0)


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_stream_that_breaks_off_is_read_again_from_where_it_was(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.erp.trouble["end of contracts"] = Unreachable(Cause.INCOMPLETE)
    with pytest.raises(Unreachable):
        isp.office.sources.pull("erp")
    view = isp.office.sources.show("erp")
    assert (view.contracts_until, view.outcome) == (None, RunOutcome.FAILED)
    isp.erp.trouble.clear()
    assert isp.office.sources.pull("erp").since is None


def test_what_becomes_of_the_receivables_undoes_no_contract(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.erp.trouble["receivables"] = Unreachable(Cause.INCOMPLETE)
    with pytest.raises(Unreachable):
        isp.office.sources.pull("erp")
    view = isp.office.sources.show("erp")
    assert (view.contracts_until, view.receivables_until) == (isp.clock.now(), None)


def test_a_source_that_refuses_our_credentials_is_quarantined_and_freed_by_a_test(isp: Any) -> None:
    isp.source()
    isp.erp.trouble = {"contracts": AuthenticationFailed(), "check": AuthenticationFailed()}
    with pytest.raises(AuthenticationFailed):
        isp.office.sources.pull("erp")
    assert isp.office.sources.show("erp").status == "quarantined"
    isp.erp.trouble.clear()
    assert isp.office.sources.test("erp").ok
    assert isp.office.sources.show("erp").status == "enabled"


@pytest.mark.parametrize("bad", [RuntimeError("Maria"), SystemExit(1)])
def test_whatever_a_plugin_raises_ends_in_a_sentence_without_its_text(isp: Any, bad: BaseException) -> None:
    isp.source()
    isp.erp.trouble["contracts"] = bad
    with pytest.raises(Exception, match=f"contracts raised {type(bad).__name__}") as caught:
        isp.office.sources.pull("erp")
    assert "Maria" not in str(caught.value) + str(isp.office.sources.show("erp").message)


def test_a_source_that_is_not_there_is_told_with_those_that_are(isp: Any) -> None:
    isp.source()
    with pytest.raises(UnknownName, match="erp"):
        isp.office.sources.pull("erpp")
    with pytest.raises(UnknownName, match="svahub source add"):
        isp.office.sources.pull("basic")


def test_a_source_is_pulled_by_one_at_a_time(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")

    def meanwhile(_read: int) -> None:
        with pytest.raises(Refused, match="is being pulled by process"):
            isp.office.sources.pull("erp")

    isp.office.sources.pull("erp", progress=meanwhile)
    assert isp.office.sources.pull("erp").contracts.unchanged == 1
