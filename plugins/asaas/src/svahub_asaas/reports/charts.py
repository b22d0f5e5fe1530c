"""The charts of a report, as SVG that needs nothing else, drawn by pygal."""

from __future__ import annotations

import sys
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pygal

from svahub_asaas.reports.rows import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from svahub_asaas.reports.rows import Report

# pygal puts a finder of its own, for plugins that nobody here has, before every later import of the process.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

COLOURS = {"paid": "#2e8b57", "pending": "#4a7fb5", "overdue": "#d1592b", "reversed": "#7d5ba6", "unknown": "#8a8a8a"}
AGES = ("#4a7fb5", "#e3a33b", "#d9772f", "#c24a2c", "#8e2a1e")
DAYS = 62
"""A longer span is drawn by month."""
MOST_LABELS = 10
SCALE = {"y_labels_major_count": 5, "show_minor_y_labels": False, "include_x_axis": True}


def by_standing(report: Report) -> str:
    """Return a ring of what is paid, pending, overdue and reversed."""
    sums = {name: summed for name, summed in report.sums.items() if name != "issued" and summed.count}
    chart = pygal.Pie(title="By standing", inner_radius=0.55, **_looks(*(COLOURS[name] for name in sums)))
    for name, summed in sums.items():
        chart.add(f"{name} {_share(summed.value, report.issued.value)}", [float(summed.value)])
    return _drawn(chart)


def by_age(report: Report) -> str:
    """Return bars of what is not paid, by its age."""
    chart = pygal.Bar(title="Not paid (R$), by days overdue", show_legend=False, **SCALE, **_looks(*AGES))
    chart.x_labels = [age.value for age in report.ageing]
    values = [float(summed.value) for summed in report.ageing.values()]
    chart.add("", [{"value": value, "color": AGES[number]} for number, value in enumerate(values)])
    return _drawn(chart)


def by_time(report: Report) -> str:
    """Return lines of what was due and what was paid, by day, or by month where there are many days."""
    form = "%Y-%m-%d" if len({line.due_date for line in report.lines}) <= DAYS else "%Y-%m"
    due: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    paid: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for line in report.lines:
        due[_part(line.due_date, form)] += line.value
        if line.paid_on is not None:
            paid[_part(line.paid_on, form)] += line.value
    return _drawn(_lines(sorted({*due, *paid}), due, paid))


def _lines(times: list[str], due: Mapping[str, Decimal], paid: Mapping[str, Decimal]) -> Any:
    unit = "day" if all(len(time) > len("2026-11") for time in times) else "month"
    looks = _looks(COLOURS["pending"], COLOURS["paid"])
    chart = pygal.Line(title=f"Due and paid (R$), by {unit}", show_minor_x_labels=False, dots_size=2, **SCALE, **looks)
    chart.x_labels = [_label(time) for time in times]
    chart.x_labels_major_every = max(1, -(-len(times) // MOST_LABELS))
    chart.add("due", [float(due.get(time, NOTHING)) for time in times])
    chart.add("paid", [float(paid.get(time, NOTHING)) for time in times])
    return chart


def _part(day: date, form: str) -> str:
    return day.strftime(form)


def _label(time: str) -> str:
    """Return a day as 24/11, a month as 11/2026."""
    year, month, *day = time.split("-")
    return f"{day[0]}/{month}" if day else f"{month}/{year}"


def _share(part: Decimal, whole: Decimal) -> str:
    return f"{part * 100 / whole:.0f} %" if whole else ""


def _looks(*colours: str) -> dict[str, Any]:
    style = pygal.style.Style(
        background="transparent",
        plot_background="transparent",
        font_family="system-ui, sans-serif",
        colors=colours or ("#4a7fb5",),
        title_font_size=18,
        label_font_size=14,
        major_label_font_size=14,
        legend_font_size=15,
        no_data_font_size=20,
    )
    return {
        "style": style,
        "js": [],
        "height": 340,
        "width": 520,
        "no_data_text": "nothing",
        "legend_at_bottom": True,
        "legend_box_size": 12,
        "truncate_legend": -1,
        "truncate_label": -1,
    }


def _drawn(chart: Any) -> str:
    """Return the chart without what makes it move: a page that is mailed runs no script."""
    root = chart.render_tree()
    for parent in list(root.iter()):
        for script in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(script)
    drawn: str = pygal.etree.etree.tostring(root, encoding="unicode")
    return drawn
