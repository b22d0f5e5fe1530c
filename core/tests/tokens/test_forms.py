"""Three ways in which credentials bring a token, at a provider over real sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from svahub import ClientCredentials, KeysForToken, errors
from svahub.errors import AuthenticationCause
from svahub.literals import without_secrets
from svahub.testing import Fault
from svahub.tokens import Token, TokenAnswer, answer_of


def test_the_token_is_given_once_and_borne_by_every_call(issuer, connect, auth) -> None:
    client = connect(auth)
    for _ in range(3):
        client.post("/things")
    assert (issuer.tokens.given, issuer.things) == (1, 3)


def test_a_token_request_says_what_the_provider_asks_for(issuer, connect, auth) -> None:
    connect(auth).post("/things")
    id, secret = issuer.credentials.values()
    grant = {"grant_type": "client_credentials", "client_id": id, "client_secret": secret}
    wanted = {
        KeysForToken: {"ApiKey": id, "ApiSecret": secret},
        ClientCredentials: grant | ({"scope": "all"} if auth.token_url.endswith("json") else {}),
    }
    assert issuer.bodies == [wanted[type(auth)]]


@pytest.mark.parametrize(("minutes", "fetched"), [(58, 1), (59.5, 2), (61, 2)])
def test_a_token_is_renewed_shortly_before_it_expires(issuer, connect, auth, clock, minutes, fetched) -> None:
    client = connect(auth)
    client.post("/things")
    clock.advance(minutes=minutes)
    client.post("/things")
    assert (issuer.tokens.given, issuer.things) == (fetched, 2)


def test_a_revoked_token_is_renewed_once_and_the_call_sent_again(issuer, connect, auth) -> None:
    client = connect(auth)
    client.post("/things")
    issuer.tokens.revoke()
    client.post("/things")
    assert (issuer.tokens.given, issuer.things) == (2, 2)


def test_wrong_credentials_are_called_so(issuer, connect, auth) -> None:
    issuer.accept()
    with pytest.raises(errors.AuthenticationFailed) as failed:
        connect(auth).post("/things")
    assert failed.value.cause is AuthenticationCause.CREDENTIALS
    assert issuer.things == 0


def test_right_credentials_of_an_account_that_may_not_are_a_matter_of_permission(issuer, connect, auth) -> None:
    issuer.tokens.permitted = False
    with pytest.raises(errors.AuthenticationFailed, match="no permission for a token") as failed:
        connect(auth).post("/things")
    assert failed.value.cause is AuthenticationCause.PERMISSION
    assert issuer.things == 0


def test_no_record_has_a_secret_or_a_token(issuer, connect, auth, exchanges) -> None:
    connect(auth).post("/things")
    (token,) = issuer.tokens.alive()
    said = "\n".join(map(str, exchanges.exchanges))
    assert len(exchanges.exchanges) == 2
    assert token not in said
    assert token not in without_secrets(f"it says {token} somewhere")
    assert issuer.credentials["client_secret"] not in said


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.DROP_AFTER, Fault.MALFORMED, Fault.RATE_LIMIT])
def test_without_a_token_nothing_was_applied(issuer, connect, auth, fault) -> None:
    issuer.faults.next(fault, path=auth.token_url)
    with pytest.raises(errors.NotApplied):
        connect(auth).post("/things")
    assert issuer.things == 0


def test_a_token_that_expired_before_it_came_is_a_matter_of_the_clock(issuer, connect, keys, clock) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="by our clock") as failed:
        connect(keys, now=lambda: clock.now() + timedelta(hours=2)).post("/things")
    assert failed.value.cause is AuthenticationCause.CLOCK
    assert issuer.things == 0


@given(life=st.floats(1, 10**9), ahead=st.floats(0, 10**6))
def test_no_token_is_used_after_its_end_nor_longer_than_a_month(life, ahead) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=ahead)
    answer = TokenAnswer(token=SecretStr("t"), expiry=life)
    of_seconds = Token.of(answer, now)
    of_instant = Token.of(until(answer, now), now, expiry_is_instant=True)
    assert now < of_seconds.use_until < now + timedelta(seconds=life)
    assert of_seconds.use_until <= now + timedelta(days=30)
    assert abs(of_seconds.use_until - of_instant.use_until) < timedelta(milliseconds=1)


def until(answer: TokenAnswer, now: datetime) -> TokenAnswer:
    assert answer.expiry is not None
    return TokenAnswer(token=answer.token, expiry=now.timestamp() + answer.expiry)


@pytest.mark.parametrize("body", ["{}", '{"AccessToken": ""}', '{"AccessToken": "t", "ExpiresIn": NaN}', "[]"])
def test_an_answer_without_a_usable_token_is_none(body) -> None:
    with pytest.raises(ValidationError):
        answer_of("AccessToken", "ExpiresIn").model_validate_json(body)
