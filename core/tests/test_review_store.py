"""The store under others: servers that are away, transactions that cross, keys used at once, pages of many rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event, select, update
from sqlalchemy.exc import OperationalError
from svahub.errors import Refused
from svahub.intake import ContractRow
from svahub.models import Observed
from svahub.store import Store, StoreUnavailable, contracts, sales, tables
from svahub.store.rows import LOST
from svahub.store.states import Outcome, Phase
from svahub.store.turns import Turns
from svahub.verbs import Action, Command

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from svahub.hub import TenantHub


def sign(office: TenantHub, id: str = "C1", person: str = "ana", product: str = "TM") -> None:
    customer = {"id": person, "name": "Pessoa Inventada", "document": "52998224725"}
    items = [{"code": "1", "product_code": product}]
    office.contracts.take_in([ContractRow.model_validate({"contract_id": id, "customer": customer, "items": items})])


class Foreign(Exception):
    """What a driver raises."""

    def __init__(self, sqlstate: str | None, message: str = "impasse detectado") -> None:
        self.sqlstate = sqlstate
        super().__init__(message)


def crossing(calls: list[int], times: int, sqlstate: str) -> Any:
    def call(_: Connection) -> str:
        calls.append(1)
        if len(calls) <= times:
            raise OperationalError("UPDATE", {}, Foreign(sqlstate))
        return "done"

    return call


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_transaction_that_others_crossed_is_made_again(sqlite_url: str, sqlstate: str) -> None:
    calls: list[int] = []
    assert Store(sqlite_url).transact(crossing(calls, 2, sqlstate)) == "done"
    assert len(calls) == 3


@pytest.mark.parametrize(("sqlstate", "tries"), [("40P01", 3), ("57P01", 1)])
def test_what_stays_in_the_way_is_a_sentence_in_any_language(sqlite_url: str, sqlstate: str, tries: int) -> None:
    calls: list[int] = []
    with pytest.raises(StoreUnavailable, match="again"):
        Store(sqlite_url).transact(crossing(calls, 9, sqlstate))
    assert len(calls) == tries


@pytest.mark.parametrize(
    "message", ["deadlock detected", "server closed the connection", "terminating connection", "could not serialize"]
)
def test_what_a_server_says_without_a_state_is_a_sentence_too(sqlite_url: str, message: str) -> None:
    with pytest.raises(StoreUnavailable, match="again"), Store(sqlite_url).write():
        raise OperationalError("UPDATE", {}, Foreign(None, message))


def test_a_server_that_is_away_is_a_sentence_for_writers_too() -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable, match="cannot be reached"), store.write():
        pass


def test_a_store_that_too_many_use_at_once_is_a_sentence(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    store.engine = create_engine(store.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with store.read(), pytest.raises(StoreUnavailable, match="too many at once"), store.read():
        pass


def test_the_writers_of_one_process_take_turns_on_sqlite(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    store.turns = Turns(0.01)
    with ThreadPoolExecutor(1) as threads, store.write():
        waits = threads.submit(lambda: store.transact(lambda _: None))
        with pytest.raises(StoreUnavailable, match="too many at once"):
            waits.result(20)


def test_a_key_used_at_once_for_another_customer_is_refused(
    office_on_each: TenantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, looked, real = office_on_each, Event(), sales.remembered

    def remembered(*asked: Any) -> Any:
        found = real(*asked)
        looked.set()
        return found

    sign(office)
    monkeypatch.setattr(sales, "remembered", remembered)
    other = {"tenant": office.name, "key": "k", "digest": "of another command", "answer": []}
    with ThreadPoolExecutor(1) as thread:
        with office.hub.store.write() as connection:
            now = office.hub.store.now(connection)
            assert sales.remember(connection, other | {"created_at": now}, now)
            asked = thread.submit(office.verbs.issue, Command(Action.BLOCK, "C1", idempotency_key="k"))
            if office.hub.store.dialect == "postgresql":  # SQLite lets nobody begin meanwhile
                assert looked.wait(30)
        with pytest.raises(Refused, match="Choose a new key"):
            asked.result(30)


def test_pages_stop_reading_where_they_end(office: TenantHub) -> None:
    for number in range(3):
        sign(office, f"C{number}", f"p{number}")
    plans: list[str] = []
    with office.hub.store.read() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def seen(conn: Connection, _c: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.startswith("SELECT subscriptions"):
                explained = conn.connection.cursor()
                explained.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(str(row) for row in explained.fetchall())

        assert [row.contract_id for row in sales.pages(connection, office.name)] == ["C0", "C1", "C2"]
    assert "contract_id,item_code,sale)>" in "".join(plans)


def test_pages_go_on_where_the_last_one_ended(office_on_each: TenantHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sales, "PAGE", 2)
    for number in range(5):
        sign(office_on_each, f"C{number}", f"p{number}")
    with office_on_each.hub.store.read() as connection:
        found = [row.contract_id for row in sales.pages(connection, office_on_each.name)]
    assert found == [f"C{number}" for number in range(5)]


def test_a_verb_locks_the_customer_that_the_contract_has_by_now(
    office: TenantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(office)
    sign(office, "C2", "rui")
    locked: list[set[str]] = []
    real = contracts.lock_customers

    def moving(connection: Connection, tenant: str, ids: set[str]) -> None:
        """Move the contract while the verb waits for its lock."""
        locked.append(set(ids))
        real(connection, tenant, ids)
        row = {"tenant": tenant, "id": "C1", "customer_id": "rui"}
        contracts.update_rows(connection, tables.contracts, ("tenant", "id"), [row])

    monkeypatch.setattr(contracts, "lock_customers", moving)
    office.verbs.issue(Command(Action.BLOCK, "C1"))
    assert locked == [{"ana"}, {"rui"}]


# -- what a person decides ---------------------------------------------------------------------------------------------


def newest(office: TenantHub, outcome: Outcome, **values: Any) -> int:
    """Give the newest operation an outcome, and its subscription some values; return its id."""
    with office.hub.store.write() as connection:
        id = max(connection.execute(select(tables.operations.c.id)).scalars())
        connection.execute(update(tables.operations).where(tables.operations.c.id == id).values(outcome=outcome))
        connection.execute(update(tables.subscriptions).values(values))
    return id


def lease(office: TenantHub, seconds: float) -> None:
    until = office.hub.clock.now() + timedelta(seconds=seconds)
    with office.hub.store.write() as connection:
        connection.execute(update(tables.accounts).values(lease_owner="elsewhere", lease_until=until))


def test_nothing_is_decided_about_an_account_that_is_driven(office_on_each: TenantHub) -> None:
    sign(office_on_each)
    id = newest(office_on_each, Outcome.PARKED, phase=Phase.PARKED)
    lease(office_on_each, 10)
    with pytest.raises(Refused, match="try again in a moment"):
        office_on_each.operations.retry(id, actor="eva")
    with pytest.raises(Refused, match="try again in a moment"):
        office_on_each.operations.discard(id, actor="eva", note="")


def test_a_lease_that_ended_stands_against_nothing(office: TenantHub) -> None:
    sign(office)
    id = newest(office, Outcome.PARKED, phase=Phase.PARKED)
    lease(office, -1)
    assert office.operations.retry(id, actor="eva").phase is Phase.DUE


def test_an_uncertain_change_that_nobody_can_look_up_is_made_again(office: TenantHub) -> None:
    sign(office, product="CAM")
    unsure = {"uncertain_since": office.hub.clock.now(), "sent": {"plan": "cameras-1", "quantity": 3}}
    seen = {"phase": Phase.PARKED, "observed": Observed.ACTIVE, "remote_id": "u1", "cause": LOST}
    again = office.operations.retry(newest(office, Outcome.PARKED, **unsure, **seen), actor="eva")
    assert (again.uncertain_since, again.sent, again.observed) == (None, None, Observed.ACTIVE)


def test_an_uncertain_change_that_can_be_looked_up_is_looked_up(office: TenantHub) -> None:
    sign(office)
    unsure = {"uncertain_since": office.hub.clock.now(), "phase": Phase.PARKED, "remote_id": "u1"}
    assert office.operations.retry(newest(office, Outcome.PARKED, **unsure), actor="eva").uncertain_since is not None


def test_the_newest_operation_of_another_tenant_is_not_told(office: TenantHub) -> None:
    sign(office)
    key = office.subscriptions.one("C1/1").key
    assert list(office.operations.newest([key])) == [key]
    assert office.hub.tenant("other").operations.newest([key]) == {}
