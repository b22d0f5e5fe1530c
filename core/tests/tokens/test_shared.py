"""Tokens that processes share through the store: who fetches, who waits, and what is left when one ends."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, make_url, update
from svahub import errors, secrets
from svahub.authentication import token_request
from svahub.clock import SystemClock
from svahub.duties import audit_prune
from svahub.hub import Hub
from svahub.literals import without_secrets
from svahub.owners import Owner
from svahub.secrets import KEY_VARIABLE
from svahub.shared_tokens import LONGEST_HOLD, is_free
from svahub.store import tokens
from svahub.store.tokens import Hold, TokenRow
from svahub.testing import Fault
from svahub.testing.clocks import HandClock

ELSEWHERE = "another-host/boot/pid 1 2 abcd"
NOW = HandClock().now()


def test_what_one_process_has_fetched_another_uses(household_on_each, issuer) -> None:
    for _ in range(3):
        household_on_each.process().post("/things")
    assert (issuer.tokens.given, issuer.things) == (1, 3)


def test_twins_with_the_same_credentials_share_a_token(household, issuer) -> None:
    for name in ("one", "other"):
        household.process(name).post("/things")
    assert issuer.tokens.given == 1


def test_processes_and_threads_that_need_a_token_at_once_fetch_one(household_on_each, issuer) -> None:
    clients = [household_on_each.process_by(SystemClock()) for _ in range(3)]
    issuer.faults.next(Fault.DELAY, path="/oauth")
    together = Barrier(12)

    def call(number: int) -> None:
        together.wait()
        clients[number % 3].post("/things")

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(call, range(12)))
    assert (issuer.tokens.given, issuer.things) == (1, 12)


def test_a_token_that_is_young_costs_no_look_at_the_store(household, issuer) -> None:
    client = household.process()
    client.post("/things")
    statements: list[str] = []
    event.listen(household.stores[0].engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    for _ in range(5):
        client.post("/things")
    assert (statements, issuer.things) == ([], 6)


def test_of_two_processes_one_renews_what_expires_and_the_other_takes_that(household, issuer, clock) -> None:
    one, other = household.process(), household.process()
    one.post("/things")
    other.post("/things")
    clock.advance(minutes=59.5)
    one.post("/things")
    other.post("/things")
    assert (issuer.tokens.given, issuer.things) == (2, 4)


def test_a_token_that_another_process_has_replaced_is_left_for_the_new_one(household, issuer) -> None:
    issuer.tokens.only_one = True
    one, other = household.process(), household.process()
    one.post("/things")
    other.post("/things")
    issuer.tokens.revoke()
    one.post("/things")
    other.post("/things")
    assert (issuer.tokens.given, issuer.things) == (2, 4)


def test_a_token_of_the_store_that_is_refused_too_is_replaced_by_a_new_one(household, issuer) -> None:
    one, other = household.process(), household.process()
    other.post("/things")
    issuer.tokens.revoke()
    one.post("/things")  # the store has a token that `other` does not know
    issuer.tokens.revoke()
    other.post("/things")
    assert (issuer.tokens.given, issuer.things) == (3, 3)


# -- who holds ---------------------------------------------------------------------------------------------------------


def _hold(household, owner: str, seconds: float = 5.0) -> None:
    """Let somebody else fetch the household's token."""
    (row,) = household.rows()
    hold = Hold(owner, household.clock.now() + timedelta(seconds=seconds))
    with household.stores[0].write() as connection:
        assert tokens.hold(connection, row, hold)


def test_a_lost_machines_hold_stalls_nobody_longer_than_a_call_may_take(household_on_each, issuer, clock) -> None:
    household_on_each.process().post("/things")
    clock.advance(hours=2)
    _hold(household_on_each, ELSEWHERE)
    began = clock.monotonic()
    household_on_each.process(timeout=5.0).post("/things")
    assert issuer.things == 2
    assert clock.monotonic() - began <= 5.1


def test_who_waits_longer_than_a_call_may_take_has_sent_nothing(household, issuer, clock) -> None:
    household.process().post("/things")
    clock.advance(hours=2)
    _hold(household, ELSEWHERE, seconds=30)
    with pytest.raises(errors.Unreachable, match="no new token in time"):
        household.process(timeout=5.0).post("/things")
    assert (issuer.tokens.given, issuer.things) == (1, 1)


def test_a_failed_fetch_holds_up_nobody(household, issuer, clock) -> None:
    issuer.faults.next(Fault.ERROR_BEFORE, path="/oauth")
    with pytest.raises(errors.NotApplied):
        household.process().post("/things")
    began = clock.monotonic()
    household.process().post("/things")
    assert (issuer.things, clock.monotonic()) == (1, began)


def test_only_who_saw_the_row_as_it_is_may_hold_it(household_on_each) -> None:
    household_on_each.process().post("/things")
    (seen,) = household_on_each.rows()
    holds = [Hold(f"{ELSEWHERE}{number}", NOW + timedelta(seconds=5)) for number in range(2)]
    with household_on_each.stores[0].write() as connection:
        assert tokens.hold(connection, seen, holds[0])
        assert not tokens.hold(connection, seen, holds[1])
        tokens.put(connection, "default", seen.name, holds[0], "it", "newer", NOW)
        assert not tokens.hold(connection, seen, holds[1])


