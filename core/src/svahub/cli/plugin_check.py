"""`svahub plugins check`: run the conformance kit on a package, and say which level it reaches."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.exits import ExitCode, end_with
from svahub.cli.output import as_text, json_option, show_object, show_table
from svahub.cli.progress import bar
from svahub.clock import SystemClock
from svahub.testing.grades import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from svahub.testing.checking.assessment import Assessment
    from svahub.testing.checking.subject import Subject

NEEDED = ("pytest", "xdist", "hypothesis", "uvicorn", "httptools")
COLUMNS = {"capability": "name"} | {
    name.replace("_", " "): name for name in ("level", "verdict", "passed", "failed", "excused", "not_run", "seconds")
}
FAILURES_SHOWN = 5


@click.command("check", epilog="Example: svahub plugins check acme --level silver --html acme.html")
@click.argument("package", shell_complete=completion.providers)
@click.option(
    "--level",
    type=click.Choice(Level, case_sensitive=False),
    default=Level.BRONZE,
    show_default=Level.BRONZE.value,
    help="What has to be reached.",
)
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page of it too."
)
@json_option
def check(package: str, level: Level, page: Path | None, as_json: bool) -> None:
    """Test a plugin with the conformance kit, and say which level it reaches.

    PACKAGE is an installed package, a provider by its name, or a folder (./acme), whose sources are tested as they are.
    Bronze is the lifecycle; silver adds faults; gold adds listing, adoption and rotation. A test that was excused or
    did not run is none that passed. Ends with 1 below the level that is asked.
    """
    _require_kit()
    from svahub.testing.checking.assessment import lowest, reaches

    subject, assessed = _checked(package)
    reached = lowest(assessed)
    if page:
        _write_page(page, subject, reached, assessed)
    if as_json:
        _show_document(subject, level, reached, assessed)
    else:
        show(subject, level, reached, assessed)
    end_with(ExitCode.REACHED if reaches(reached, level) else ExitCode.ERROR)


def _require_kit() -> None:
    if any(find_spec(package) is None for package in NEEDED):
        raise click.ClickException("The conformance kit needs more packages: pip install 'svahub[testing]'.")


def _checked(package: str) -> tuple[Subject, list[Assessment]]:
    from svahub.testing.checking.assessment import assess
    from svahub.testing.checking.running import report_of
    from svahub.testing.checking.subject import subject_of

    with TemporaryDirectory(prefix="svahub-check-") as folder:
        subject = subject_of(package, Path(folder))
        report = report_of(subject, Path(folder), lambda tests: bar(subject.package, tests))
    return subject, [assess(contract) for contract in report]


def _show_document(subject: Subject, asked: Level, reached: Level | None, assessed: Sequence[Assessment]) -> None:
    about = {"package": subject.package, "version": subject.version, "origin": subject.origin}
    show_object({**about, "asked": asked, "level": reached, "providers": assessed}, as_json=True)


def _write_page(file: Path, subject: Subject, reached: Level | None, assessed: Sequence[Assessment]) -> None:
    from svahub.testing.checking.page import page

    file.write_text(page(subject, reached, assessed, SystemClock().now()), encoding="utf-8")


def show(subject: Subject, asked: Level, reached: Level | None, assessed: Sequence[Assessment]) -> None:
    """Print a table for each provider, what its failures say, and what is between the package and the next level."""
    for one in assessed:
        contract = "" if one.own else "; the package has no contract of its own, one was made from its entry points"
        click.echo(f"{one.title} ({one.provider}): {one.level or 'no level'}{contract}")
        show_table(one.capabilities, COLUMNS)
        _show_failures(one)
    told = f"{subject.package} {subject.version} ({subject.origin}): {reached or 'no level'}"
    between = [f"{one.title}: {cap}" for one in assessed for cap in one.caps]
    click.echo("\n".join([f"\n{told}; asked: {asked}.", *between]))


def _show_failures(assessed: Assessment) -> None:
    told = assessed.failures
    for message, (name, *others) in list(told.items())[:FAILURES_SHOWN]:
        lines = (as_text(line) for line in message.splitlines())
        click.echo("\n".join([f"\n{name}{f', and {len(others)} more' if others else ''}:", *lines]))
    if len(told) > FAILURES_SHOWN:
        click.echo(f"\n… and {len(told) - FAILURES_SHOWN} other ways to fail: --json and --html have them all.")
    for name, reason in assessed.excuses.items():
        click.echo(f"\n{name} is excused: {as_text(reason)}")
