"""The lines of a contract file: numbered, of bounded length, decoded. What the lines mean is not known here."""

from __future__ import annotations

import codecs
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

LONGEST_LINE = 1 << 20
MOST_LINES = 200
_CHUNK = 1 << 16


class Line(NamedTuple):
    """One line; with a `problem`, `content` is only its beginning."""

    number: int
    content: bytes
    problem: str | None = None


class UnreadableLineError(Exception):
    """A line that is no text; `beginning` is what can be read of it."""

    def __init__(self, problem: str, beginning: str) -> None:
        self.beginning = beginning
        super().__init__(problem)


def numbered(stream: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Stream the lines; of one longer than `longest` bytes only the beginning is kept."""
    number = 0
    while content := stream.readline(longest + 1):
        number += 1
        content = content.removeprefix(codecs.BOM_UTF8) if number == 1 else content
        if len(content) <= longest:
            yield Line(number, content)
        else:
            _skip_rest(stream, content)
            yield Line(number, content[:_CHUNK], f"the line is longer than {longest} bytes")


def _skip_rest(stream: BinaryIO, content: bytes) -> None:
    while content and not content.endswith(b"\n"):
        content = stream.readline(_CHUNK)


class TextLines:
    """The lines as text, for csv.reader; an unreadable one is raised and the next call goes on behind it.

    The first line that is not plain ASCII decides between UTF-8 and Windows-1252 for the whole file. So nothing is read
    twice, and a line that contradicts is refused instead of being read as other letters.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self.number = 0
        self.replaying = False
        self._replayed_to = 0
        self._lines = iter(lines)
        self._encoding: str | None = None
        self._taken: list[str | UnreadableLineError] = []
        self._ahead: deque[str | UnreadableLineError] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._taken) == MOST_LINES:
            raise UnreadableLineError(f"the quotes do not match, or a row has more than {MOST_LINES} lines", "")
        line = self._ahead.popleft() if self._ahead else self._decoded(next(self._lines))
        self.number += 1
        self._taken.append(line)
        if isinstance(line, UnreadableLineError):
            raise line
        return line

    def peek(self) -> str:
        """Return what is known of the next line, without taking it; "" at the end."""
        if not self._ahead:
            self._ahead.extend(self._decoded(line) for line in islice(self._lines, 1))
        return _beginning(self._ahead[0]) if self._ahead else ""

    @property
    def beginning(self) -> str:
        """What is known of the first line since the last `begin`."""
        return _beginning(self._taken[0])

    def begin(self) -> None:
        """Mark where a record begins; `replaying` then tells whether its first line was given out before."""
        self._taken.clear()
        self.replaying = self.number < self._replayed_to

    def put_back(self) -> None:
        """Give the lines taken since `begin` out again, all but the first."""
        self._replayed_to = max(self._replayed_to, self.number)
        self._ahead.extendleft(reversed(self._taken[1:]))
        self.number -= len(self._taken) - 1

    def _decoded(self, line: Line) -> str | UnreadableLineError:
        if line.problem:
            return _unreadable(line.problem, line.content)
        if b"\0" in line.content:
            return _unreadable("the line has NUL bytes", line.content)
        if line.content.isascii():
            return line.content.decode("ascii")
        return self._letters(line.content)

    def _letters(self, content: bytes) -> str | UnreadableLineError:
        fits = "utf-8" if _is_utf8(content) else "cp1252"
        self._encoding = self._encoding or fits
        if fits != self._encoding:
            return _unreadable(f"the line is not {self._encoding} like the lines before", content)
        try:
            return content.decode(fits)
        except UnicodeDecodeError:
            return _unreadable("the line is neither UTF-8 nor Windows-1252", content)


def _beginning(line: str | UnreadableLineError) -> str:
    return line.beginning if isinstance(line, UnreadableLineError) else line


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(problem: str, content: bytes) -> UnreadableLineError:
    return UnreadableLineError(problem, content[:1000].decode("ascii", errors="replace"))
