"""A store goes to another database: verified, resumable, and only one of the two works."""

from __future__ import annotations

import json
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, select, text, update
from svahub import discovery, points
from svahub.areas import copies
from svahub.cli import main
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.lifecycle import Step
from svahub.models import Desired, DocumentKind, Environment, Observed
from svahub.owners import Owner
from svahub.store import Store, StoreUnavailable, closing, copying, tables, versions
from svahub.store.copying import Differs
from svahub.store.states import AuditKind, ContractStatus, IntegrationState, Outcome, Phase, Priority, Verb
from svahub.store.versions import StoreClosed

NOON = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
THERE, BACK = "sqlite-postgresql", "postgresql-sqlite"
ALIKE = [pytest.param(f"{kind}-{kind}", marks=pytest.mark.deep) for kind in ("sqlite", "postgresql")]
OTHERS = [pytest.param(BACK, marks=pytest.mark.deep), *ALIKE]
both_ways = pytest.mark.parametrize("ends", [THERE, *OTHERS], indirect=True)
PEOPLE = 25


def fill(store: Store, people: int = PEOPLE) -> None:
    """Put rows into most tables, with values that databases like to treat differently."""
    names = ["Zoé", "ana", "Ana", "ção", "z_", "Z", "a b", "😀", "~", "Ä"]
    ids = [f"{names[n % len(names)]}{n}" for n in range(people)]
    with store.write() as connection:
        add: Callable[[Any, list[dict[str, Any]]], Any] = lambda table, rows: connection.execute(insert(table), rows)  # noqa: E731
        add(tables.integrations, [integration()])
        add(
            tables.customers,
            [
                {
                    "tenant": "default", "id": id, "name": f"Inventada {id}", "document": f"{n:011d}",
                    "document_kind": DocumentKind.CPF, "email": None, "birth_date": date(1990, 5, 1 + n),
                    "address": {"city": "São Paulo", "a": 1.5, "b": [1, None, True]} if n % 2 else None,
                    "digest": "d" * 64,
                }
                for n, id in enumerate(ids)
            ],
        )  # fmt: skip
        add(
            tables.contracts,
            [
                {
                    "tenant": "default", "id": id, "customer_id": id, "status": ContractStatus.ACTIVE, "due_day": 31,
                    "price": Decimal("1234.56"), "last_import": {"price": "1", "z": 1, "a": "\x1f"}, "changed_at": NOON,
                }
                for id in ids
            ],
        )  # fmt: skip
        add(
            tables.items,
            [
                {
                    "tenant": "default", "contract_id": id, "code": "1", "product_code": "TELE", "quantity": 1,
                    "attributes": {}, "sales": 1, "removed": n % 3 == 0,
                }
                for n, id in enumerate(ids)
            ],
        )  # fmt: skip
        keys = [f"{n:08d}-0000-5000-8000-000000000000" for n in range(people)]
        account = {"tenant": "default", "integration": "tele", "priority": Priority.BULK, "lease_number": 1}
        add(tables.accounts, [account | {"key": k, "customer_id": id} for k, id in zip(keys, ids, strict=True)])
        add(tables.subscriptions, [sold(k, id) for k, id in zip(keys, ids, strict=True)])
        asked = {"tenant": "default", "verb": Verb.BLOCK, "generation": 1, "actor": "eva", "outcome": Outcome.QUEUED}
        add(tables.operations, [asked | {"subscription_key": key, "created_at": NOON} for key in keys])
        tried = {"lease_number": 1, "tenant": "default", "step": Step.BLOCK, "generation": 1, "started_at": NOON}
        add(tables.attempts, [tried | {"account_key": k, "subscription_key": k, "ended_at": NOON} for k in keys])
        said = {"tenant": "default", "integration": "tele", "at": NOON, "method": "GET", "milliseconds": 3}
        said |= {"path": "/users", "request_headers": {"A": "b"}, "response_headers": {}, "response_body": '{"x":"é"}'}
        add(tables.exchanges, [said] * people)
        connection.execute(text("DELETE FROM exchanges"))  # pruned: their ids are given to no other


def integration() -> dict[str, Any]:
    return {
        "tenant": "default", "name": "tele", "provider": "teleclinica", "environment": Environment.STAGING,
        "base_url": "http://localhost", "settings": {"b": 1, "a": {"é": 2}}, "secrets": {},
        "state": IntegrationState.ENABLED, "created_at": NOON, "secrets_at": NOON,
    }  # fmt: skip


