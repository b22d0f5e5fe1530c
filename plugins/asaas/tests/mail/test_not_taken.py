"""Mail that does not arrive: what was surely not sent is told apart from what may have been."""

from __future__ import annotations

import threading
from socket import socket

import pytest
from svahub.errors import Busy, Cause, NotSent, OutcomeUnknown, Rejected, Unreachable

from .post import HELLO, Post, free_port, script, sent, take_whole


@pytest.mark.parametrize("answer", ["450 mailbox busy", "451 greylisted", "421 too many"])
def test_a_recipient_that_is_refused_for_now_can_be_tried_again(post: Post, answer: str) -> None:
    post.to_recipient = answer
    with pytest.raises(Busy):
        sent(post.settings())


def test_a_recipient_that_is_refused_is_not_tried_again(post: Post) -> None:
    post.to_recipient = "550 nobody here"
    with pytest.raises(Rejected, match="smtp_550"):
        sent(post.settings())


@pytest.mark.parametrize(("answer", "error"), [("452 full", Busy), ("554 spam", Rejected)])
def test_a_message_that_the_server_refuses_was_not_taken(post: Post, answer: str, error: type[Exception]) -> None:
    post.to_message = answer
    with pytest.raises(error):
        sent(post.settings())


def test_a_server_that_is_away_is_unreachable() -> None:
    with pytest.raises(Unreachable) as failed:
        sent(Post(port=free_port()).settings())
    assert failed.value.cause is Cause.REFUSED


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'a' * 64}.example"])
def test_a_server_that_has_no_address_is_unreachable(host: str) -> None:
    with pytest.raises(Unreachable) as failed:
        sent(Post(port=25).settings(smtp_host=host, smtp_security="tls"))
    assert failed.value.cause is Cause.NAME


def test_what_must_not_be_sent_now_is_not(post: Post) -> None:
    def never(_: float) -> None:
        raise NotSent("the lease ends")

    with pytest.raises(NotSent):
        sent(post.settings(), permit=never)
    assert post.taken == []


def test_nobody_knows_of_a_message_that_was_handed_over_and_not_answered() -> None:
    with script(*HELLO, then=take_whole) as post, pytest.raises(OutcomeUnknown):
        sent(post.settings())


def test_nobody_knows_of_a_message_whose_answer_makes_no_sense() -> None:
    def nonsense(connection: socket) -> None:
        take_whole(connection)
        connection.sendall(b"what?\r\n")

    with script(*HELLO, then=nonsense) as post, pytest.raises(OutcomeUnknown):
        sent(post.settings())


def test_nobody_knows_of_a_message_that_is_answered_too_late() -> None:
    ended = threading.Event()

    def slow(connection: socket) -> None:
        take_whole(connection)
        ended.wait()

    with script(*HELLO, then=slow) as post:
        with pytest.raises(OutcomeUnknown):
            sent(post.settings(), timeout=0.05, patience=0.05)
        ended.set()


@pytest.mark.parametrize("answered", range(len(HELLO)))
def test_a_connection_that_ends_before_the_message_was_handed_over_sent_nothing(answered: int) -> None:
    with script(*HELLO[:answered] or (b"",)) as post, pytest.raises(Unreachable):
        sent(post.settings())


def test_what_is_no_mail_server_gets_no_mail() -> None:
    with script(b"HTTP/1.1 400 Bad Request\r\n\r\n") as post, pytest.raises(Unreachable) as failed:
        sent(post.settings())
    assert failed.value.cause is Cause.MALFORMED
