"""Cron lines: which are right, and when they are due in a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import cron
from svahub.errors import Refused

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NEW_YORK = ZoneInfo("America/New_York")
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize("line", ["", "nonsense", "@daily", "61 * * * *", "0 0 30 2 *", "* * * *", "0 25 * * *"])
def test_a_wrong_line_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(Refused, match=r"Write minute, hour.*15 3"):
        cron.checked(line)


@given(INSTANTS, st.integers(0, 23), st.integers(0, 59), st.sampled_from([SAO_PAULO, NEW_YORK]))
def test_a_daily_line_is_due_within_two_days_and_later_than_asked(
    after: datetime, hour: int, minute: int, zone: ZoneInfo
) -> None:
    due = cron.next_due(f"{minute} {hour} * * *", after, zone)
    assert after < due <= after + timedelta(days=2)
    assert due.tzinfo is UTC


@given(INSTANTS, st.integers(0, 23), st.integers(0, 59))
def test_a_line_is_read_in_the_tenants_zone(after: datetime, hour: int, minute: int) -> None:
    local = cron.next_due(f"{minute} {hour} * * *", after, SAO_PAULO).astimezone(SAO_PAULO)
    assert (local.hour, local.minute) == (hour, minute)


def test_an_hour_that_summer_time_leaves_out_is_made_up_for_and_one_that_it_repeats_is_due_once() -> None:
    spring = cron.next_due("30 2 * * *", datetime(2026, 3, 8, 6, tzinfo=UTC), NEW_YORK)
    assert spring == datetime(2026, 3, 8, 7, tzinfo=UTC)
    first = cron.next_due("30 1 * * *", datetime(2026, 11, 1, 4, tzinfo=UTC), NEW_YORK)
    assert cron.next_due("30 1 * * *", first, NEW_YORK) - first > timedelta(hours=20)


def test_a_line_is_told_in_words() -> None:
    assert cron.in_words("15 3 * * *") == "At 03:15 every day"
