"""Answers as they arrive: whatever way they are cut into packets, and nothing that could be read in two ways."""

from __future__ import annotations

from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.incoming import FRAMING_BYTES, Incoming

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

WHOLE = {
    "a length": (OK + b"Content-Length: 5\r\n\r\nhello", "GET", b"hello"),
    "chunks": (CHUNKED + b"2;name=value\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: no header\r\n\r\n", "POST", b"hello"),
    "after others that say it will come": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\n{",
        "POST",
        b"{",
    ),
    "to HEAD": (OK + b"Content-Length: 5\r\n\r\n", "HEAD", b""),
    "to HEAD, of chunks": (CHUNKED, "HEAD", b""),
    "204": (b"HTTP/1.1 204 No Content\r\nX-Id: 1\r\n\r\n", "POST", b""),
    "304 with the length of another": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", b""),
    "no words beside the status": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "GET", b"{}"),
}

REFUSED = {
    "a length beside chunks": CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "chunks beside a length": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "one length twice": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "a length with a sign": OK + b"Content-Length: +5\r\n\r\nhello",
    "a length below zero": OK + b"Content-Length: -5\r\n\r\nhello",
    "an empty length": OK + b"Content-Length:\r\n\r\n",
    "a length beyond all numbers": OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nhello",
    "another coding": OK + b"Transfer-Encoding: identity\r\n\r\nhello",
    "two codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks that are no last coding": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding before it": OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "a chunk's size that is none": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a chunk's size below zero": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk's size as programs write it": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk's size beyond all numbers": CHUNKED + b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"2\r\nhello\r\n0\r\n\r\n",
    "a chunk's line without its end": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "lines without their ends": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "a line's end within a header": OK + b"X-One: 1\rX-Two: 2\r\nContent-Length: 0\r\n\r\n",
    "a folded header": OK + b"X-One: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "a blank before the colon": OK + b"Content-Length : 0\r\n\r\n",
    "a zero byte": OK + b"X-One: 1\x002\r\nContent-Length: 0\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "a status that is none": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "no HTTP at all": b"220 mail.example.com ESMTP\r\n\r\n",
}


def fed(method: str, *parts: bytes) -> Incoming:
    answer = Incoming(method)
    for part in parts:
        answer.feed(part)
    return answer


@pytest.mark.parametrize("name", WHOLE)
@given(cuts=st.sets(st.integers(1, 300), max_size=6))
def test_an_answer_is_the_same_however_it_is_cut(name: str, cuts: set[int]) -> None:
    content, method, body = WHOLE[name]
    places = [0, *sorted(cut for cut in cuts if cut < len(content)), len(content)]
    answer = fed(method, *(content[a:b] for a, b in pairwise(places)))
    assert (answer.complete, answer.fit, b"".join(answer.body())) == (True, True, body)
    assert answer.status in {200, 204, 304}
    assert b"X-Trailer" not in dict(answer.headers)
    assert b"Link" not in dict(answer.headers)


@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_that_breaks_off_anywhere_is_no_answer(name: str) -> None:
    content, method, _ = WHOLE[name]
    for length in range(1, len(content)):
        answer = fed(method, content[:length])
        assert not answer.complete
        with pytest.raises(httpx.RemoteProtocolError):
            answer.feed(b"")


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED.keys())
def test_what_can_be_read_in_two_ways_is_refused(content: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        fed("POST", content)
    with pytest.raises(httpx.RemoteProtocolError):
        fed("POST", *(bytes([byte]) for byte in content))


def test_a_body_of_no_told_length_ends_with_the_connection() -> None:
    answer = fed("GET", OK + b"\r\nhel", b"lo")
    assert not answer.complete
    answer.feed(b"")
    assert (answer.complete, answer.fit, b"".join(answer.body())) == (True, False, b"hello")


@pytest.mark.parametrize("said", [b"Content-Length: 2", b"Transfer-Encoding: chunked"])
def test_an_empty_answer_that_tells_of_a_body_ends_its_connection(said: bytes) -> None:
    answer = Incoming("DELETE")
    answer.feed(b"HTTP/1.1 204 No Content\r\n" + said + b"\r\n\r\n")
    assert (answer.complete, answer.fit) == (True, False)


@pytest.mark.parametrize(
    "more", [WHOLE["a length"][0], b"HTTP/1.1", b"x"], ids=["another answer", "the beginning of one", "anything"]
)
@pytest.mark.parametrize("name", ["a length", "chunks", "to HEAD", "to HEAD, of chunks", "204"])
def test_what_comes_after_a_whole_answer_is_not_read_and_ends_the_connection(name: str, more: bytes) -> None:
    content, method, body = WHOLE[name]
    answer = fed(method, content + more)
    assert (answer.complete, answer.fit, b"".join(answer.body())) == (True, False, body)


@pytest.mark.parametrize(
    ("first", "part"),
    [
        (OK, b"X-More: again and again and again\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED, b"1;" + b"x" * 1000 + b"\r\na\r\n"),
        (CHUNKED + b"0\r\n", b"X-More: again and again and again\r\n"),
    ],
    ids=["headers", "promises", "extensions of chunks", "trailers"],
)
def test_there_is_an_end_to_what_is_no_body(first: bytes, part: bytes) -> None:
    answer = fed("POST", *([first] if first else []))
    more = [part] * (2 * FRAMING_BYTES // len(part))
    with pytest.raises(httpx.RemoteProtocolError):
        list(map(answer.feed, more))


def test_a_long_body_of_short_chunks_is_read_to_its_end() -> None:
    answer = fed("GET", CHUNKED, *[b"1\r\na\r\n" * 1000] * 100, b"0\r\n\r\n")
    assert b"".join(answer.body()) == b"a" * 100_000


@pytest.mark.parametrize("said", [b"Connection: close\r\n", b""], ids=["said", "HTTP/1.0"])
def test_a_connection_that_is_to_be_closed_serves_no_other_call(said: bytes) -> None:
    version = b"HTTP/1.1" if said else b"HTTP/1.0"
    assert not fed("GET", version + b" 200 OK\r\n" + said + b"Content-Length: 0\r\n\r\n").fit
