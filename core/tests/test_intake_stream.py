"""Reading as a stream: formats told apart, files that are none, flat memory, and any bytes at all."""

from __future__ import annotations

import io
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.intake import ContractRow, FileFormat, Rejected, read, read_file
from svahub.intake.columns import REQUIRED
from svahub.intake.reading import SeenIds

HEADER = ";".join(REQUIRED)
PERSON = '{"id":"7","name":"Ana","document":"52998224725"}'
JSON = f'{{"contract_id":"C%d","customer":{PERSON},"items":[{{"code":"1","product_code":"T"}}]}}\n'
CSV = "C%d;7;Ana;52998224725;1;T\n"


class Endless(io.RawIOBase):
    """A file of many contracts that never is in memory."""

    def __init__(self, head: str, line: str, count: int) -> None:
        contracts = ((line % number).encode() for number in range(count))
        self._lines: Iterator[bytes] = chain([head.encode()] if head else [], contracts)

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self._lines, b"")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", FileFormat.JSON_LINES),
        ("a.NDJSON", FileFormat.JSON_LINES),
        ("a.json", FileFormat.JSON_LINES),
        ("a.csv", FileFormat.CSV),
        ("a.TXT", FileFormat.CSV),
        ("a", None),
    ],
)
def test_the_suffix_tells_the_format(name: str, expected: FileFormat | None) -> None:
    assert FileFormat.of(name) is expected


@pytest.mark.parametrize("text", [f"{HEADER}\n{CSV % 1}", JSON % 1, "\ufeff" + JSON % 1])
def test_without_a_name_the_first_byte_tells_the_format(text: str) -> None:
    (found,) = read(io.BytesIO(text.encode()))
    assert isinstance(found, ContractRow)


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "contracts.csv"
    path.write_text(f"{HEADER}\n{CSV % 1}", encoding="utf-8")
    assert [row.contract_id for row in read_file(path)] == ["C1"]


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((JSON % 1).encode())))
    assert [row.contract_id for row in read_file("-")] == ["C1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest", "workbook"),
        (b"[\n", "JSON array"),
        (b'[{"contract_id": 1}]', "JSON array"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_rejection(content: bytes, reason: str) -> None:
    (found,) = read(io.BytesIO(content), name="x.csv")
    assert isinstance(found, Rejected)
    assert found.line == 1
    assert reason in found.errors[0].reason


@pytest.mark.parametrize("chosen", FileFormat)
@given(content=st.binary(max_size=300) | st.text('{}[]";,\n\r\0aé1:', max_size=300).map(str.encode))
def test_no_bytes_make_it_fail(chosen: FileFormat, content: bytes) -> None:
    head = f"{HEADER}\n".encode() if chosen is FileFormat.CSV else b""
    for found in read(io.BytesIO(head + content), chosen):
        assert isinstance(found, Rejected)
        assert found.errors


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=30))
def test_an_id_is_new_once(ids: list[str]) -> None:
    seen = SeenIds()
    assert [seen.add(id) for id in ids] == [id not in ids[:index] for index, id in enumerate(ids)]


def test_many_ids_are_all_remembered() -> None:
    seen = SeenIds()
    assert all(seen.add(str(number)) for number in range(20_000))
    assert not any(seen.add(str(number)) for number in range(20_000))


@pytest.mark.parametrize(("head", "line"), [("", JSON), (f"{HEADER}\n", CSV)])
@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.deep)])
def test_memory_grows_only_by_the_ids_that_were_seen(head: str, line: str, count: int) -> None:
    keys_that_the_json_parser_keeps = 1_500_000
    assert _peak(head, line, count) < 64 * count + keys_that_the_json_parser_keeps


def _peak(head: str, line: str, count: int) -> int:
    tracemalloc.start()
    try:
        rows = read(Endless(head, line, count))  # type: ignore[arg-type]  # RawIOBase is a BinaryIO in all but name
        assert sum(isinstance(row, ContractRow) for row in rows) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
