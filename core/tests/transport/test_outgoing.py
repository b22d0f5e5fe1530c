"""Requests as they are sent: no value adds a header or a second request, and a body is as long as its head says."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.outgoing import head, packets


def written(content: bytes | Iterable[bytes] = b"", headers: dict[str, str] | None = None) -> list[bytes]:
    request = httpx.Request("POST", "http://127.0.0.1/users", content=content, headers=headers)
    return list(packets(request, b"/users"))


def test_head_and_body_are_one_packet() -> None:
    assert written(b"{}", {"X-Id": "1"}) == [
        b"POST /users HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Id: 1\r\nContent-Length: 2\r\n\r\n{}"
    ]


@given(name=st.text(max_size=12), value=st.text(max_size=12), target=st.text(min_size=1, max_size=12))
def test_no_value_adds_a_line(name: str, value: str, target: str) -> None:
    try:
        content = head("GET", target.encode(), [(b"Host", b"a"), (name.encode(), value.encode())])
    except httpx.LocalProtocolError:
        return
    first, host, added, *ends = content.split(b"\r\n")
    assert (first, host, ends) == (b"GET %s HTTP/1.1" % target.encode(), b"Host: a", [b"", b""])
    assert added == b"%s: %s" % (name.encode(), value.encode())
    assert not {*b"\r\n\0"} & {*first, *added}


@pytest.mark.parametrize("value", ["1\r\nX-Admin: 1", "1\nX-Admin: 1", "1\rX-Admin: 1", "1\0", " 1", "1 "])
def test_a_value_that_would_be_read_otherwise_is_refused_before_anything_is_sent(value: str) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        written(headers={"X-Id": value})


@pytest.mark.parametrize("name", ["X-Id: 1\r\nX-Admin", "X Id", "X-Id:", ""])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        written(headers={name: "1"})


@pytest.mark.parametrize("target", [b"/a b", b"/a\r\nHost: b", b""])
def test_an_address_that_would_be_read_otherwise_is_refused(target: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        head("GET", target, [])


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "2", "Transfer-Encoding": "chunked"},
        {"Content-Length": "+2"},
        {"Transfer-Encoding": "gzip"},
    ],
    ids=["length and chunks", "a length that is none", "another coding"],
)
def test_a_length_that_could_be_read_in_two_ways_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        written(b"{}", headers)


def test_two_lengths_are_refused() -> None:
    request = httpx.Request("POST", "http://127.0.0.1/", headers=[("content-length", "2"), ("Content-Length", "3")])
    with pytest.raises(httpx.LocalProtocolError):
        list(packets(request, b"/"))


def test_a_body_of_unknown_length_goes_out_in_chunks_as_it_comes() -> None:
    first, *others = written(iter([b"hello", b"", b"w" * 17]))
    assert first.endswith(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    assert others == [b"11\r\n%s\r\n" % (b"w" * 17), b"0\r\n\r\n"]


@pytest.mark.parametrize("body", [[b"he"], [b"hello", b"!"], []])
def test_a_body_of_another_length_than_was_told_is_an_error_and_never_longer(body: list[bytes]) -> None:
    request = httpx.Request("POST", "http://127.0.0.1/", content=iter(body), headers={"Content-Length": "5"})
    sent = bytearray()
    with pytest.raises(httpx.LocalProtocolError):
        sent.extend(chain.from_iterable(packets(request, b"/")))
    assert len(sent.partition(b"\r\n\r\n")[2]) <= 5