def sold(key: str, contract: str) -> dict[str, Any]:
    return {
        "key": key, "tenant": "default", "contract_id": contract, "item_code": "1", "sale": 1, "product_type": "t",
        "integration": "tele", "account_key": key, "quantity": 1, "attributes": {"n": 0.1}, "desired": Desired.ACTIVE,
        "generation": 1, "observed": Observed.ACTIVE, "looks": 0, "phase": Phase.SETTLED, "priority": Priority.BULK,
        "tries": 0, "created_at": NOON, "changed_at": NOON + timedelta(microseconds=1), "price": Decimal("0.01"),
    }  # fmt: skip


@pytest.fixture(params=[THERE, *OTHERS])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Store]]:
    """Return a filled store and the place of an empty one: on SQLite and PostgreSQL, on every pair in long proofs."""
    one, other = request.param.split("-")
    with two_stores(request, f"{one}_url", f"empty_{other}_url") as both:
        yield both


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Store]]:
    """Return a filled store and an empty place, both on SQLite."""
    with two_stores(request, "sqlite_url", "empty_sqlite_url") as both:
        yield both


@contextmanager
def two_stores(request: pytest.FixtureRequest, full: str, empty: str) -> Iterator[tuple[Store, Store]]:
    source, target = Store(request.getfixturevalue(full)), Store(request.getfixturevalue(empty))
    Hub.open(address(source)).close()
    fill(source)
    yield source, target
    source.close()
    target.close()


def address(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def rows_of(store: Store) -> dict[str, list[Any]]:
    """Return all that a store holds, but its tokens, and its audit: a copy is told of there."""
    with store.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in tables.metadata.sorted_tables
            if table.name not in {"audit", "chains", "tokens"}
        }


def move(source: Store, target: Store, **more: Any) -> copies.Moved:
    return copies.copy(source, address(target), actor="eva", **more)


