"""What is told of what happened: once, in the order of the commits, without gaps and without personal data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from svahub import errors
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Plan, Reason
from svahub.store import Store, StoreUnavailable, journal, versions
from svahub.store.events import last_number
from svahub.store.journal import Event
from svahub.store.rows import EventRow
from svahub.store.states import EventKind, Outcome
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from svahub.areas.events import Events

CPF = "52998224725"


def told(office: TenantHub, *kinds: EventKind) -> list[EventRow]:
    return [event for batch in office.events.until_now(0, kinds) for event in batch]


def kinds(office: TenantHub) -> list[EventKind]:
    return [event.kind for event in told(office)]


# -- parked ------------------------------------------------------------------------------------------------------------


def test_what_becomes_parked_is_told_with_cause_and_advice(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(errors.Rejected("plan_closed", "not sold any more"))
    isp.sell()
    isp.work()
    (event,) = told(isp.office)
    assert (event.number, event.kind, event.integration) == (1, EventKind.PARKED, "basic")
    assert (event.contract_id, event.item_code, event.subscription_key) == ("C1", "1", isp.one.key)
    assert event.details["cause"] == isp.one.cause
    assert event.details["advice"] == isp.one.advice
    assert event.details["operation"] == isp.parked().id


def test_what_stays_parked_is_not_told_again_and_what_is_parked_anew_is(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles += [errors.Rejected("closed"), errors.Rejected("closed")]
    isp.sell()
    isp.work()
    isp.work()
    assert len(told(isp.office)) == 1
    isp.office.operations.retry(isp.parked().id, actor="ana")
    isp.work()
    assert kinds(isp.office) == [EventKind.PARKED, EventKind.PARKED]


def test_what_is_told_of_a_cause_has_no_personal_data(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(errors.NeedsPerson(f"call maria@example.com about {CPF}", "https://example.com/x"))
    isp.sell()
    isp.work()
    details = str(told(isp.office)[0].details)
    assert ("maria@example.com" in details, CPF in details) == (False, False)
    assert "https://example.com/x" in details


def test_advice_names_a_contract_whose_number_looks_like_a_document(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell(contract=CPF)
    isp.work()
    key = isp.one.key
    isp.remote.users.pop(key)
    isp.remote.troubles.append(errors.NotFound("gone"))
    isp.ask(Action.BLOCK, CPF)
    isp.work()
    (event,) = told(isp.office)
    assert event.contract_id == CPF
    assert str(event.details["operation"]) in event.details["advice"]


def test_a_sibling_that_is_settled_beside_a_step_ends_its_operation(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell("C1")
    isp.work()
    isp.ask(Action.BLOCK, "C1")
    isp.ask(Action.UNBLOCK, "C1")
    isp.sell("C2")
    isp.work()
    assert not list(isp.office.operations.list(Outcome.QUEUED))


# -- debts -------------------------------------------------------------------------------------------------------------


def contract(id: str, *reasons: str) -> ContractRow:
    customer = {"id": f"P{id}", "name": "Pessoa Inventada", "document": CPF}
    items = [{"code": "1", "product_code": "TM"}]
    level = {"contract_id": id, "customer": customer, "items": items, "block_reasons": list(reasons)}
    return ContractRow.model_validate(level)


def debts(office: TenantHub) -> list[tuple[str, str | None, str]]:
    return [(event.kind.value, event.contract_id, event.details["source"]) for event in told(office)]


def test_an_import_tells_of_debts_that_open_and_are_settled(office_on_each: TenantHub) -> None:
    office = office_on_each
    office.contracts.take_in([contract("C1", "overdue"), contract("C2")])
    office.contracts.take_in([contract("C1", "overdue"), contract("C2", "staff")])
    office.contracts.take_in([contract("C1"), contract("C2")])
    assert debts(office) == [("debt_opened", "C1", "import"), ("debt_settled", "C1", "import")]


def test_a_dry_run_tells_of_nothing(office: TenantHub) -> None:
    office.contracts.take_in([contract("C1", "overdue")], dry_run=True)
    office.contracts.take_in([contract("C1")])
    office.verbs.issue(Command(Action.BLOCK, "C1", reason=Reason.OVERDUE), dry_run=True)
    assert told(office) == []


def test_a_verb_tells_of_a_debt_by_its_source_once(office_on_each: TenantHub) -> None:
    office = office_on_each
    office.contracts.take_in([contract("C1")])
    for _ in range(2):
        office.verbs.issue(Command(Action.BLOCK, "C1", reason=Reason.OVERDUE, actor="ana"))
    office.verbs.issue(Command(Action.BLOCK, "C1", reason=Reason.STAFF, actor="ana"))
    office.verbs.issue(Command(Action.UNBLOCK, "C1", reason=Reason.OVERDUE))
    assert debts(office) == [("debt_opened", "C1", "operator:ana"), ("debt_settled", "C1", "operator:ana")]


def test_a_debt_that_runs_out_is_told_as_settled(office: TenantHub, clock: HandClock) -> None:
    office.contracts.take_in([contract("C1")])
    until = clock.now() + timedelta(hours=1)
    office.verbs.issue(Command(Action.BLOCK, "C1", reason=Reason.OVERDUE, until=until, actor="ana"))
    clock.advance(hours=2)
    with office.hub.work() as worker:
        worker.turn()
    assert [event.kind for event in told(office)] == [EventKind.DEBT_OPENED, EventKind.DEBT_SETTLED]


def test_an_import_tells_of_a_chunk_of_debts_in_one_insert(office: TenantHub) -> None:
    inserts: list[bool] = []

    @sqlalchemy_event.listens_for(office.hub.store.engine, "before_cursor_execute")
    def count(_c: Any, _cursor: Any, statement: str, _p: Any, _context: Any, many: bool) -> None:
        if statement.startswith("INSERT INTO events"):
            inserts.append(many)

    office.contracts.take_in([contract(f"C{n}", "overdue") for n in range(1200)])
    assert inserts == [True, True, True]
    assert [event.number for event in told(office)] == list(range(1, 1201))


# -- plans -------------------------------------------------------------------------------------------------------------


def test_a_plan_that_is_retired_is_told_with_how_many_have_it(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    for n in (1, 2):
        isp.sell(f"C{n}", f"P{n}")
    isp.work()
    isp.ask(Action.CANCEL, "C2")
    isp.work()
    isp.hub.registry.provider("basic").cls.sync_plans = _only_the_second(finding)
    isp.office.catalogue.sync("basic", dry_run=True)
    assert told(isp.office) == []
    isp.office.catalogue.sync("basic")
    isp.office.catalogue.sync("basic")
    (event,) = told(isp.office)
    assert (event.kind, event.integration) == (EventKind.PLAN_RETIRED, "basic")
    assert event.details == {"plan": "p1", "title": "One", "live_subscriptions": 1}


def _only_the_second(finding: Any) -> Any:
    from svahub import hookimpl

    return hookimpl(lambda _self: [Plan("p2", "Two")])


# -- reading -----------------------------------------------------------------------------------------------------------


def tell(office: TenantHub, count: int, kind: EventKind = EventKind.FREED) -> None:
    with office.hub.store.write() as connection:
        now = office.hub.store.now(connection)
        journal.tell(connection, office.name, now, [Event(kind, "clinic")] * count)


def test_the_last_few_are_read_the_oldest_first(office_on_each: TenantHub) -> None:
    events = office_on_each.events
    tell(office_on_each, 5)
    tell(office_on_each, 1, EventKind.QUARANTINED)
    assert numbers(events.until_now(events.start(None, last=2))) == [5, 6]
    assert numbers(events.until_now(events.start(None, [EventKind.FREED], 2), [EventKind.FREED])) == [4, 5]
    assert numbers(events.until_now(events.start(None, last=0))) == []
    assert numbers(events.until_now(events.start(4))) == [5, 6]
    assert numbers(events.until_now(events.start(None, last=100))) == [1, 2, 3, 4, 5, 6]


def numbers(batches: Iterator[Any]) -> list[int]:
    return [event.number for batch in batches for event in batch]


def test_a_day_begins_at_the_tenants_midnight(office: TenantHub, clock: HandClock) -> None:
    clock.advance(hours=14.9)  # 02:54 UTC, which is the evening of the 23rd in Sao Paulo
    tell(office, 1)
    clock.advance(hours=1)
    tell(office, 1)
    assert numbers(office.events.until_now(office.events.start(date(2026, 11, 24)))) == [2]
    assert numbers(office.events.until_now(office.events.start(date(2026, 11, 23)))) == [1, 2]
    assert numbers(office.events.until_now(office.events.start(date(2026, 12, 1)))) == []


def test_more_than_a_page_is_read_whole(office: TenantHub) -> None:
    tell(office, 1203)
    assert numbers(office.events.until_now(0)) == list(range(1, 1204))


def test_tenants_have_numbers_and_events_of_their_own(office: TenantHub) -> None:
    tell(office, 2)
    tell(office.hub.tenant("other"), 1)
    assert (len(told(office)), len(told(office.hub.tenant("other")))) == (2, 1)


class Script(HandClock):
    """A clock whose sleeps do, one after the other, what happens meanwhile."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.meanwhile = list(meanwhile)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile.pop(0)()


