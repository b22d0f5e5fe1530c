"""`svahub status`: how many subscriptions are where, what is stuck and the next command for it, what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from svahub.areas.bench import REGISTER
from svahub.areas.health import together
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import as_text, json_option, show_object, show_table
from svahub.cli.session import pass_session
from svahub.clock import span

if TYPE_CHECKING:
    from svahub.areas.health import Beside, Status
    from svahub.cli.session import Session

EMPTY = f"There is no integration. {REGISTER}"


@click.command("status", epilog="Example: svahub status")
@click.option("--all-tenants", is_flag=True, help="Count for every tenant.")
@json_option
@pass_session
def command(session: Session, all_tenants: bool, as_json: bool) -> None:
    """Count subscriptions by integration and state, and tasks and deliveries that wait; show what is stuck, and the
    next command for it.

    Exits with 4 when a person has to act: something is parked or quarantined, could not be read, lacks its plugin, or
    is due and cannot be called from here; otherwise with 0.
    """
    offices = [session.hub.tenant(row.name) for row in session.hub.tenants()] if all_tenants else [session.office]
    shown = together([office.health.status() for office in offices])
    show_object(shown, as_json) if as_json else _tell(shown, with_tenant=all_tenants)
    end_with(ExitCode.NEEDS_PERSON if shown.needs_person else ExitCode.REACHED)


def _tell(shown: Status, *, with_tenant: bool) -> None:
    own = ["tenant", "integration"] if with_tenant else ["integration"]
    used = [state for state in _states(shown) if any(tally.states[state] for tally in shown.integrations)]
    rows = [
        {"tenant": t.tenant, "integration": t.integration, "total": t.total} | {s: t.states[s] for s in used}
        for t in shown.integrations
    ]
    show_table(rows, [*own, "total", *used], empty=EMPTY)
    if shown.beside:
        click.echo()
        show_table(
            [_beside(one) for one in shown.beside], [*own, "tasks", "unread deliveries", "unread since", "failed"]
        )
    for stuck in shown.stuck:
        whose = f"{stuck.tenant}/{stuck.integration}" if with_tenant else stuck.integration
        what = f"{stuck.what} {stuck.state.value.replace('_', ' ')}"
        click.echo(f"\n{as_text(f'{whose}: {what}: {stuck.cause}')}\n  → {as_text(stuck.next)}")
    if shown.oldest_due_at is not None and shown.oldest_due_seconds is not None:
        nobody = "" if shown.workers else " Nobody works. Run: svahub work"
        since = as_text(shown.oldest_due_at)
        click.echo(f"\nThe oldest is due since {since}: {span(shown.oldest_due_seconds)}.{nobody}")
    if shown.next_retry_at is not None:
        click.echo(f"\nThe next retry is due at {as_text(shown.next_retry_at)}.")


def _beside(one: Beside) -> dict[str, Any]:
    told = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in one.tasks.items())
    whose = {"tenant": one.tenant, "integration": one.integration, "tasks": told or None}
    unread = {"unread deliveries": one.unread, "unread since": one.unread_since, "failed": one.failed}
    return whose | unread


def _states(shown: Status) -> list[str]:
    return list(shown.integrations[0].states) if shown.integrations else []
