"""`svahub db copy`, `backup`, `restore` and `reopen`: a whole store goes to another place, or comes back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from svahub.areas import backups, copies
from svahub.cli.output import confirm, dry_run_option, json_option, show_object, yes_option
from svahub.cli.progress import bar
from svahub.cli.session import pass_session
from svahub.registry import Registry

if TYPE_CHECKING:
    from svahub.cli.session import Session
    from svahub.store import Store

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command("copy", epilog="Example: svahub db copy postgresql://svahub@db.example.br/svahub --dry-run")
@click.argument("url")
@dry_run_option
@yes_option
@json_option
@pass_session
def copy(session: Session, url: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Move the store to the empty database at URL, SQLite or PostgreSQL, and close it here.

    Stop the workers first. Every table is verified by its count and checksum. A copy that was interrupted goes on where
    it was when the command is repeated. `svahub db reopen` opens the store here again.

    A password in URL can be seen by others in the list of processes: PGPASSWORD or a .pgpass file keeps it out of it.
    """
    if not dry_run:
        confirm("The store here will be closed once it is copied: only the copy works then. Go on?", yes)
    moved = copies.copy(session.store, url, actor=session.actor, bar=bar, dry_run=dry_run)
    show_object(moved, as_json, {"tables": ("table", "rows")})
    if not (dry_run or as_json):
        click.echo(f"\nThe store is now {moved.store}: name it in SVAHUB_DATABASE_URL. Here it is closed.", err=True)


@click.command("backup", epilog="Example: svahub db backup backup.db")
@file_argument
@json_option
@pass_session
def backup(session: Session, file: Path, as_json: bool) -> None:
    """Write the whole store to a new FILE while everything runs.

    FILE is an SQLite database, whatever the store is on, and only its owner may read it: it holds personal data. Keys
    and secrets that the store refers to (SVAHUB_SECRET_KEY, env:, file:) are not in it.
    """
    show_object(backups.backup(session.store, file, actor=session.actor, bar=bar), as_json)


@click.command("restore", epilog="Example: svahub --database sqlite:///new.db db restore backup.db --dry-run")
@file_argument
@dry_run_option
@yes_option
@json_option
@pass_session
def restore(session: Session, file: Path, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Bring the backup FILE into the empty store that --database names.

    Providers may have moved since the backup was made, so `svahub work` looks everything up there and then brings it to
    what is desired; nobody is created twice. Import the present contracts before that. What operators asked by hand
    after the backup is not in it: ask it again.
    """
    registry = Registry()
    if not dry_run and not yes:
        _confirm(file, session.store, registry, session.actor)
    restored = backups.restore(file, session.store, registry, actor=session.actor, bar=bar, dry_run=dry_run)
    show_object(restored, as_json)
    if not (dry_run or as_json):
        click.echo("\nNext: svahub contracts import FILE, with the contracts as they are now; svahub work", err=True)


def _confirm(file: Path, store: Store, registry: Registry, actor: str) -> None:
    would = backups.restore(file, store, registry, actor=actor, dry_run=True)
    made = would.made_at.isoformat(sep=" ", timespec="minutes")
    question = f"Restore the backup of {made} and ask {would.asked_again:,} subscriptions again at their providers?"
    confirm(f"{question} The store that was lost must never work again. Go on?", yes=False)


@click.command("reopen", epilog="Example: svahub --database sqlite:///former.db db reopen --dry-run")
@dry_run_option
@yes_option
@json_option
@pass_session
def reopen(session: Session, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Open a store again that `db copy` closed.

    Its copy may have worked meanwhile, so everything is looked up at the providers, as after a restore.

    Stop the workers of the copy and drop it first: svahub does not look whether it still works. Were both to work, both
    would drive the providers, and people would be sold to twice.
    """
    if not dry_run:
        stopped = "svahub does not look whether the copy still works. Have you stopped its workers and dropped it?"
        confirm(f"{stopped} It must never work again. Go on?", yes)
    show_object(copies.reopen(session.store, Registry(), actor=session.actor, dry_run=dry_run), as_json)
