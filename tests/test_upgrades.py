"""A store of an older svahub, with what was in it, becomes one of this."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text
from svahub.hub import Hub
from svahub.store import Store, journal, tables, versions
from svahub.store.states import AuditKind
from svahub.store.types import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def old(database_url: str) -> Iterator[Store]:
    """Return a store as version 0001 left it: an integration, and two looks at a customer."""
    store = Store(database_url)
    with store.write() as connection:
        config = Config()
        config.set_main_option("script_location", "svahub.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        at = Instant().bind_processor(connection.dialect)
        noon = at(NOON) if at else NOON
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


def test_an_old_store_has_the_tables_of_this_version_after_an_upgrade(old: Store) -> None:
    assert versions.upgrade(old) == ("0001", versions.HEAD)
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


def test_an_old_integration_has_secrets_as_old_as_itself(old: Store, database_url: str) -> None:
    versions.upgrade(old)
    with Hub.open(database_url) as hub:
        row = hub.tenant("default").bench.integration("tele")
    assert (row.secrets_at, row.former_secrets) == (NOON, None)
