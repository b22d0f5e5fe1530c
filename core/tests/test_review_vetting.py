"""What plugins hand back reaches the store only in a form that every database takes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import AccessLink, Observed, Plan, RemoteSubscription, RemoteUser, errors
from svahub.exchange import Exchange, shown_body
from svahub.masking import clean
from svahub.relay import foreign_errors
from svahub.vetting import LONGEST_PAUSE, vetted, vetted_link

USER = RemoteUser("u1", Observed.ACTIVE)
LONE = "\ud800"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def raised(error: BaseException) -> Exception:
    with pytest.raises(errors.ProviderError) as caught, foreign_errors("create_user"):
        raise error
    return caught.value


def entry(**fields: Any) -> RemoteUser:
    return RemoteUser(
        "u1", Observed.ACTIVE, subscriptions=(RemoteSubscription(**{"plan": "p", "status": Observed.ACTIVE, **fields}),)
    )


@pytest.mark.parametrize("link", [None, AccessLink("https://in.example"), AccessLink("https://in.example", AT)])
def test_a_link_that_can_be_handed_on_passes(link: AccessLink | None) -> None:
    assert vetted_link(link, "resend_access") is link


@pytest.mark.parametrize(
    "link",
    ["https://in.example", AccessLink(""), AccessLink("x", datetime(2026, 1, 1)), AccessLink(LONE)],  # noqa: DTZ001
)
def test_a_link_that_cannot_is_the_plugins_bug(link: Any) -> None:
    with pytest.raises(errors.PluginBug):
        vetted_link(link, "resend_access")


@given(st.text())
def test_clean_text_is_encodable_and_without_nul_and_else_as_it_was(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned.encode().decode()
    assert clean(cleaned) == cleaned
    assert cleaned == text or set(text) - set(cleaned)


@pytest.mark.parametrize("id", ["a\0b", f"a{LONE}", "", "x" * 201, 7])
def test_an_id_that_cannot_be_kept_is_the_plugins_bug(id: Any) -> None:
    for value in (RemoteUser(id, Observed.ACTIVE), entry(remote_id=id or "\0"), entry(plan=id or "\0")):
        with pytest.raises(errors.PluginBug, match="unusable"):
            vetted(RemoteUser, value, "create_user")


@pytest.mark.parametrize("quantity", ["3", -1, True, 2**31])
def test_a_quantity_that_is_no_number_is_the_plugins_bug(quantity: Any) -> None:
    with pytest.raises(errors.PluginBug, match="quantity"):
        vetted(RemoteUser, entry(quantity=quantity), "find_user")


def test_texts_that_are_only_read_are_cleaned() -> None:
    there = RemoteUser("u1", Observed.ACTIVE, "r\0", (RemoteSubscription("p", Observed.ACTIVE, "k\0"),), login=LONE)
    user = vetted(RemoteUser, there, "find_user")
    assert (user.reference, user.login, user.subscriptions[0].reference) == ("r\ufffd", "?", "k\ufffd")
    assert vetted(Plan, Plan("p", "A\0"), "sync_plans").name == "A\ufffd"


@pytest.mark.parametrize("price", ["9.999", "-0.01", "NaN", "Infinity", "1e30"])
def test_a_price_that_is_no_amount_in_cents_is_the_plugins_bug(price: str) -> None:
    with pytest.raises(errors.PluginBug, match="price"):
        vetted(Plan, Plan("p", "One", price=Decimal(price)), "sync_plans")


def test_a_price_in_whole_cents_is_one_however_it_is_written() -> None:
    assert vetted(Plan, Plan("p", "One", price=Decimal("10.000")), "sync_plans").price == 10


@pytest.mark.parametrize(
    "error",
    [
        errors.RateLimited(float("nan")),
        errors.RateLimited(float("inf")),
        errors.RateLimited(-1),
        errors.Pending(""),
        errors.Pending("x" * 1001),
        errors.Pending("a\0"),
        errors.Pending(None),  # type: ignore[arg-type]  # what a plugin that is not type-checked does
        errors.Partial(None, errors.Busy("x")),  # type: ignore[arg-type]  # as before
        errors.Partial(USER, ValueError("x")),  # type: ignore[arg-type]  # as before
        errors.Partial(USER, errors.Pending("")),
        errors.AlreadyExists("u1"),  # type: ignore[arg-type]  # as before
    ],
)
def test_an_error_with_an_unusable_payload_is_the_plugins_bug(error: errors.ProviderError) -> None:
    assert type(raised(error)) is errors.PluginBug


def test_a_pause_in_words_is_the_plugins_bug() -> None:
    error = errors.RateLimited()
    error.retry_after = "30"  # type: ignore[assignment]  # what a plugin that is not type-checked does
    assert type(raised(error)) is errors.PluginBug


def test_a_pause_beyond_the_calendar_is_cut() -> None:
    error = raised(errors.RateLimited(1e15))
    assert isinstance(error, errors.RateLimited)
    assert error.retry_after == LONGEST_PAUSE


def test_an_errors_sentence_is_cleaned_also_inside_a_partial_one() -> None:
    assert str(raised(errors.Rejected("422", f"nome\0 {LONE}"))) == "422: nome\ufffd ?"
    partial = raised(errors.Partial(USER, errors.Busy("a\0")))
    assert isinstance(partial, errors.Partial)
    assert (str(partial), str(partial.failed)) == ("only in part: a\ufffd", "a\ufffd")
    person = raised(errors.NeedsPerson("sign", "https://example.com/\0"))
    assert isinstance(person, errors.NeedsPerson)
    assert person.url == "https://example.com/\ufffd"


def test_an_error_that_was_never_initialised_is_the_plugins_bug() -> None:
    class Bare(errors.Pending):
        def __init__(self) -> None: ...

    assert type(raised(Bare())) is errors.PluginBug


def test_what_would_end_the_thread_is_the_plugins_bug() -> None:
    class Cancelled(BaseException): ...

    assert type(raised(Cancelled())) is errors.PluginBug


def test_a_usable_error_passes_as_it_is() -> None:
    error = errors.Partial(USER, errors.RateLimited(3))
    assert raised(error) is error


def test_an_exchange_keeps_no_text_that_a_database_refuses() -> None:
    body = shown_body(b"Bad gateway \x00\x01", "text/plain")
    kept = Exchange(
        "GET", f"/a{LONE}", 502, 1.0, {}, None, {"x": "\0"}, body, "Busy: \0", datetime(2026, 1, 1, tzinfo=UTC), None
    )
    assert (kept.path, kept.response_body, kept.error) == ("/a?", "Bad gateway \ufffd\x01", "Busy: \ufffd")
    assert kept.response_headers == {"x": "\ufffd"}
