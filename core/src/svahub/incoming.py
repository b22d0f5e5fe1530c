"""One answer as it arrives, parsed by httptools (llhttp, which Node.js has): what is not plainly HTTP/1.1 is refused.

llhttp refuses what smuggling and splitting live on: a length beside chunks, two lengths, bare line ends, folded
headers, sizes that are none. Here is what it leaves to its user: limits, codings, and where an answer ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from collections.abc import Iterator

    Headers = list[tuple[bytes, bytes]]

FRAMING_BYTES = 100 * 1024
"""So much of an answer may be something else than its body: its head, and what stands between chunks."""
FRAMING_PER_BYTE = 16
"""And so much more for each byte of the body: a chunk of one byte takes five others."""

_BODILESS = frozenset({"HEAD", "CONNECT"})
_EMPTY = frozenset({204, 304})
_VERSIONS = frozenset({"1.0", "1.1"})


class Incoming:
    """The answer to one request of `method`; httptools calls the methods that begin with `on_`.

    `known` says that its head is there, `complete` that all of it is; `surplus` that more came than that.
    """

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: Headers = []
        self.known = self.complete = self.surplus = False
        self._method = method
        self._body: list[bytes] = []
        self._framing = self._length = 0
        self._ends_by_closing = self._keeps = False
        self._problem = ""
        self._parser = HttpResponseParser(self)

    @property
    def fit(self) -> bool:
        """Whether its connection may serve another call."""
        return self.complete and self._keeps and not self.surplus

    def feed(self, part: bytes) -> None:
        """Take what has arrived; RemoteProtocolError when it is no answer. Nothing at all says that no more comes."""
        if part:
            self._parse(part)
        else:
            self._end()
        if self.complete:
            del self._parser  # they hold each other, and no more of it is read

    def _parse(self, part: bytes) -> None:
        before = self._length
        try:
            self._parser.feed_data(part)
        except HttpParserUpgrade:
            self._problem = "the server changes the protocol"
        except HttpParserError as error:
            self._failed(str(error))
        self._framing += len(part) - (self._length - before)
        if self._framing > FRAMING_BYTES + FRAMING_PER_BYTE * self._length:
            self._problem = "there is no end to its head"
        if self._problem:
            raise httpx.RemoteProtocolError(self._problem)

    def _failed(self, problem: str) -> None:
        if self.complete:
            self.surplus = True  # what follows a whole answer does not change it
        else:
            self._problem = problem

    def _end(self) -> None:
        if not (self.known and self._ends_by_closing):
            raise httpx.RemoteProtocolError("the server closed the connection before its answer was whole")
        self.complete = True

    def body(self) -> Iterator[bytes]:
        """Yield what of the body has arrived since this was last asked."""
        arrived, self._body = self._body, []
        yield from arrived

    def on_message_begin(self) -> None:
        """An answer begins; whole already, it is another that nobody asked for."""
        self.surplus = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, of the head or after the last chunk."""
        if not self.known:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A head is there: of the answer, or of one that only says that it will come."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._interim()
            return
        self.known = True
        self._keeps = self._parser.should_keep_alive()
        self._frame()
        self.complete = self._method in _BODILESS

    def _interim(self) -> None:
        self.headers.clear()
        if self.status < 100 or self.status == 101:
            self._problem = f"{self.status} answers nothing that was asked"

    def _frame(self) -> None:
        version = self._parser.get_http_version()
        codings, lengths = self._named(b"transfer-encoding"), self._named(b"content-length")
        if version not in _VERSIONS or (codings and (version == "1.0" or codings != [b"chunked"])):
            self._problem = "its version or coding is unknown"
        self._ends_by_closing = not codings and not lengths and self.status not in _EMPTY
        if self.status == 204 and (codings or lengths not in ([], [b"0"])):
            self._keeps = False  # a body may follow though none should, where the next answer is to begin

    def _named(self, name: bytes) -> list[bytes]:
        return [value.strip().lower() for told, value in self.headers if told.lower() == name]

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        if self.complete:
            self.surplus = True
            return
        self._body.append(part)
        self._length += len(part)

    def on_message_complete(self) -> None:
        """An answer is whole."""
        if self.known:
            self.complete = True
