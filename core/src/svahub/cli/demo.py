"""`svahub demo`: the acts that installed plugins offer, each on a stage of its own, through the public commands."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from svahub import discovery
from svahub.cli.exits import ExitCode, end_with, sentence
from svahub.cli.output import show_table
from svahub.errors import Refused, UnknownName
from svahub.extension import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub.discovery import Loaded

COLUMNS = {"step": "step", "svahub": "ours", "provider": "theirs", "agree": "agree"}
NONE = "No installed plugin offers an act. Install one, for example: pip install 'svahub[telemedicine,testing]'."


@click.command("demo")
@click.argument("acts", nargs=-1, metavar="[ACT]...")
@click.option("--keep", is_flag=True, help="Keep the folders, and say where they are.")
def command(acts: tuple[str, ...], keep: bool) -> None:
    """Play the acts that installed plugins offer, all unless some are named, against simulators on this machine.

    Exits with 0 only if svahub and every provider agree at every step.
    """
    played = [_played(loaded, keep=keep) for loaded in _chosen(acts)]
    end_with(ExitCode.REACHED if all(played) else ExitCode.ERROR)


def _chosen(acts: Sequence[str]) -> Sequence[Loaded]:
    offered = discovery.load_all(discovery.DEMOS)
    if not offered:
        raise Refused(NONE)
    names = {loaded.name for loaded in offered}
    for act in acts:
        if act not in names:
            raise UnknownName("act", act, names)
    return [loaded for loaded in offered if not acts or loaded.name in acts]


def _played(loaded: Loaded, *, keep: bool) -> bool:
    """Play one act and say whether all agreed; one that breaks keeps no other from being played."""
    click.echo(f"── {loaded.name}")
    if loaded.reason or not callable(loaded.plugin):
        reason = loaded.reason or "it is nothing that can be called"
        click.echo(f"Error: the act {loaded.name!r} of {loaded.distribution} is broken: {reason}", err=True)
        return False
    folder = Path(tempfile.mkdtemp(prefix="svahub-demo-"))
    stage = Stage(folder, click.echo)
    try:
        loaded.plugin(stage)
    except Exception as error:  # noqa: BLE001  # a plugin's act may raise anything
        click.echo(f"Error: {sentence(error)}", err=True)
        return False
    finally:
        _leave(folder, keep=keep)
    click.echo()
    show_table(stage.rows, COLUMNS)
    return bool(stage.rows) and all(row.agree for row in stage.rows)


def _leave(folder: Path, *, keep: bool) -> None:
    if keep:
        click.echo(f"Kept: {folder}", err=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