@pytest.fixture
def scripted(database_url: str) -> Iterator[tuple[TenantHub, Script]]:
    clock = Script()
    store = Store(database_url, clock)
    versions.ready(store)
    with Hub(store) as hub:
        hub.add_tenant("default")
        yield hub.tenant("default"), clock


class Enough(Exception):
    """Ends what has no end."""


def end() -> None:
    raise Enough


def followed(events: Events, **how: Any) -> list[int]:
    seen: list[int] = []
    with suppress(Enough):
        for batch in events.follow(how.pop("after", 0), **how):
            seen += [event.number for event in batch]
    return seen


def test_following_brings_what_comes_each_second(scripted: tuple[TenantHub, Script]) -> None:
    office, clock = scripted
    tell(office, 1)
    clock.meanwhile += [lambda: tell(office, 2), lambda: None, lambda: tell(office, 1), end]
    assert followed(office.events) == [1, 2, 3, 4]
    assert clock.monotonic() == 4


def test_following_one_kind_does_not_look_at_the_others_again(scripted: tuple[TenantHub, Script]) -> None:
    office, clock = scripted
    clock.meanwhile += [lambda: tell(office, 700), lambda: tell(office, 1, EventKind.PARKED), end]
    assert followed(office.events, kinds=[EventKind.PARKED]) == [701]


