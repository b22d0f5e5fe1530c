"""What commands print: tables for people, one JSON document for programs; and the options that they share."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from svahub.clock import local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

NOTHING = "Nothing to show."

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def confirm(question: str, yes: bool) -> None:
    """Ask on a terminal and leave unless the answer is yes; a program that pipes its input is not asked."""
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


def show_table(
    rows: Iterable[Any], columns: Sequence[str] | Mapping[str, str], as_json: bool = False, empty: str = NOTHING
) -> None:
    """Print rows (mappings, dataclasses, models): all their fields as a JSON list, or `columns` as a table.

    `columns` are names of fields, or headers with the names of their fields. JSON is written row by row.
    """
    if as_json:
        _write_list(rows)
        return
    headers = columns if isinstance(columns, dict) else {name.replace("_", " "): name for name in columns}
    lines = [[_cell(field(row, name)) for name in headers.values()] for row in rows]
    click.echo(_tabulated(lines, list(headers)) if lines else empty)


def show_object(shown: Any, as_json: bool = False, columns: Mapping[str, Sequence[str]] | None = None) -> None:
    """Print one object: a JSON object, or a line per field with lists of objects as tables below them.

    `columns` are the fields to show of the tables' rows, by the table's name; all, where it says nothing.
    """
    if as_json:
        click.echo(as_document(shown))
        return
    named = as_mapping(shown)
    tables = {name: value for name, value in named.items() if _is_rows(value)}
    click.echo(_tabulated([[_words(name), _cell(value)] for name, value in named.items() if name not in tables]))
    for name, rows in tables.items():
        click.echo(f"\n{_words(name)}:")
        show_table(rows, (columns or {}).get(name) or list(as_mapping(rows[0])))


def as_document(shown: Any) -> str:
    """Return the JSON text: dates ISO 8601, decimals as text, enums as their values."""
    whole = shown._asdict() if hasattr(shown, "_asdict") else shown
    return json.dumps(whole, default=_plain, ensure_ascii=False, indent=2)


def as_line(shown: Any) -> str:
    """Return the JSON text in one line, for a stream."""
    return json.dumps(shown, default=_plain, ensure_ascii=False)


def as_text(value: Any) -> str:
    """Return a value as a table's cell shows it: nothing in it steers the terminal."""
    return _cell(value)


def as_mapping(row: Any) -> Mapping[str, Any]:
    """Return a row's fields by name."""
    if is_dataclass(row):
        return {part.name: getattr(row, part.name) for part in fields(row)}
    if hasattr(row, "model_dump"):
        return {name: getattr(row, name) for name in type(row).model_fields}
    if hasattr(row, "_asdict"):
        row = row._asdict()
    named: Mapping[str, Any] = row
    return named


def field(row: Any, name: str) -> Any:
    """Return one field of a row, None when it has none of this name."""
    return row.get(name) if hasattr(row, "get") else getattr(row, name, None)


def _write_list(rows: Iterable[Any]) -> None:
    opening = "["
    for row in rows:
        click.echo(f"{opening}\n{as_document(row)}", nl=False)
        opening = ","
    click.echo("[]" if opening == "[" else "\n]")


def _plain(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case Enum():
            return value.value
        case set() | frozenset():
            return sorted(value, key=str)
    if is_dataclass(value):
        return as_mapping(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _is_rows(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and (hasattr(value[0], "get") or is_dataclass(value[0]))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case datetime():
            return local(value, _zone())
        case dict():
            return ", ".join(f"{name}={_cell(inner)}" for name, inner in value.items())
        case list() | tuple():
            return ", ".join(map(_cell, value))
        case set() | frozenset():
            return ", ".join(sorted(map(_cell, value)))
    if is_dataclass(value):
        return " ".join(filter(None, map(_cell, as_mapping(value).values())))
    return "".join(_visible(str(value)))


def _zone() -> tzinfo:
    """Return the zone of whoever reads: that of the tenant that the command acts for."""
    from svahub.cli.session import Session

    context = click.get_current_context(silent=True)
    session = context.find_object(Session) if context else None
    return session.zone if session else UTC


def _visible(text: str) -> Iterator[str]:
    # A provider's or a spreadsheet's text must not steer the terminal.
    return (character if character.isprintable() else " " for character in text)


def _tabulated(lines: list[list[str]], headers: Sequence[str] = ()) -> str:
    from tabulate import tabulate

    # Not parsed as numbers: a code such as 007 or 1e5 stays as it is.
    text: str = tabulate(lines, headers=headers, tablefmt="simple" if headers else "plain", disable_numparse=True)
    return text
