"""What a plugin asked for before a backup may have been done since: it is looked up, never simply done again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from svahub.areas import backups, copies
from svahub.hub import Hub
from svahub.models import Environment
from svahub.registry import Registry
from svahub.store import Store, tables
from svahub.store.states import Certainty, IntegrationState, Outcome, Phase, Priority, TaskStep

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCOUNT = "00000000-0000-5000-8000-000000000000"
PHASES = {
    Phase.DUE: Outcome.QUEUED, Phase.WAITING: Outcome.QUEUED, Phase.PENDING: Outcome.QUEUED,
    Phase.PARKED: Outcome.PARKED, Phase.SETTLED: Outcome.SUCCEEDED,
}  # fmt: skip


@pytest.fixture
def asked(database_url: str) -> str:
    """Return the address of a store with a task in each phase, of which the due one is under way."""
    with Hub.open(database_url) as hub:
        integration = {
            "tenant": "default", "name": "tele", "provider": "teleclinica", "environment": Environment.STAGING,
            "base_url": "http://localhost", "settings": {}, "secrets": {}, "state": IntegrationState.ENABLED,
            "created_at": NOON, "secrets_at": NOON,
        }  # fmt: skip
        account = {"key": ACCOUNT, "tenant": "default", "integration": "tele", "customer_id": None}
        with hub.store.write() as connection:
            leased = {"due_at": None, "priority": Priority.BULK, "lease_number": 1}
            connection.execute(insert(tables.integrations).values(integration))
            connection.execute(insert(tables.accounts).values(account | leased))
            connection.execute(insert(tables.tasks), [task(phase) for phase in PHASES])
            tried = {"account_key": ACCOUNT, "lease_number": 1, "tenant": "default", "task_key": Phase.DUE.value}
            begun = tried | {"step": TaskStep.PERFORM, "started_at": NOON}
            connection.execute(insert(tables.task_attempts).values(begun))
    return database_url


def task(phase: Phase) -> dict[str, Any]:
    due_at = None if phase in {Phase.PARKED, Phase.SETTLED} else NOON
    return {
        "key": phase.value, "tenant": "default", "integration": "tele", "account_key": ACCOUNT, "kind": "charge",
        "name": phase.value, "payload": {}, "adds": True, "actor": "eva", "outcome": PHASES[phase], "phase": phase,
        "due_at": due_at, "priority": Priority.BULK, "tries": 3, "looks": 1, "details": {}, "created_at": NOON,
        "changed_at": NOON,
    }  # fmt: skip


def test_tasks_that_had_not_ended_are_looked_up_after_a_restore(asked: str, tmp_path: Path) -> None:
    store, there = Store(asked), Store(f"sqlite:///{tmp_path / 'there.db'}")
    backups.backup(store, tmp_path / "b.db", actor="eva")
    store.close()
    assert backups.restore(tmp_path / "b.db", there, Registry(), actor="eva", dry_run=True).tasks == 4
    restored = backups.restore(tmp_path / "b.db", there, Registry(), actor="eva")
    assert (restored.tasks, restored.open_attempts) == (4, 1)
    doubted(there)
    there.close()


def test_tasks_that_had_not_ended_are_looked_up_after_a_store_is_reopened(asked: str, tmp_path: Path) -> None:
    store = Store(asked)
    copies.copy(store, f"sqlite:///{tmp_path / 'there.db'}", actor="eva")
    assert copies.reopen(store, Registry(), actor="eva").tasks == 4
    doubted(store)
    store.close()


def doubted(store: Store) -> None:
    with store.read() as connection:
        rows = {row.key: row for row in connection.execute(select(tables.tasks))}
        attempt = connection.execute(select(tables.task_attempts)).one()
        account = connection.execute(select(tables.accounts)).one()
    ended = rows.pop(Phase.SETTLED)
    assert (ended.phase, ended.uncertain_since, ended.tries) == (Phase.SETTLED, None, 3)
    assert all(row.uncertain_since is not None and (row.looks, row.tries) == (0, 0) for row in rows.values())
    assert rows.pop(Phase.PARKED).phase is Phase.PARKED
    assert {(row.phase, row.due_at) for row in rows.values()} == {(Phase.DUE, account.due_at)}
    assert (attempt.certainty, attempt.ended_at) == (Certainty.UNKNOWN, account.due_at)
