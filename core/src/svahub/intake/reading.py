"""Reading a contract file as a stream, whatever its format; memory does not grow with the file."""

from __future__ import annotations

import codecs
import sys
from array import array
from enum import StrEnum
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from svahub.intake import jsonlines, spreadsheet
from svahub.intake.lines import numbered
from svahub.intake.rejections import Rejected, RowError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from svahub.intake.rows import ContractRow

_AGAIN = "appears again; the rows of a contract must be adjacent, and in JSON Lines a contract is one line"


class FileFormat(StrEnum):
    """How contracts are written."""

    JSON_LINES = "jsonl"
    CSV = "csv"

    @classmethod
    def of(cls, name: str) -> FileFormat | None:
        """Return the format that a file's name tells."""
        return _BY_SUFFIX.get(Path(name).suffix.lower())

    @classmethod
    def sniffed(cls, content: bytes) -> FileFormat:
        """Return the format that the first line tells."""
        return cls.JSON_LINES if content.lstrip()[:1] in {b"{", b"["} else cls.CSV


_BY_SUFFIX = {
    ".jsonl": FileFormat.JSON_LINES,
    ".ndjson": FileFormat.JSON_LINES,
    ".json": FileFormat.JSON_LINES,
    ".csv": FileFormat.CSV,
    ".txt": FileFormat.CSV,
}
_READERS = {FileFormat.JSON_LINES: jsonlines.contracts, FileFormat.CSV: spreadsheet.contracts}


def read_file(path: str | Path, file_format: FileFormat | None = None) -> Iterator[ContractRow | Rejected]:
    """Stream the contracts of a file, of standard input when `path` is "-"."""
    if str(path) == "-":
        yield from read(sys.stdin.buffer, file_format)
        return
    with Path(path).open("rb") as stream:
        yield from read(stream, file_format, str(path))


def read(stream: BinaryIO, file_format: FileFormat | None = None, name: str = "") -> Iterator[ContractRow | Rejected]:
    """Stream every contract in the file's order, each good or rejected with all that is wrong.

    Without `file_format`, the suffix of `name` tells it, else the first byte.
    """
    lines = numbered(stream)
    head = next(lines, None)
    if head is None:
        yield Rejected.for_line(1, "the file is empty")
    elif problem := unusable(head.content):
        yield Rejected.for_line(1, problem)
    else:
        chosen = file_format or FileFormat.of(name) or FileFormat.sniffed(head.content)
        yield from _once(_READERS[chosen](chain([head], lines)))


def unusable(head: bytes) -> str | None:
    """Return why a file that begins so is none of lines, None when it may be one."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "the file is UTF-16; save it as CSV UTF-8"
    if head.startswith(b"PK\x03\x04"):
        return "the file is a workbook or an archive; save it as CSV"
    if head.lstrip()[:1] == b"[":
        return "the file is one JSON array; write one object a line, without brackets and commas between"
    return None


def _once(contracts: Iterator[ContractRow | Rejected]) -> Iterator[ContractRow | Rejected]:
    seen = SeenIds()
    for contract in contracts:
        if contract.contract_id is None or seen.add(contract.contract_id):
            yield contract
        else:
            again = RowError(contract.line, "contract_id", _AGAIN)
            errors = contract.errors if isinstance(contract, Rejected) else ()
            yield Rejected(contract.line, contract.contract_id, (again, *errors))


class SeenIds:
    """A set of ids that keeps 8 bytes of hash for each: 16 to 32 bytes an id, where a set of text takes 150."""

    def __init__(self) -> None:
        self._slots = array("Q", [0]) * 1024
        self._count = 0

    def add(self, id: str) -> bool:
        """Return whether the id is new, and keep it."""
        digest = _digest(id)
        slot = self._slot(digest)
        if self._slots[slot]:
            return False
        self._slots[slot] = digest
        self._count += 1
        if self._count * 2 > len(self._slots):
            self._grow()
        return True

    def __contains__(self, id: str) -> bool:
        return bool(self._slots[self._slot(_digest(id))])

    def _slot(self, digest: int) -> int:
        last = len(self._slots) - 1
        slot = digest & last
        while self._slots[slot] not in {0, digest}:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        kept, self._slots = self._slots, array("Q", [0]) * (2 * len(self._slots))
        for digest in kept:
            if digest:
                self._slots[self._slot(digest)] = digest


def _digest(id: str) -> int:
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest(), "little") or 1
