"""A report as CSV (for a spreadsheet: a separator that Excel in Brazil takes) and as JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from typing import Any

from svahub_asaas.reports.rows import Line, Report

FORMULAS = ("=", "+", "-", "@")


def as_csv(report: Report) -> str:
    """Return the lines as CSV; amounts with a point, dates as 2026-11-30."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    names = [field.name for field in fields(Line)]
    writer.writerow(names)
    for line in report.lines:
        writer.writerow([_cell(getattr(line, name)) for name in names])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return what a cell holds; a text from outside that a spreadsheet would take for a formula is shown as text."""
    if not isinstance(value, str):
        return "" if value is None else value
    line = "".join(letter if letter.isprintable() else " " for letter in value)
    return f"'{line}" if line.startswith(FORMULAS) else line


def as_mapping(report: Report) -> dict[str, Any]:
    """Return all of it in values that JSON has."""
    return {
        "first": report.first,
        "last": report.last,
        "on": report.on,
        "sums": {name: asdict(summed) for name, summed in report.sums.items()},
        "ageing": {age.value: asdict(summed) for age, summed in report.ageing.items()},
        "mean_days_late": report.mean_days_late,
        "lines": [asdict(line) for line in report.lines],
    }
