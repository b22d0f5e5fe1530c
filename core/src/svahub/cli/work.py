"""`svahub work`: bring the providers to what is desired, once or until told to stop."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from svahub.areas.health import FAILED, PARKED_TASKS
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import as_text, json_option, show_object
from svahub.cli.progress import bar
from svahub.cli.session import pass_session
from svahub.cli.working import at_work, runner_option, stopped_by_signals, threads_option
from svahub.store.states import State
from svahub.waiting import STUCK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from svahub.cli.session import Session
    from svahub.hub import TenantHub
    from svahub.store.states import RunnerName

OPEN = (State.DUE, State.RUNNING, State.WAITING, State.PENDING)


@dataclass(frozen=True, slots=True)
class Summary:
    """Subscriptions and tasks by state, what stands against calling an integration, and when the next retry is due.

    `unread` are deliveries that were not read, `failed` those that could not be; `untold` are messages that other
    systems have not taken, `parked_messages` those of them that nobody sends any more.
    """

    states: dict[str, int]
    problems: dict[str, str]
    next_due: datetime | None
    tasks: dict[str, int]
    unread: int = 0
    failed: int = 0
    untold: int = 0
    parked_messages: int = 0

    @property
    def code(self) -> ExitCode:
        """Say whether a person is needed: something is stuck, or due and cannot be called from here."""
        stuck = any(counts.get(state.value) for state in STUCK for counts in (self.states, self.tasks))
        waits = self.states.get(State.DUE.value) or self.tasks.get(State.DUE.value) or self.unread
        unreachable = self.problems and waits
        personal = stuck or self.failed or self.parked_messages or unreachable
        return ExitCode.NEEDS_PERSON if personal else ExitCode.REACHED


@click.command("work", epilog="Example: svahub work --once")
@click.option("--once", is_flag=True, help="Return when nothing is due any more; a later retry is left for later.")
@threads_option
@runner_option
@click.option("--all-tenants", is_flag=True, help="Work for every tenant.")
@json_option
@pass_session
def command(session: Session, once: bool, threads: int, runner: RunnerName, all_tenants: bool, as_json: bool) -> None:
    """Bring the providers to what is desired, until SIGTERM or Ctrl-C; calls under way end first.

    What providers told (`svahub inbox list`) is read, other systems (`svahub outbox list`) are told what happens, and
    what is due by the clock (`svahub schedule list`) is done, too.
    Exits with 0 only if nothing is parked, quarantined or missing.
    """
    offices = [session.hub.tenant(t.name) for t in session.hub.tenants()] if all_tenants else [session.office]
    names = [] if all_tenants else [session.tenant]
    with (
        bar("steps", partial(_open, offices) if once else None) as progress,
        at_work(session.hub, names, threads=threads, runner=runner, progress=progress, once=once) as work,
        stopped_by_signals(work.stop),
    ):
        work.once() if once else work.runner.work_on()
    summary = _summary(offices)
    show_object(summary, as_json) if as_json else _tell(summary)
    end_with(summary.code)


def _open(offices: Sequence[TenantHub]) -> int:
    counted = [office.counts().states for office in offices]
    return sum(states.get(state, 0) for states in counted for state in OPEN)


def _summary(offices: Sequence[TenantHub]) -> Summary:
    states: Counter[str] = Counter()
    problems: dict[str, str] = {}
    for office in offices:
        counts = office.counts()
        states.update({state.value: count for state, count in counts.states.items()})
        prefix = f"{office.name}/" if len(offices) > 1 else ""
        problems |= {prefix + name: problem for name, problem in counts.problems.items()}
    due = [at for office in offices if (at := office.subscriptions.next_due())]
    beside = [one for office in offices for one in office.health.beside()]
    tasks: Counter[str] = Counter()
    for one in beside:
        tasks.update(one.tasks)
    unread, failed = sum(one.unread for one in beside), sum(one.failed for one in beside)
    next_due = min(due, default=None)
    told = [target for office in offices for target in office.outbox.status(limit=0).targets]
    parked = sum(target.parked for target in told)
    untold = sum(target.waiting for target in told) + parked
    return Summary(
        dict(sorted(states.items())), problems, next_due, dict(sorted(tasks.items())), unread, failed, untold, parked
    )


def _tell(summary: Summary) -> None:
    show_object(summary.states or {"subscriptions": 0})
    if summary.next_due and summary.states.get(State.WAITING.value):
        click.echo(f"The next of those that wait is due at {as_text(summary.next_due)}.")
    for name, problem in summary.problems.items():
        click.echo(f"{name}: {problem}", err=True)
    if summary.states.get(State.PARKED.value):
        click.echo("A person decides about what is parked: svahub operations list --outcome parked", err=True)
    if summary.tasks:
        told = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in summary.tasks.items())
        click.echo(f"Tasks that have not ended: {told}. All: svahub tasks list")
    if summary.tasks.get(State.PARKED.value):
        click.echo(f"A person decides about parked tasks: {PARKED_TASKS}", err=True)
    if summary.failed:
        click.echo(f"{summary.failed} deliveries could not be read: {FAILED}", err=True)
    if summary.untold:
        click.echo(f"{summary.untold} messages were not taken by other systems: svahub outbox status", err=True)
    if summary.states.get(State.QUARANTINED.value) or summary.tasks.get(State.QUARANTINED.value):
        mend = "Mend the credentials, then free an integration with `svahub integration test NAME`"
        click.echo(f"{mend}; or give it others: `svahub integration rotate NAME`", err=True)
