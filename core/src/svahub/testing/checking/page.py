"""The assessment as one page for a browser: no script, no font, no image, nothing that is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from svahub.testing.checking.assessment import said

if TYPE_CHECKING:
    from datetime import datetime

    from svahub.testing.checking.assessment import Assessment
    from svahub.testing.checking.subject import Subject
    from svahub.testing.grades import Level

COLUMNS = ("capability", "level", "verdict", "passed", "failed", "excused", "not run", "seconds")


def page(subject: Subject, level: Level | None, assessments: Sequence[Assessment], at: datetime) -> str:
    """Return the page's HTML."""
    template = Template((files(__package__) / "page.html").read_text(encoding="utf-8"))
    words = {
        "package": subject.package,
        "version": subject.version,
        "origin": subject.origin,
        "level": level or "none",
        "at": f"{at:%Y-%m-%d %H:%M} UTC",
    }
    sections = "\n".join(part for one in assessments for part in _section(one))
    return template.substitute({name: escape(word) for name, word in words.items()}, sections=sections)


def _section(assessed: Assessment) -> Iterator[str]:
    level = assessed.level or "none"
    yield f"<h2>{escape(assessed.title)} <code>{escape(assessed.provider)}</code> {_badge(level, level)}</h2>"
    yield "<table>"
    yield f"<tr>{''.join(f'<th>{column}</th>' for column in COLUMNS)}</tr>"
    for one in assessed.capabilities:
        told = (one.passed, one.failed, one.excused, one.not_run, one.seconds)
        cells = [escape(one.name), one.level or "", _badge(one.verdict, one.verdict), *map(str, told)]
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    yield "</table>"
    yield from map(_test, assessed.tests)


def _test(test: Any) -> str:
    outcome, told = test["outcome"], said(test)
    head = f"{_badge(outcome, outcome)} {escape(test['name'])}"
    return f"<details><summary>{head}</summary><pre>{escape(told)}</pre></details>" if told else f"<p>{head}</p>"


def _badge(kind: str, text: str) -> str:
    return f'<span class="{kind.replace(" ", "-")}">{escape(text)}</span>'
