"""A report as CSV (for a spreadsheet: a separator that Excel in Brazil takes) and as JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from typing import Any

from svahub_asaas.reports.rows import Line, Report


def as_csv(report: Report) -> str:
    """Return the lines as CSV; amounts with a point, dates as 2026-11-30."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    names = [field.name for field in fields(Line)]
    writer.writerow(names)
    for line in report.lines:
        writer.writerow(["" if (value := getattr(line, name)) is None else value for name in names])
    return text.getvalue()


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
