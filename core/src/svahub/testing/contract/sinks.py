"""Nobody can be told from what is written: logs, errors, the audit, explanations, the store, paths of requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from click.testing import CliRunner
from sqlalchemy import MetaData, select

from svahub.cli import main
from svahub.commands import Action
from svahub.testing.contract.canaries import MEND, secrets_of, unseen
from svahub.testing.contract.verdict import broken, hold
from svahub.testing.faults import Fault
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.person import Person

WITH_PEOPLE = frozenset({"customers"})
"""Where customers' data have their place."""
HEARD_OF = (Fault.REPEATING, Fault.ERROR_AFTER, Fault.MALFORMED)


@theme("privacy", Level.SILVER)
class Sinks:
    """What a provider that repeats all it is told, and one that breaks off, leave behind."""

    def test_nobody_is_told_of_in_what_is_written(self, svahub_isp: Isp) -> None:
        """A whole life, each verb of which meets errors that repeat what was sent."""
        with _logged() as lines:
            person = _lived(svahub_isp)
        hold(len(person.views) == 1, "a sale", "nothing was sold", "have create_user call the provider")
        unseen(person, "\n".join(lines), "the log")
        for command in (["explain", person.contract("A"), "--json"], ["audit", "list", "--json"], ["events", "--json"]):
            result = CliRunner().invoke(main, ["--tenant", svahub_isp.tenant, *command], obj=svahub_isp.stand.hub)
            unseen(person, result.output, f"svahub {command[0]}")
        unseen(person, _stored(svahub_isp), "the store beside customers")

    def test_no_secret_is_in_the_store(self, svahub_isp: Isp) -> None:
        """A secret is a reference; a token that was fetched is sealed."""
        (person,) = svahub_isp.people("one")
        text = b"".join(file.read_bytes() for file in svahub_isp.stand.folder.glob("svahub.db*"))
        leaked = [mark for mark in secrets_of(svahub_isp) if mark.encode() in text]
        hold(person.remote_id, "a sale", "nothing was sold", "have create_user call the provider")
        hold(not leaked, "no secret in the store's files", f"{len(leaked)} credentials are in them", MEND)

    def test_nobody_is_told_of_in_the_path_of_a_request(self, svahub_isp: Isp) -> None:
        """Paths are logged by everybody on the way; a document is looked up by in a query alone."""
        person = _lived(svahub_isp)
        visits = svahub_isp.visits()
        for visit in visits:
            unseen(person, visit.path, "the path of a request", [visit])
            query, marks = unquote_plus(visit.query), (*person.addresses, person.phone, *secrets_of(svahub_isp))
            kept_out = [mark for mark in marks if mark in query or mark in visit.query]
            hold(not kept_out, "a document alone in a query", "the query tells of somebody", MEND, [visit])
        if not any(visit.writes for visit in visits):
            broken("requests", "none came", "have the hooks call the provider")


def _lived(isp: Isp) -> Person:
    """Have somebody live through the verbs, each of which meets what the provider says in the end."""
    person = isp.person()
    turns: tuple[Callable[[], None], ...] = (
        person.sell, person.block, lambda: person.ask(Action.UNBLOCK), person.move,
    )  # fmt: skip
    for turn in turns:
        for fault in HEARD_OF:
            isp.strike(fault, 0)
            if fault is HEARD_OF[0]:
                turn()
            person.work()
            isp.simulator.faults.clear()
            isp.retry([person])
        person.settle()
    person.ask(Action.CANCEL)
    person.settle()
    person.agrees("a life with errors")
    return person


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Gather all that is logged, as it would be written."""
    lines: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _stored(isp: Isp) -> str:
    """Return every row of every table as text, but of those where customers' data have their place."""
    found = MetaData()
    with isp.stand.hub.store.read() as connection:
        found.reflect(connection)
        there = [table for table in found.sorted_tables if table.name not in WITH_PEOPLE]
        columns = [[column for column in table.c if column.name != "last_import"] for table in there]
        return "\n".join(str(row) for chosen in columns for row in connection.execute(select(*chosen)))
