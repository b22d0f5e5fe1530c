"""Rows that may be very many, printed as they come: as CSV, or within one JSON document."""

from __future__ import annotations

import csv
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from svahub.cli.output import as_document, as_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_csv(kind: type[Any], rows: Iterable[Any]) -> None:
    """Print rows of a kind of dataclass as CSV, all their fields, with a line of names."""
    names = [part.name for part in fields(kind)]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])


def _cell(value: object) -> object:
    """Return a value of which no spreadsheet makes a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def write_json(shown: Any, rows: Iterable[Any], name: str = "rows") -> None:
    """Print one JSON document: an object, and in it the rows."""
    click.echo(as_document(shown).removesuffix("\n}") + f',\n  "{name}": [', nl=False)
    for number, row in enumerate(rows):
        click.echo(("," if number else "") + "\n    " + as_line(row), nl=False)
    click.echo("\n  ]\n}")