def test_what_a_frozen_process_brings_late_does_not_replace_what_others_fetched(household, issuer) -> None:
    household.process().post("/things")
    (row,) = household.rows()
    with household.stores[0].write() as connection:
        tokens.put(connection, "default", row.name, Hold(ELSEWHERE, NOW), "it", "late", NOW)
    assert household.rows() == [row]


@given(left=st.floats(-100, 100), dead=st.booleans())
def test_a_hold_stands_while_it_lasts_its_process_lives_and_no_clock_was_set_back(left, dead) -> None:
    owner = str(Owner.this_process()).split()
    if dead:
        owner[2] = "0"  # this process began at another time: who held it has ended
    row = TokenRow("default", "n", "it", None, None, " ".join(owner), NOW + timedelta(seconds=left))
    stands = not dead and timedelta() < row.owned_until - NOW <= LONGEST_HOLD
    assert is_free(row, NOW) is not stands


# -- keys --------------------------------------------------------------------------------------------------------------


def test_nothing_of_a_token_or_of_its_credentials_is_in_the_clear_in_the_store(household, issuer, key) -> None:
    household.process().post("/things")
    (token,) = issuer.tokens.alive()
    file = Path(make_url(household.url).database)
    kept = b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    (row,) = household.rows()
    assert row.sealed.encode() in kept
    assert not [word for word in (token, *issuer.credentials.values(), key) if word.encode() in kept]


def test_no_guess_at_the_credentials_can_be_tried_on_a_tokens_name(household, issuer) -> None:
    household.process().post("/things")
    guess = f"{issuer.url}/oauth/token".encode() + b"\0" + token_request(household.auth).content
    assert [row.name for row in household.rows()] != [hashlib.sha256(guess).hexdigest()]


def test_a_token_that_another_process_has_fetched_is_hidden_in_this_one(household, issuer) -> None:
    client, safe = household.process(), secrets.safe()
    theirs = issuer.tokens.give(issuer.credentials, issuer.accepted)
    client.post("/things")
    with household.stores[0].write() as connection:
        connection.execute(update(tokens.tokens).values(sealed=safe.seal(theirs.value)))
    household.process().post("/things")
    assert (issuer.tokens.given, issuer.things) == (2, 2)
    assert theirs.value not in without_secrets(f"it says {theirs.value} there")


def test_without_a_key_each_process_has_tokens_of_its_own(household, issuer, monkeypatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE)
    clients = [household.process(), household.process()]
    for client in clients * 2:
        client.post("/things")
    assert (issuer.tokens.given, issuer.things, household.rows()) == (2, 4, [])


def test_with_another_key_a_process_has_tokens_of_its_own_and_says_why(household, issuer, monkeypatch, caplog) -> None:
    household.process().post("/things")
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    client = household.process()
    client.post("/things")
    client.post("/things")
    assert (issuer.tokens.given, issuer.things) == (2, 3)
    assert _causes(caplog) == ["the store has tokens that do not open with this process's key: "
                               "set the same SVAHUB_SECRET_KEY wherever svahub runs"]  # fmt: skip


def test_with_what_is_no_key_a_process_has_tokens_of_its_own_and_says_why(
    household, issuer, monkeypatch, caplog
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "no key")
    client = household.process()
    client.post("/things")
    client.post("/things")
    assert (issuer.tokens.given, issuer.things) == (1, 2)
    (cause,) = _causes(caplog)
    assert "is no Fernet key" in cause


def test_while_the_store_cannot_be_used_a_call_fetches_its_own_token(household, issuer, caplog) -> None:
    client = household.process()
    with household.stores[0].write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER t BEFORE INSERT ON tokens BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        )
    client.post("/things")
    client.post("/things")
    assert (issuer.tokens.given, issuer.things) == (1, 2)
    assert "cannot be read or written" in _causes(caplog)[0]


def _causes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.cause for record in caplog.records if record.levelno == logging.WARNING]


# -- what else happens to the table ------------------------------------------------------------------------------------


def test_the_daily_prune_drops_spent_tokens_and_leaves_young_ones(household, clock) -> None:
    household.process().post("/things")
    with Hub.open(household.url, clock=clock) as hub:
        audit_prune.run(hub.tenant("default"))
        assert household.rows()
        clock.advance(hours=1)
        audit_prune.run(hub.tenant("default"))
    assert household.rows() == []


def test_a_new_key_drops_what_the_old_one_sealed(household, clock, key, monkeypatch) -> None:
    household.process().post("/things")
    monkeypatch.setenv(KEY_VARIABLE, f"{Fernet.generate_key().decode()},{key}")
    with Hub.open(household.url, clock=clock) as hub:
        hub.tenant("default").secrets.rekey(dry_run=True)
        assert household.rows()
        hub.tenant("default").secrets.rekey()
    assert household.rows() == []
