"""A clock that is wrong is told from credentials that are, by the Date of the answer that refuses them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from svahub.answers import CLOCKS_DIFFER
from svahub.client import ProviderClient
from svahub.errors import AuthenticationCause, AuthenticationFailed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def refused(date: str | None) -> AuthenticationFailed:
    headers = {} if date is None else {"Date": date}
    client = ProviderClient(
        base_url="http://127.0.0.1:9",
        now=lambda: NOW,
        transport=httpx.MockTransport(lambda _: httpx.Response(401, headers=headers)),
    )
    with pytest.raises(AuthenticationFailed) as caught:
        client.get("/things")
    return caught.value


@pytest.mark.parametrize(("hours", "said"), [(3, "180 minutes behind its own"), (-2, "120 minutes ahead of its own")])
def test_a_date_that_is_hours_off_is_the_clocks_fault(hours: int, said: str) -> None:
    refusal = refused(format_datetime(NOW + timedelta(hours=hours), usegmt=True))
    assert refusal.cause is AuthenticationCause.CLOCK
    assert said in str(refusal)


@pytest.mark.parametrize("seconds", [0, 20, -20, CLOCKS_DIFFER - 1, 1 - CLOCKS_DIFFER])
def test_a_date_that_is_about_right_is_not(seconds: float) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert refused(date).cause is AuthenticationCause.CREDENTIALS


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Mar 2026 12:00:00 GMT"])
def test_a_date_that_tells_nothing_is_not_either(date: str | None) -> None:
    assert refused(date).cause is AuthenticationCause.CREDENTIALS
