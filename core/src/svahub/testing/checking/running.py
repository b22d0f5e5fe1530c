"""The kit in a process of its own: what a plugin does to the process in which it is tested does not matter here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svahub.errors import Refused
from svahub.testing.checking import ORDER, REPORT

if TYPE_CHECKING:
    from svahub.testing.checking.subject import Subject

LOG = "pytest.log"
LINES_SHOWN = 30
NOT_HANDED_ON = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
"""These could leave tests out, or the kit itself."""

Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Given how many tests there are, what is to be told how many more have ended."""


def report_of(subject: Subject, workshop: Path, progress: Progress) -> list[dict[str, Any]]:
    """Run the kit on a package, and return what it reports of each contract, and whether that is the package's `own`.

    Raises Refused when it cannot be run: something cannot be imported, or there is no simulator.
    """
    order = {"providers": subject.providers, "files": subject.contracts}
    (workshop / ORDER).write_text(json.dumps(order))
    with _running(subject, workshop) as lines:
        made = _follow(lines, progress)
    report = workshop / REPORT
    contracts: list[dict[str, Any]] = json.loads(report.read_text())["contracts"] if report.is_file() else []
    if not contracts:
        last = "\n".join((workshop / LOG).read_text(errors="replace").splitlines()[-LINES_SHOWN:])
        raise Refused(f"The conformance kit could not be run on {subject.package}. pytest said:\n{last}")
    return [{**contract, "own": contract["provider"] not in made} for contract in contracts]


def _follow(lines: Iterator[dict[str, Any]], progress: Progress) -> list[str]:
    """Tell how far the process is, and return the providers whose contracts were made."""
    began = next(lines, {})
    if "refused" in began:
        raise Refused(began["refused"])
    with progress(next(lines, {}).get("tests", 0)) as advance:
        for _ in lines:
            advance(1)
    made: list[str] = began.get("made", [])
    return made


@contextmanager
def _running(subject: Subject, workshop: Path) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield what the process tells, line by line; it ends with the block."""
    command = [sys.executable, "-m", "svahub.testing.checking.child", str(workshop)]
    with (workshop / LOG).open("wb") as log:
        child = subprocess.Popen(  # noqa: S603  # every word of the command is ours
            command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, env=_environment(subject), text=True
        )
        with child:
            try:
                yield (json.loads(line) for line in child.stdout or ())
            except BaseException:
                child.terminate()
                raise


def _environment(subject: Subject) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}
    path = [*subject.paths, *filter(None, [kept.get("PYTHONPATH")])]
    return kept | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})
