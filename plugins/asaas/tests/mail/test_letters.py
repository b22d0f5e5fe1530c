"""What a letter says, to whom it may go, and until when; and on which day it is somebody's birthday."""

from __future__ import annotations

import email
import secrets
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svahub import Account, Customer, DocumentKind, Task
from svahub.errors import Rejected
from svahub_asaas.mail.letters import POLICY, Kind, has_birthday, letter

from .post import Post

BORN = date(1980, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def greeting(name: str = "Maria Inventada", address: str | None = "p1@example.com", **kept: Any) -> Task:
    who = Customer("P1", name, "52998224725", DocumentKind.CPF, address, birth_date=BORN)
    return Task(secrets.token_hex(8), Kind.BIRTHDAY, "P1/2026", {}, Account("a1", who), kept=kept)


def written(task: Task, now: datetime = NOON) -> EmailMessage:
    message = letter(task, Post(port=25).settings(), now)
    assert message is not None
    read = email.message_from_bytes(message.as_bytes(policy=POLICY), policy=default)
    assert isinstance(read, EmailMessage)
    return read


HEADERS = {
    "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "From", "Date", "Message-ID",
    "Auto-Submitted",
}  # fmt: skip


@settings(max_examples=60)
@given(st.text(max_size=120), st.text(max_size=120), st.text(max_size=120))
def test_no_name_and_no_text_adds_a_header_or_changes_one(name: str, subject: str, text: str) -> None:
    read = written(greeting(name, subject=f"$first_name {subject} $name", text=text))
    assert set(read.keys()) == HEADERS
    assert len(read.keys()) == len(HEADERS)
    assert (read["To"], read["From"]) == ("p1@example.com", "isp@example.com")
    assert read["Subject"].isprintable()
    assert not read.is_multipart()


def test_a_name_that_would_add_a_recipient_does_not() -> None:
    read = written(greeting("Eva\r\nBcc: all@example.com\r\n\r\nHello"))
    assert (read["Bcc"], read["Subject"]) == (None, "Feliz aniversário, Eva!")


@pytest.mark.parametrize(
    "address",
    ["p1@example.com, all@example.com", "p1@example.com\r\nRCPT TO:<x@example.com>", "<p1@example.com>", "p\x001@a.b",
     "p1", "joão@example.com", "p1@example.com p2@example.com", '"p 1"@example.com'],
)  # fmt: skip
def test_an_address_that_is_more_than_one_gets_nothing(address: str) -> None:
    with pytest.raises(Rejected, match="bad_address"):
        letter(greeting(address=address), Post(port=25).settings(), NOON)


def test_who_has_no_address_gets_nothing() -> None:
    with pytest.raises(Rejected, match="no_address"):
        letter(greeting(address=None), Post(port=25).settings(), NOON)


def test_a_greeting_is_let_go_when_its_day_is_over() -> None:
    settings = Post(port=25).settings()
    last_second = datetime(2026, 11, 24, 2, 59, 59, tzinfo=UTC)
    assert letter(greeting(), settings, last_second) is not None
    assert letter(greeting(), settings, last_second + timedelta(seconds=1)) is None


def test_who_has_opted_out_since_they_were_to_be_greeted_is_not() -> None:
    assert letter(greeting(opted_out=True), Post(port=25).settings(), NOON) is None


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(2000, 2099))
def test_everybody_has_one_birthday_a_year(born: date, year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365 + (date(year, 3, 1) - date(year, 2, 28)).days - 1)]
    assert sum(has_birthday(born, day) for day in days) == 1


@pytest.mark.parametrize(
    ("day", "has"),
    [(date(2027, 2, 28), True), (date(2027, 3, 1), False), (date(2028, 2, 28), False), (date(2028, 2, 29), True)],
)
def test_who_was_born_on_a_leap_day_has_their_birthday_on_the_28th_where_there_is_no_29th(day: date, has: bool) -> None:
    assert has_birthday(date(2000, 2, 29), day) is has
