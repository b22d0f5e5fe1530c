"""Signatures: whoever has the secret knows that we sent a message, and nobody else can say so."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import signing
from svahub.errors import Refused


def by_hand(key: bytes, message_id: str, at: int, body: bytes) -> str:
    """Return what the specification says, spelt out: HMAC is two hashes over a padded key."""
    padded = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + f"{message_id}.{at}.".encode() + body).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()
    return "v1," + base64.b64encode(outer).decode()


@given(st.binary(min_size=24, max_size=64), st.uuids(), st.integers(0, 2**33), st.binary(max_size=200))
def test_a_signature_is_what_the_specification_says(key: bytes, id: Any, at: int, body: bytes) -> None:
    secret = signing.PREFIX + base64.b64encode(key).decode()
    instant = datetime.fromtimestamp(at, UTC)
    made = signing.headers([secret], f"msg_{id.hex}", instant, body)
    assert made == {
        "webhook-id": f"msg_{id.hex}",
        "webhook-timestamp": str(at),
        "webhook-signature": by_hand(key, f"msg_{id.hex}", at, body),
    }


def test_no_two_secrets_are_the_same_and_each_signs() -> None:
    made = {signing.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(signing.key_of(secret)) for secret in made} == {32}


@pytest.mark.parametrize("wrong", ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", "no-prefix"])
def test_what_is_no_secret_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(Refused) as refused:
        signing.key_of(wrong)
    assert len(wrong) < 8 or wrong not in str(refused.value)


# -- another secret ----------------------------------------------------------------------------------------------------


def test_while_both_secrets_are_valid_messages_bear_both_signatures(telling: Any) -> None:
    telling.listen()
    (old,) = telling.ear.secrets
    new = telling.office.outbox.rotate("ear", both_valid=timedelta(hours=2)).secret
    taken = []
    for secrets in ([old], [new]):
        telling.ear.secrets = secrets
        telling.isp.sell(f"C-{len(taken)}", f"P-{len(taken)}")
        telling.dispatch()
        taken.append(len(telling.ear.heard))
    assert taken == [1, 2]
    assert len(telling.ear.asked[-1].header("webhook-signature").split()) == 2


def test_a_former_secret_that_is_gone_keeps_nothing_from_being_told(
    telling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMER_SECRET_OF_THE_EAR", signing.new_secret())
    former = "env:FORMER_SECRET_OF_THE_EAR"
    telling.office.outbox.add(telling.ear.hook_url, name="ear", secret=former, allow_private=True)
    telling.ear.secrets = [telling.office.outbox.rotate("ear").secret]
    monkeypatch.delenv("FORMER_SECRET_OF_THE_EAR")
    telling.isp.sell()
    telling.dispatch()
    assert telling.kinds == ["customer.status"]


def test_after_that_only_the_new_one_signs(telling: Any) -> None:
    telling.listen()
    telling.office.outbox.rotate("ear", both_valid=timedelta(hours=2))
    telling.isp.clock.advance(hours=2)
    telling.isp.sell()
    telling.dispatch()
    assert (telling.ear.heard, telling.status().failing) == ([], 1)


def test_a_secret_by_reference_is_read_when_it_is_needed(telling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = signing.new_secret()
    monkeypatch.setenv("SECRET_OF_THE_EAR", secret)
    reference = "env:SECRET_OF_THE_EAR"
    made = telling.office.outbox.add(telling.ear.hook_url, name="ear", secret=reference, allow_private=True)
    telling.ear.secrets.append(secret)
    telling.isp.sell()
    monkeypatch.delenv("SECRET_OF_THE_EAR")
    telling.dispatch()
    (message,) = telling.office.outbox.status().troubled
    assert "SECRET_OF_THE_EAR" in message.cause
    monkeypatch.setenv("SECRET_OF_THE_EAR", secret)
    telling.isp.clock.advance(minutes=1)
    telling.dispatch()
    assert (made.secret, telling.kinds) == (None, ["customer.status"])
