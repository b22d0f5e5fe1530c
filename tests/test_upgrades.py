"""A store of an older svahub, with what was in it, becomes one of this."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, Table, delete, insert, select, text
from sqlalchemy.exc import IntegrityError
from svahub.hub import Hub
from svahub.shards import shard_of
from svahub.store import Store, journal, tables, versions
from svahub.store.states import AuditKind
from svahub.store.types import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sqlalchemy import Connection

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def old(empty_database_url: str) -> Iterator[Store]:
    """Return a store as version 0001 left it: an integration, and two looks at a customer."""
    store = Store(empty_database_url)
    with store.write() as connection:
        migrate(connection, "0001")
        noon = written(connection, NOON)
        connection.execute(text("INSERT INTO tenants VALUES ('default', 'America/Sao_Paulo', :at)"), {"at": noon})
        connection.execute(
            text(
                "INSERT INTO integrations (tenant, name, provider, environment, base_url, settings, secrets, state,"
                " created_at) VALUES ('default', 'tele', 'gone', 'staging', 'http://localhost', '{}', '{}',"
                " 'enabled', :at)"
            ),
            {"at": noon},
        )
        for actor in ("ana", "bia"):
            connection.execute(
                text(
                    "INSERT INTO looks (tenant, at, actor, command, subject, revealed)"
                    " VALUES ('default', :at, :actor, 'customers show', 'customer P1', false)"
                ),
                {"at": noon, "actor": actor},
            )
    yield store
    store.close()


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "svahub.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def written(connection: Connection, at: datetime) -> Any:
    """Return an instant as a column of this database has it."""
    write = Instant().bind_processor(connection.dialect)
    return write(at) if write else at


def test_an_old_store_has_the_tables_of_this_version_after_an_upgrade(old: Store) -> None:
    upgraded = versions.upgrade(old)
    assert (upgraded.before, upgraded.after) == ("0001", versions.HEAD)
    assert versions.differences(old) == []


def test_old_looks_become_a_chain_that_goes_on(old: Store) -> None:
    versions.upgrade(old)
    more = journal.Entry(AuditKind.LOOK, "cid", "customers show", "customer P2", {"revealed": True})
    with old.write() as connection:
        journal.append(connection, "default", NOON, [more])
    with old.read() as connection:
        rows = connection.execute(select(tables.audit).order_by(tables.audit.c.number)).all()
        head = journal.head(connection, "default")
    link = journal.ORIGIN
    for number, row in enumerate(rows, 1):
        entry = journal.Entry(row.kind, row.actor, row.command, row.subject, row.details)
        assert (row.number, row.digest) == (number, journal.digest_of_entry(entry))
        link = journal.hash_of(link, row.tenant, row.number, row.at, row.kind, row.digest)
        assert row.hash == link
    assert [row.actor for row in rows] == ["ana", "bia", "cid"]
    assert (head.entry, head.hash) == (3, link)


def test_an_old_integration_has_secrets_as_old_as_itself(old: Store, empty_database_url: str) -> None:
    versions.upgrade(old)
    with Hub.open(empty_database_url) as hub:
        row = hub.tenant("default").bench.integration("tele")
    assert (row.secrets_at, row.former_secrets) == (NOON, None)


# -- 0002 --------------------------------------------------------------------------------------------------------------

KEYS = [f"0000000{n}-0000-5000-8000-0000000000{n}{n}" for n in range(3)]
HOUSE = "00000009-0000-5000-8000-0000000000ff"


@pytest.fixture
def sold(empty_database_url: str) -> Iterator[Store]:
    """Return a store as version 0002 left it: accounts with subscriptions, what was asked and tried of them."""
    store = Store(empty_database_url)
    with store.reshape() as connection:
        migrate(connection, "0002")
        at = written(connection, NOON)
        for table, rows in as_0002(at).items():
            connection.execute(Table(table, MetaData(), autoload_with=connection).insert(), rows)
    yield store
    store.close()


def as_0002(at: Any) -> dict[str, list[dict[str, Any]]]:
    """Return rows as version 0002 wrote them; amounts are cents."""
    own = {"tenant": "default"}
    there = own | {"integration": "tele"}
    integration = own | {
        "provider": "gone", "environment": "staging", "base_url": "http://localhost", "settings": {"a": 1},
        "secrets": {}, "state": "enabled", "created_at": at, "secrets_at": at,
    }  # fmt: skip
    person = own | {"name": "Pessoa Inventada", "document": "52998224725", "document_kind": "cpf", "digest": "d" * 64}
    contract = own | {"status": "active", "due_day": 31, "price": 4990, "last_import": {"a": 1}, "changed_at": at}
    item = own | {"code": "1", "product_code": "T", "quantity": 1, "attributes": {}, "sales": 1, "removed": False}
    account = there | {"priority": 3, "lease_number": 7, "due_at": at, "remote_id": "u1"}
    subscription = there | {
        "item_code": "1", "sale": 1, "product_type": "t", "quantity": 1, "attributes": {}, "desired": "BLOCKED",
        "generation": 2, "observed": "ACTIVE", "looks": 0, "phase": "due", "due_at": at, "priority": 3, "tries": 1,
        "created_at": at, "changed_at": at, "price": 4990,
    }  # fmt: skip
    asked = own | {"verb": "block", "generation": 2, "actor": "eva", "outcome": "queued", "created_at": at}
    tried = own | {"lease_number": 7, "step": "block", "generation": 2, "started_at": at}
    reason = own | {"reason": "staff", "source": "operator:eva", "created_at": at}
    return {
        "tenants": [{"name": "default", "zone": "America/Sao_Paulo", "created_at": at}],
        "integrations": [integration | {"name": "tele"}, integration | {"name": "other"}],
        "customers": [person | {"id": f"P{n}"} for n in range(3)],
        "contracts": [contract | {"id": f"C{n}", "customer_id": f"P{n}"} for n in range(3)],
        "items": [item | {"contract_id": f"C{n}"} for n in range(3)],
        "accounts": [account | {"key": key, "customer_id": f"P{n}"} for n, key in enumerate(KEYS)],
        "subscriptions": [
            subscription | {"key": key, "account_key": key, "contract_id": f"C{n}"} for n, key in enumerate(KEYS)
        ],
        "block_reasons": [reason | {"contract_id": f"C{n}", "item_code": "1"} for n in range(3)],
        "operations": [asked | {"subscription_key": key} for key in KEYS],
        "attempts": [tried | {"account_key": key, "subscription_key": key} for key in KEYS],
    }


def columns(store: Store) -> dict[str, list[str]]:
    """Return the columns of every table by its name."""
    with store.read() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
    return {t.name: list(t.c.keys()) for t in metadata.tables.values() if t.name != "alembic_version"}


def rows_of(store: Store, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what these columns hold, each row as text."""
    with store.read() as connection:
        known = {name: Table(name, MetaData(), autoload_with=connection).c for name in columns}
        return {
            name: sorted(repr(row) for row in connection.execute(select(*(known[name][c] for c in names))))
            for name, names in columns.items()
        }


