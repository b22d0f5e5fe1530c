"""How long it is kept what other systems were told, and what erasing, rekeying, restoring and a clock make of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from svahub.areas import backups, copies
from svahub.dispatching import Dispatching
from svahub.hub import Hub
from svahub.secrets import KEY_VARIABLE
from svahub.store import Store, restoring, setback
from svahub.store.restoring import Sight
from svahub.store.states import MessageState
from svahub.testing.http import Answer
from svahub.verbs import Action


@pytest.fixture
def told(telling: Any) -> Any:
    """Return an ISP that has told of a life to its end, and has yet to tell of another customer."""
    telling.listen()
    telling.live()
    telling.dispatch()
    telling.isp.sell("C2", "P2")
    return telling


def test_what_was_taken_is_pruned_after_its_retention_and_what_waits_is_not(told: Any) -> None:
    told.isp.clock.advance(days=31)
    assert told.office.audit.prune(dry_run=True).outbox == 8
    assert told.office.audit.prune().outbox == 8
    assert [message.customer_id for message in told.messages()] == ["P2"]


def test_an_erased_customer_is_exported_with_what_was_told_of_them_and_forgotten(told: Any) -> None:
    exported = told.office.privacy.export("P1", actor="ana")
    assert len(exported["outbox"]) == 8
    assert [one["status"] for one in exported["standings"]] == ["CANCELLED"]
    erased = told.office.privacy.erase("P1", actor="ana")
    assert (erased.erased["outbox"], erased.kept["outbox"]) == (8, 8)
    assert {message.body is None for message in told.messages() if message.customer_id == "P1"} == {True}
    assert told.messages()[-1].body
    assert told.office.outbox.replay([message.id for message in told.messages()]).replayed == 1


def test_that_somebody_has_left_is_told_after_they_were_erased(telling: Any) -> None:
    telling.listen()
    telling.live()
    telling.office.privacy.erase("P1", actor="ana")
    telling.dispatch()
    assert telling.kinds[-1] == "subscription.cancelled"


def test_a_new_key_encrypts_the_secrets_of_targets_too(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told.office.outbox.rotate("ear")
    old, new = os.environ[KEY_VARIABLE], Fernet.generate_key().decode()
    monkeypatch.setenv(KEY_VARIABLE, f"{new},{old}")
    rekeyed = told.office.secrets.rekey()
    assert (rekeyed.secrets, rekeyed.targets) == (2, 1)
    monkeypatch.setenv(KEY_VARIABLE, new)
    told.dispatch()
    assert told.status().waiting == 0
    assert [(view.integration, view.slot) for view in told.office.secrets.list()] == [
        ("outbox ear", "current"),
        ("outbox ear", "former"),
    ]


def test_what_a_clock_that_was_set_back_left_waiting_is_sent_at_once(told: Any) -> None:
    told.ear.answer = lambda _told: Answer(503)
    told.dispatch()
    told.ear.answer = lambda _told: Answer(204)
    told.isp.clock.advance(hours=-2)
    with told.hub.store.write() as connection:
        setback.bring_back(connection, "default", told.hub.store.now(connection))
    told.dispatch()
    assert told.status().waiting == 0


def test_a_restored_store_sends_what_it_does_not_know_as_taken_under_the_same_ids(told: Any, tmp_path: Path) -> None:
    with Dispatching(told.hub) as dispatching:  # the backup is made while a message is under way
        dispatching._outtray.take(lambda _to: 8, 8)
        backups.backup(told.hub.store, tmp_path / "backup.db", actor="ana")
    told.isp.clock.advance(minutes=5)
    told.dispatch()
    before = list(told.ear.heard)
    with Hub(Store(f"sqlite:///{tmp_path / 'restored.db'}", told.isp.clock), told.hub.registry) as hub:
        backups.restore(tmp_path / "backup.db", hub.store, told.hub.registry, actor="ana")
        with Dispatching(hub) as dispatching:
            dispatching.drain()
    again = told.ear.heard[len(before) :]
    assert [id for id, _ in again] == [before[-1][0]]


@pytest.mark.deep
def test_a_store_that_is_copied_goes_on_where_the_first_ended(told: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    copies.copy(told.hub.store, url, actor="ana")
    with Hub.open(url, clock=told.isp.clock) as hub, Dispatching(hub) as dispatching:
        assert dispatching.drain() == 1
        states = {message.state for message in told.messages()}
    assert states == {MessageState.DELIVERED, MessageState.WAITING}
    assert told.kinds[-1] == "customer.status"


def test_nobody_is_told_twice_of_what_a_restore_looks_up(told: Any, tmp_path: Path) -> None:
    told.isp.work()
    told.dispatch()
    before = len(told.messages())
    with told.hub.store.write() as connection:
        now = told.hub.store.now(connection)
        restoring.mark(connection, now, "restored", lambda _tenant, _name: Sight(finds=True, changes=True))
    told.isp.work()
    told.isp.clock.advance(minutes=10)
    told.isp.work()
    assert told.isp.of("C2").observed.value == "ACTIVE"
    assert len(told.messages()) == before
    told.isp.ask(Action.BLOCK, "C2")
    told.isp.work()
    assert len(told.messages()) == before + 2
