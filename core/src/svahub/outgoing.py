"""One request as it is sent: its head checked, so that no value can add a header or a second request, and its body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Headers = Sequence[tuple[bytes, bytes]]

_SEEN = rb"!-~\x80-\xff"
_VALUE = rb"[%s](?:[\t %s]*[%s])?" % (_SEEN, _SEEN, _SEEN)
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD = re.compile(rb"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:%s: (?:%s)?\r\n)*\r\n" % (_NAME, _VALUE))
_CHUNKED = None


def packets(request: httpx.Request, target: bytes, more: Headers = ()) -> Iterator[bytes]:
    """Yield the request in parts, head and beginning of the body together: a packet less at each end.

    LocalProtocolError before the first part, thus before anything is sent, when it is no request; after it when the
    body is not as long as its head says.
    """
    body = _framed(request.stream, _length(request.headers.raw))
    yield head(request.method, target, [*request.headers.raw, *more]) + next(body, b"")
    yield from body


def head(method: str, target: bytes, headers: Headers) -> bytes:
    """Return a request's head; LocalProtocolError when a header has what none may have."""
    lines = b"".join([b"%s: %s\r\n" % header for header in headers])
    written = b"%s %s HTTP/1.1\r\n%s\r\n" % (method.encode("ascii"), target, lines)
    if written.count(b"\n") != len(headers) + 2 or not _HEAD.fullmatch(written):
        raise httpx.LocalProtocolError("the method, the address or a header has a character that HTTP does not allow")
    return written


def _length(headers: Headers) -> int | None:
    """Return how long the body is to be, None when it is sent in chunks."""
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    codings = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings == [b"chunked"] and not lengths:
        return _CHUNKED
    if codings or len(lengths) > 1 or not all(length.isdigit() for length in lengths):
        raise httpx.LocalProtocolError("its headers say two things about the body's length, or nothing clear")
    return int(lengths[0]) if lengths else 0


def _framed(stream: object, length: int | None) -> Iterator[bytes]:
    assert isinstance(stream, httpx.SyncByteStream)
    return _chunks(stream) if length is _CHUNKED else _counted(stream, length)


def _chunks(stream: httpx.SyncByteStream) -> Iterator[bytes]:
    yield from (b"%x\r\n%s\r\n" % (len(part), part) for part in stream if part)
    yield b"0\r\n\r\n"


def _counted(stream: httpx.SyncByteStream, length: int) -> Iterator[bytes]:
    for part in stream:
        length -= len(part)
        if length < 0:
            break
        yield part
    if length:
        raise httpx.LocalProtocolError("the body is not as long as its head says")
