"""`svahub events`: what happened that somebody may want to hear of, for a terminal or a pipe."""

from __future__ import annotations

import errno
import select
import signal
import sys
import threading
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from svahub import brazil
from svahub.cli.options import LARGEST
from svahub.cli.output import NOTHING, as_line, as_text
from svahub.cli.session import pass_office
from svahub.store.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from svahub.hub import TenantHub
    from svahub.store import StoreUnavailable
    from svahub.store.rows import EventRow

SHOWN = 50
WIDTH = max(map(len, EventKind))


class Since(click.ParamType[Any]):
    """A number, or a date as 2026-12-31 or 31/12/2026."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | int:
        """Return the number or the date, or fail as a usage error."""
        if str(value).isdecimal():
            return click.IntRange(0, LARGEST).convert(value, param, ctx)
        try:
            return brazil.date_of(str(value))
        except ValueError as error:
            self.fail(f"{error}, and an event's number in digits.", param, ctx)


class _Ended(Exception):
    """SIGTERM came."""


@click.command("events", epilog="Example: svahub events --since 1 --limit 20")
@click.option("--follow", is_flag=True, help="Go on with what happens, until Ctrl-C or SIGTERM.")
@click.option(
    "--kind", "names", multiple=True, type=click.Choice([k.value for k in EventKind]), help="Only these kinds."
)
@click.option("--since", type=Since(), metavar="DATE|NUMBER", help="From that day on, or after that event's number.")
@click.option(
    "--limit",
    type=click.IntRange(0, LARGEST),
    help=f"Begin with the last N; default {SHOWN}, with --since all of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one object a line, as a stream has no end.")
@pass_office
def command(
    office: TenantHub,
    follow: bool,
    names: Sequence[str],
    since: date | int | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show what happened, the oldest first: what was parked, quarantined or freed, debts, plans that were retired.

    Each event has a number that grows by one: `--since` with the last one seen goes on from there and misses nothing.
    """
    kinds = [EventKind(name) for name in names]
    last = SHOWN if limit is None and since is None else limit
    after = office.events.start(since, kinds, last)
    if not follow:
        if not _show(office.events.until_now(after, kinds), as_json) and not as_json:
            click.echo(NOTHING, err=True)
        return
    with _ending_on_sigterm():
        _show(office.events.follow(after, kinds, _tell_of_store), as_json)


def _show(batches: Iterator[Sequence[EventRow]], as_json: bool) -> int:
    """Print events and return how many those were."""
    shown = 0
    for batch in batches:
        shown += len(batch)
        for event in batch:
            click.echo(as_line(event) if as_json else _line(event))
        if not batch and _reader_is_gone():
            raise BrokenPipeError(errno.EPIPE, "nobody reads any more")
    return shown


def _line(event: EventRow) -> str:
    subject = "/".join(filter(None, (event.contract_id, event.item_code)))
    told = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in event.details.items() if value is not None)
    parts = (f"{event.number:>6}", as_text(event.at), f"{event.kind.value:<{WIDTH}}")
    return as_text("  ".join((*parts, *filter(None, (event.integration, subject, told)))))


def _tell_of_store(error: StoreUnavailable | None) -> None:
    click.echo(f"{error} Going on when it is back." if error else "The store is back.", err=True)


def _reader_is_gone() -> bool:
    """Say whether the pipe has no reader any more: `| head` would otherwise be waited for until the next event."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # no file: a test's, or closed
        return False
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(state & select.POLLERR for _, state in poll.poll(0))


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end what is inside, as if it had come to its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise _Ended

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Ended:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
