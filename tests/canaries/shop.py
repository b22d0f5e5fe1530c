"""An ISP with one contract sold, all that its commands have printed, and all that its store holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import MetaData, select, update
from svahub.cli import main
from svahub.hub import Hub
from svahub.store import tables

from canaries.persons import Person


@dataclass
class Shop:
    """An ISP with one contract sold, and all that its commands have printed."""

    hub: Hub
    folder: Path
    person: Person
    password: str
    key: str
    printed: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, obj=self.hub, input=stdin)
        self.printed.append(f"$ svahub {' '.join(arguments)}\n{result.output}")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def move(self, url: str) -> None:
        """Have the integration call another address, and forget what became of its subscriptions."""
        with self.hub.store.write() as connection:
            connection.execute(update(tables.integrations).values(base_url=url, state="enabled", cause=None))

    def leaks(self, marks: list[str]) -> list[str]:
        return [f"{mark!r} in: {text[:3000]}" for text in self.printed for mark in marks if mark in _result_of(text)]


def _result_of(text: str) -> str:
    return text.partition("\n")[2]


def stored(hub: Hub, skipped: frozenset[str] = frozenset({"customers"})) -> str:
    """Return every row of every table as text, but those where customers' data has its place."""
    found = MetaData()
    with hub.store.read() as connection:
        found.reflect(connection)
        tables_there = [table for table in found.sorted_tables if table.name not in skipped]
        rows = [
            f"{table.name}: {row}"
            for table in tables_there
            for row in connection.execute(select(*(c for c in table.c if c.name != "last_import")))
        ]
    return "\n".join(rows)


def absent(text: str, marks: list[str]) -> None:
    for line in text.splitlines():
        assert [mark for mark in marks if mark in line] == [], line
