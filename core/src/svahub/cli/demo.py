"""`svahub demo`: the acts that installed plugins offer, each on a stage of its own, through the public commands."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from svahub import discovery
from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with, sentence
from svahub.cli.output import json_option, show_table
from svahub.errors import Refused, UnknownName
from svahub.extension.stage import Compared, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub.discovery import Loaded

COLUMNS = {"step": "step", "svahub": "ours", "provider": "theirs", "agree": "agree"}
PACKAGES = {
    "server": ("httptools", "limits", "prometheus_client", "starlette", "uvicorn"),
    "testing": ("httptools", "uvicorn"),
}
"""What is imported of an extra where an act needs it."""
NONE = "No installed plugin offers an act. Install one, for example: pip install 'svahub[telemedicine,testing]'."


@click.command("demo", epilog="Example: svahub demo acme")
@click.argument("acts", nargs=-1, metavar="[ACT]...", shell_complete=completion.acts)
@click.option("--keep", is_flag=True, help="Keep the folders, and say where they are.")
@json_option
def command(acts: tuple[str, ...], keep: bool, as_json: bool) -> None:
    """Play the acts that installed plugins offer, all unless some are named, against simulators on this machine.

    Exits with 0 only if svahub and every provider agree at every step. With --json the tale goes to the error output.
    """
    chosen = _chosen(acts)
    _require_packages(chosen)
    played = [_played(loaded, keep=keep, quiet=as_json) for loaded in chosen]
    if as_json:
        show_table(played, [], as_json=True)
    _sum_up(played, quiet=as_json)
    end_with(ExitCode.REACHED if all(one.agree for one in played) else ExitCode.ERROR)


def _chosen(acts: Sequence[str]) -> Sequence[Loaded]:
    offered = discovery.load_all(discovery.DEMOS)
    if not offered:
        raise Refused(NONE)
    names = {loaded.name for loaded in offered}
    for act in acts:
        if act not in names:
            raise UnknownName("act", act, names)
    return [loaded for loaded in offered if not acts or loaded.name in acts]


def _require_packages(acts: Sequence[Loaded]) -> None:
    """Raise Refused before anything is played, when an act would break off for want of packages."""
    missing = {act.name: lacking for act in acts if (lacking := _missing(act))}
    if missing:
        whole = ",".join(sorted({extra for extras in missing.values() for extra in extras}))
        others = [act.name for act in acts if act.name not in missing]
        without = f" Or play the others alone: svahub demo {' '.join(others)}" if others else ""
        raise Refused(f"More packages are needed by {', '.join(missing)}: pip install 'svahub[{whole}]'.{without}")


def _missing(act: Loaded) -> list[str]:
    extras = ("testing", *getattr(act.plugin, "needs", ()))
    return [extra for extra in extras if any(find_spec(package) is None for package in PACKAGES.get(extra, ()))]


@dataclass(frozen=True, slots=True)
class Played:
    """How one act went; `broken` says why it was not played to its end."""

    act: str
    agree: bool
    rows: tuple[Compared, ...] = ()
    broken: str | None = None


def _played(loaded: Loaded, *, keep: bool, quiet: bool) -> Played:
    """Play one act and compare; one that breaks keeps no other from being played."""
    click.echo(f"── {loaded.name}", err=quiet)
    if loaded.reason or not callable(loaded.plugin):
        reason = loaded.reason or "it is nothing that can be called"
        return _broken(loaded, f"the act {loaded.name!r} of {loaded.distribution} is broken: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="svahub-demo-"))
    stage = Stage(folder, lambda text: click.echo(text, err=quiet))
    try:
        loaded.plugin(stage)
    except Exception as error:  # noqa: BLE001  # a plugin's act may raise anything
        return _broken(loaded, sentence(error))
    finally:
        stage.close()
        _leave(folder, keep=keep)
    if not quiet:
        click.echo()
        show_table(stage.rows, COLUMNS)
        _invite(stage, keep=keep)
    return Played(loaded.name, bool(stage.rows) and all(row.agree for row in stage.rows), tuple(stage.rows))


def _sum_up(played: Sequence[Played], *, quiet: bool) -> None:
    """Name the acts that did not end well, where there were several to look through."""
    failed = [f"  {one.act}: {one.broken or _differing(one)}" for one in played if not one.agree]
    if len(played) > 1:
        told = f"{len(played)} acts were played; {f'{len(failed)} did not end well' if failed else 'all agree'}."
        click.echo("\n".join(["", told, *failed]), err=quiet or bool(failed))


def _differing(played: Played) -> str:
    steps = [row.step for row in played.rows if not row.agree]
    return f"svahub and the provider differ at: {', '.join(steps)}" if steps else "nothing was compared"


def _invite(stage: Stage, *, keep: bool) -> None:
    """Say how to go on by oneself."""
    if stage.invitations and keep:
        click.echo(f"\nGo on:\n  export SVAHUB_DATABASE_URL={stage.store_url}")
    elif stage.invitations:
        click.echo("\nPlay it again with --keep, then go on:")
    for invitation in stage.invitations:
        click.echo(f"  {invitation}")


def _broken(loaded: Loaded, reason: str) -> Played:
    click.echo(f"Error: {reason}", err=True)
    return Played(loaded.name, agree=False, broken=reason)


def _leave(folder: Path, *, keep: bool) -> None:
    if keep:
        click.echo(f"Kept: {folder}", err=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