@both_ways
def test_a_copy_holds_the_same_and_works(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = rows_of(source)
    moved = move(source, target)
    assert rows_of(target) == before
    assert versions.differences(target) == []
    ours = {table.table: table.rows for table in moved.tables if not table.table.startswith(("asaas_", "iot_"))}
    assert ours == {name: len(rows) for name, rows in before.items()} | {"audit": 0, "chains": 0}
    with Hub.open(address(target)) as hub:
        assert [row.name for row in hub.tenants()] == ["default"]


def test_ids_that_were_given_away_are_not_given_again(ends: tuple[Store, Store]) -> None:
    source, target = ends
    move(source, target)
    asked = {"tenant": "default", "verb": Verb.BLOCK, "generation": 2, "actor": "eva", "outcome": Outcome.QUEUED}
    said = {"tenant": "default", "integration": "tele", "at": NOON, "method": "GET", "milliseconds": 3}
    said |= {"path": "/users", "request_headers": {}, "response_headers": {}}
    with target.write() as connection:
        key = connection.execute(select(tables.subscriptions.c.key).limit(1)).scalar_one()
        operation = insert(tables.operations).values(asked | {"subscription_key": key, "created_at": NOON})
        assert connection.execute(operation.returning(tables.operations.c.id)).scalar_one() == PEOPLE + 1
        exchange = insert(tables.exchanges).values(said).returning(tables.exchanges.c.id)
        assert connection.execute(exchange).scalar_one() == PEOPLE + 1


def test_the_store_that_was_copied_is_closed_even_to_who_had_it_open(pair: tuple[Store, Store]) -> None:
    source, target = pair
    move(source, target)
    with pytest.raises(StoreClosed, match=r"was moved to .* use that one"):
        Hub.open(address(source))
    with pytest.raises(StoreUnavailable, match="was moved"), source.write() as connection:
        connection.execute(update(tables.subscriptions).values(tries=3))
    with pytest.raises(StoreUnavailable, match="was moved"), source.write() as connection:
        connection.execute(update(tables.accounts).values(due_at=NOON))


def test_a_closed_store_can_be_reopened_and_asks_again(pair: tuple[Store, Store]) -> None:
    source, target = pair
    hub = Hub.open(address(source))
    move(source, target)
    with pytest.raises(Refused, match="was not moved"):
        copies.reopen(target, hub.registry, actor="eva")
    assert copies.reopen(source, hub.registry, actor="eva", dry_run=True).asked_again == PEOPLE
    assert copies.reopen(source, hub.registry, actor="eva").asked_again == PEOPLE
    with Hub.open(address(source)) as again, again.store.read() as connection:
        assert set(connection.execute(select(tables.subscriptions.c.observed)).scalars()) == {Observed.UNKNOWN}
    assert versions.differences(source) == []
    hub.close()


class Killed(BaseException):
    """The process ends here."""


def kill_at(point: int) -> None:
    """Let this thread die at so many durable writes from now."""
    seen = iter(range(point))

    def watcher(_point: points.Point) -> None:
        if next(seen, None) is None:
            points.watch(None)
            raise Killed

    points.watch(watcher)


@pytest.fixture(autouse=True)
def _unwatched() -> Iterator[None]:
    yield
    points.watch(None)


BEGINNING = 3 + len(discovery.names(discovery.MIGRATIONS))
"""Durable writes of a copy that is begun again, before it copies anything: one of them for each plugin with tables."""


def test_a_copy_that_is_killed_again_and_again_ends_verified(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before, kills = rows_of(source), 0
    while not _works(target):
        kill_at(BEGINNING)
        with suppress(Killed):
            move(source, target, page=20)
        if not _works(target):
            kills += 1
            with pytest.raises(StoreClosed, match=r"unfinished copy.*db copy` again"):
                Hub.open(address(target))
            assert move(source, target, dry_run=True).resumed
    assert kills > 5
    assert rows_of(target) == before
    Hub.open(address(target)).close()


def test_never_do_both_stores_work(pair: tuple[Store, Store]) -> None:
    source, target = pair
    for point in range(40):
        kill_at(point)
        try:
            move(source, target)
        except Killed:
            assert _works(source) + _works(target) <= 1
            continue
        break
    points.watch(None)
    assert (_works(source), _works(target)) == (False, True)


def test_of_two_copies_that_were_begun_only_one_is_completed(pair: tuple[Store, Store], tmp_path: Path) -> None:
    source, first = pair
    second = Store(f"sqlite:///{tmp_path / 'second.db'}")
    kill_at(6)
    with pytest.raises(Killed):
        move(source, first)
    move(source, second)
    with pytest.raises(StoreClosed, match=r"was moved to .*second\.db .* use that one"):
        move(source, first)
    assert [_works(store) for store in (source, first, second)] == [False, False, True]
    second.close()


def test_a_copy_that_was_killed_at_its_end_is_completed_however_its_place_is_spelt(
    pair: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = pair
    move(source, target)
    with target.write() as connection:  # as a process leaves it that is killed before it opens the copy
        unfinished = closing.Closed(closing.Closing.COPYING, versions.HEAD, versions.place(source), NOON)
        closing.close(connection, unfinished)
    monkeypatch.chdir(tmp_path)
    copies.copy(source, "sqlite:///new.db", actor="eva")
    assert (_works(source), _works(target)) == (False, True)


def _works(store: Store) -> bool:
    if copies.is_missing(store):
        return False
    with store.read() as connection:
        return versions.current(connection) == versions.HEAD


@pytest.mark.deep
def test_what_changed_in_the_source_after_a_kill_is_copied_again(ends: tuple[Store, Store]) -> None:
    source, target = ends
    kill_at(20)
    with pytest.raises(Killed):
        move(source, target, page=7)
    with source.write() as connection:
        connection.execute(update(tables.customers).values(name="Outra"))
        first = connection.execute(select(tables.contracts.c.id).order_by(tables.contracts.c.id)).scalars().first()
        connection.execute(update(tables.contracts).where(tables.contracts.c.id == first).values(due_day=3))
        customer = {"tenant": "default", "id": "!new", "name": "N", "document": "1", "digest": "d"}
        connection.execute(insert(tables.customers).values(customer | {"document_kind": DocumentKind.CPF}))
    before = rows_of(source)
    assert move(source, target).resumed
    assert rows_of(target) == before


def test_a_copy_that_turns_out_different_names_the_table(pair: tuple[Store, Store]) -> None:
    source, target = pair
    versions.begin(target, copies.Closing.COPYING, "elsewhere", NOON)
    with target.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER spoil AFTER INSERT ON items BEGIN UPDATE items SET quantity = 9 WHERE code = '1'; END"
        )
    with pytest.raises(Differs, match="'items' of the copy differs"):
        move(source, target)
    assert _works(source)
    assert not _works(target)


def test_a_store_that_is_in_use_is_not_copied(ends: tuple[Store, Store]) -> None:
    source, target = ends
    held = {"lease_until": source.clock.now() + timedelta(seconds=9), "lease_owner": str(Owner.this_process())}
    with source.write() as connection:
        connection.execute(update(tables.accounts).values(held | {"due_at": source.clock.now() + timedelta(seconds=9)}))
    with pytest.raises(Refused, match=r"in use.*Stop the workers first"):
        move(source, target)
    with source.write() as connection:  # the process of that number has another start: the owner is dead
        host, pid, _, worker = held["lease_owner"].split(" ")
        connection.execute(update(tables.accounts).values(lease_owner=f"{host} {pid} 1 {worker}"))
    move(source, target)


def test_a_postgresql_store_that_is_being_written_is_not_copied(
    postgresql_url: str, empty_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "LOCK_MILLISECONDS", 50)
    with Hub.open(postgresql_url) as hub, hub.store.write() as connection:
        connection.execute(update(tables.tenants).values(zone="America/Manaus"))
        other = Store(postgresql_url)
        with pytest.raises(Refused, match="being written now"):
            copies.copy(other, empty_sqlite_url, actor="eva")
        other.close()


def test_a_place_that_holds_anything_is_refused(pair: tuple[Store, Store]) -> None:
    source, target = pair
    with target.write() as connection:
        connection.execute(text("CREATE TABLE invoices (number INTEGER)"))
    with pytest.raises(Refused, match=r"not empty: it has 1 tables of its own \(invoices\)"):
        move(source, target)
    with target.write() as connection:
        connection.execute(text("DROP TABLE invoices"))
    Hub.open(address(target)).close()
    with pytest.raises(Refused, match="it holds a store already"):
        move(source, target)
    with pytest.raises(Refused, match="the store itself"):
        move(source, source)


@pytest.mark.deep
def test_tables_that_are_not_svahubs_are_told_of(ends: tuple[Store, Store]) -> None:
    source, target = ends
    with source.write() as connection:
        connection.execute(text("CREATE TABLE invoices (number INTEGER)"))
    assert move(source, target).left_out == ("invoices",)


def test_what_the_other_database_does_not_keep_is_told_without_its_value(
    sqlite_url: str, empty_postgresql_url: str
) -> None:
    with Hub.open(sqlite_url) as hub:
        with hub.store.write() as connection:
            connection.execute(text("UPDATE tenants SET zone = 'secret' || char(0) || 'zone'"))
        with pytest.raises(Refused, match="The table 'tenants' holds something") as refused:
            copies.copy(hub.store, empty_postgresql_url, actor="eva")
    assert "secret" not in str(refused.value)


# -- the command -------------------------------------------------------------------------------------------------------


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result


def test_db_copy_tells_what_it_did(pair: tuple[Store, Store]) -> None:
    source, target = pair
    here = ("--database", address(source))
    dry = json.loads(run(*here, "db", "copy", address(target), "--dry-run", "--json").stdout)
    assert (dry["rows"] > PEOPLE, copies.is_missing(target)) == (True, True)
    moved = run(*here, "db", "copy", address(target))
    assert "name it in SVAHUB_DATABASE_URL" in moved.stderr
    assert "was moved to" in run(*here, "tenant", "list", code=1).stderr
    assert "was moved to" in json.loads(run(*here, "db", "check", "--json", code=1).stdout)["remedy"]
    assert "was moved to" in run(*here, "db", "upgrade", code=1).stderr
    assert "was moved to" in run(*here, "db", "copy", f"{address(target)}2", code=1).stderr
    run("--database", address(target), "db", "check")
    with target.read() as connection:
        commands = connection.execute(select(tables.audit.c.command).where(tables.audit.c.kind == AuditKind.COMMAND))
        assert commands.scalars().all() == ["db copy"]


def test_db_reopen_brings_a_moved_store_back(pair: tuple[Store, Store]) -> None:
    source, target = pair
    here = ("--database", address(source))
    run(*here, "db", "reopen", code=1)
    run(*here, "db", "copy", address(target), "--json")
    assert json.loads(run(*here, "db", "reopen", "--json", "--dry-run").stdout)["asked_again"] == PEOPLE
    assert json.loads(run(*here, "db", "reopen", "--json").stdout)["asked_again"] == PEOPLE
    run(*here, "tenant", "list")


def test_db_copy_says_when_there_is_no_store(tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'typo.db'}"
    result = run("--database", missing, "db", "copy", f"sqlite:///{tmp_path / 'other.db'}", code=1)
    assert "There is no store at" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_not_shown(pair: tuple[Store, Store]) -> None:
    source, _ = pair
    word = secrets.token_hex(8)
    url = f"postgresql://ana:{word}@localhost:1/nothing"
    assert word not in run("--database", address(source), "db", "copy", url, code=1).output


def test_the_copy_of_a_file_is_only_for_its_owner(pair: tuple[Store, Store]) -> None:
    source, target = pair
    move(source, target)
    assert stat.S_IMODE(Path(str(target.url.database)).stat().st_mode) == 0o600