def test_nothing_that_was_sold_is_lost_in_an_upgrade_from_0002(sold: Store, empty_database_url: str) -> None:
    known = columns(sold)
    before = rows_of(sold, known)
    assert {name: len(rows) for name, rows in before.items() if rows} == {
        name: len(rows) for name, rows in as_0002(NOON).items()
    }
    assert versions.upgrade(sold).before == "0002"
    assert rows_of(sold, known) == before
    assert versions.differences(sold) == []
    with Hub.open(empty_database_url) as hub:
        assert [s.key for s in hub.tenant("default").subscriptions.list()] == KEYS


def test_every_integration_of_0002_gets_an_address_of_its_own(sold: Store) -> None:
    versions.upgrade(sold)
    with sold.read() as connection:
        found = connection.execute(select(tables.integrations.c.endpoint_id)).scalars().all()
    assert {len(endpoint) for endpoint in found} == {32}
    assert len(set(found)) == 2


def test_what_refers_to_an_account_of_0002_still_does(sold: Store) -> None:
    versions.upgrade(sold)
    with pytest.raises(IntegrityError), sold.write() as connection:
        connection.execute(delete(tables.accounts).where(tables.accounts.c.key == KEYS[0]))
    with sold.write() as connection:
        house = {"key": HOUSE, "tenant": "default", "integration": "tele", "customer_id": None, "priority": 3}
        connection.execute(insert(tables.accounts).values(house | {"lease_number": 0}))


# -- 0010 --------------------------------------------------------------------------------------------------------------


def test_old_accounts_lie_where_new_ones_of_their_keys_do(sold: Store) -> None:
    versions.upgrade(sold)
    with sold.read() as connection:
        found = connection.execute(select(tables.accounts.c.key, tables.accounts.c.shard)).all()
    assert sorted(found) == [(key, shard_of(key)) for key in KEYS] == list(zip(KEYS, (0, 17, 34), strict=True))
