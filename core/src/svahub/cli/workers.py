"""`svahub workers`: which processes bring providers to what is desired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from svahub.cli.output import json_option, show_table
from svahub.cli.session import pass_office
from svahub.presence import everybody

if TYPE_CHECKING:
    from svahub.hub import TenantHub
    from svahub.presence import WorkerView

COLUMNS = (
    "host", "pid", "runner", "threads", "tenants", "started_at", "seen_at", "shards", "under_way", "lost_since",
)  # fmt: skip
NOBODY = "Nobody works. Run: svahub work"


@click.group("workers")
def command() -> None:
    """Show who works."""


@command.command("list", epilog="Example: svahub workers list")
@json_option
@pass_office
def list_workers(office: TenantHub, as_json: bool) -> None:
    """List the workers of every tenant, as each tells of itself every two seconds.

    SHARDS is at how many of 64 parts a worker looks now; one that shares with nobody looks everywhere. A worker that
    was not heard of for ten seconds, or whose process has ended, is lost; it is forgotten after a day.
    """
    views = everybody(office.hub.store)
    show_table(views if as_json else [_told(view) for view in views], COLUMNS, as_json, empty=NOBODY)


def _told(view: WorkerView) -> dict[str, object]:
    told = {name: getattr(view, name) for name in COLUMNS}
    return told | {"tenants": ", ".join(view.tenants) or "all", "shards": "all" if view.shards is None else view.shards}