def test_following_waits_for_a_store_that_is_away_and_says_so_once(sqlite_url: str) -> None:
    clock = Script()
    store = Store(sqlite_url, clock)
    versions.ready(store)
    hub = Hub(store)
    office = hub.add_tenant("default") and hub.tenant("default")
    assert office
    path = store.url.database or ""

    def vanish() -> None:
        store.close()
        _moved(path, path + ".away")

    def come_back() -> None:
        _moved(path + ".away", path)

    heard: list[StoreUnavailable | None] = []
    clock.meanwhile += [lambda: tell(office, 1), vanish, lambda: None, come_back, lambda: tell(office, 1), end]
    assert followed(office.events, away=heard.append) == [1, 2]
    assert [type(error) for error in heard] == [StoreUnavailable, type(None)]
    hub.close()


def _moved(here: str, there: str) -> None:
    from pathlib import Path

    if there.endswith(".away"):
        Path(here).rename(there)
        Path(here).mkdir()  # what is no file cannot be opened
    else:
        Path(there).rmdir()
        Path(here).rename(there)


def test_numbers_have_no_gaps_and_a_reader_misses_none_of_concurrent_writers(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    versions.ready(store)
    with Hub(store) as hub:
        hub.add_tenant("default")
        office, writers, each = hub.tenant("default"), 6, 20

        def write(_: int) -> None:
            for _ in range(each):
                with store.write(undo=False) as connection:
                    now = store.now(connection)
                    journal.tell(connection, "default", now, [Event(EventKind.FREED)] * 2)

        with ThreadPoolExecutor(writers) as pool:
            running = [pool.submit(write, n) for n in range(writers)]
            seen, after = [], 0
            while not all(one.done() for one in running) or after < _last(office):
                batch, after = office.events._news(after, ())
                seen += [event.number for event in batch]
            for one in running:
                one.result()
    assert seen == list(range(1, writers * each * 2 + 1))


def _last(office: TenantHub) -> int:
    with office.hub.store.read() as connection:
        return last_number(connection, office.name)
