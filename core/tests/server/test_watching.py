"""`/health` and `/metrics`: what an installation tells those who watch it, and nothing about persons."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from svahub import errors
from svahub.store import integrations
from svahub.verbs import Action

ABOUT_PLACE = {"tenant", "integration"}


def told(doorbell: Any) -> dict[tuple[str, ...], float]:
    """Return what `/metrics` tells: by name, and by the labels that do not say whose it is."""
    status, text = doorbell.get("/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [value for name, value in sorted(sample.labels.items()) if name not in ABOUT_PLACE]
            found[sample.name, *labels] = sample.value
    return found


def test_a_process_that_answers_is_live(doorbell: Any) -> None:
    assert doorbell.get("/health/live") == (200, '{"status":"live"}')


def test_with_its_store_it_is_ready(doorbell_on_each: Any) -> None:
    assert doorbell_on_each.get("/health/ready") == (200, '{"status":"ready"}')


@pytest.mark.parametrize("version", ["0001", "9999"])
def test_with_a_store_of_another_version_it_is_live_and_not_ready(doorbell: Any, version: str) -> None:
    with sqlite3.connect(doorbell.hub.store.url.database) as file:
        file.execute("UPDATE alembic_version SET version_num = ?", [version])
    file.close()
    assert [doorbell.get(f"/health/{what}")[0] for what in ("ready", "live")] == [503, 200]
    assert doorbell.get("/health/ready")[1] == '{"status":"not ready"}'


def test_with_a_store_that_cannot_be_read_it_is_not_ready_and_counts_nothing(doorbell: Any) -> None:
    doorbell.hub.store.engine.dispose()
    with open(doorbell.hub.store.url.database, "r+b") as file:
        file.write(b"this is no database any more" * 100)
    assert [doorbell.get(path)[0] for path in ("/health/ready", "/metrics", "/health/live")] == [503, 503, 200]


def test_what_is_sold_is_counted_by_verb_and_outcome(doorbell: Any) -> None:
    doorbell.isp.sell()
    doorbell.isp.clock.advance(seconds=30)
    waiting = told(doorbell)
    doorbell.isp.work()
    done = told(doorbell)
    assert (waiting["svahub_operations", "queued", "create_user"], waiting["svahub_queue_accounts",]) == (1, 1)
    assert waiting["svahub_queue_age_seconds",] == 30
    assert (done["svahub_operations", "succeeded", "create_user"], ("svahub_queue_accounts",) in done) == (1, False)
    assert done["svahub_subscriptions", "settled"] == 1


def test_a_quarantine_is_told_until_it_ends(doorbell: Any) -> None:
    with doorbell.hub.store.write() as connection:
        integrations.quarantine(connection, integrations.one(connection, "default", "basic"), "refused")
    during = told(doorbell)["svahub_integration_quarantined",]
    doorbell.office.integrations.enable("basic")
    assert (during, told(doorbell)["svahub_integration_quarantined",]) == (1, 0)


def test_the_inbox_tells_how_many_wait_and_for_how_long(doorbell: Any) -> None:
    doorbell.ring("e1", kind="alarm")
    doorbell.isp.clock.advance(seconds=40)
    doorbell.ring("e2")
    waiting = told(doorbell)
    doorbell.isp.remote.troubles.extend([None, errors.Rejected("X")])
    doorbell.read()
    done = told(doorbell)
    assert (waiting["svahub_inbox_deliveries", "waiting"], waiting["svahub_inbox_lag_seconds",]) == (2, 40)
    assert [done["svahub_inbox_deliveries", state] for state in ("done", "failed")] == [1, 1]
    assert ("svahub_inbox_lag_seconds",) not in done


def test_nothing_about_a_person_or_a_contract_is_told(doorbell: Any) -> None:
    doorbell.isp.sell("C-4711", "P-4711")
    doorbell.isp.work()
    doorbell.isp.ask(Action.BLOCK, "C-4711")
    doorbell.ring("e-4711", kind="owed", about="charge-4711", contract="C-4711")
    doorbell.read()
    _, text = doorbell.get("/metrics")
    assert "svahub_inbox_deliveries" in text
    for personal in ("4711", "52998224725", "Pessoa", "user-1", doorbell.endpoint, doorbell.token):
        assert personal not in text
