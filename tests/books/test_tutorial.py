"""The tutorial, followed step by step in an empty folder: its files are written, its commands run, in this process.

That pip installs the package is stood for by what pip would leave; `test_stranger.py` has pip do it.
"""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from svahub.cli import main
from svahub.testing import Simulator

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"
ENGLISH, PORTUGUESE = TUTORIAL / "first-provider.md", TUTORIAL / "primeiro-provedor.md"
EXAMPLE = Path(__file__).parents[2] / "examples" / "estante"
INCLUDED = re.compile(r"^```\{literalinclude\} (\S+)\n(?::language: \w+\n)?:caption: (\S+)\n```$", re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(page: Path) -> dict[str, str]:
    """Return what a page has its reader write, by the path in the package."""
    told = INCLUDED.findall(page.read_text(encoding="utf-8"))
    return {name: (page.parent / source).read_text(encoding="utf-8") for source, name in told}


def commands_of(page: Path) -> str:
    """Return all that a page has its reader type."""
    return "\n".join(SHELL.findall(page.read_text(encoding="utf-8")))


def shown(text: str) -> list[str]:
    """Return what a page has typed, without what is said beside it."""
    return [line.partition("  #")[0].rstrip() for line in text.splitlines()]


@dataclass
class Follower:
    """Somebody who does what the page says; the simulator is the one that they wrote."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    simulator: Simulator
    ran: list[str] = field(default_factory=list)

    def follow(self, script: str) -> None:
        """Type every line that svahub is asked by; write the files that `cat` writes."""
        for name, text in re.findall(r"^cat > (\S+) <<'END'\n(.*?)^END$", script, re.MULTILINE | re.DOTALL):
            (self.folder / name).write_text(text, encoding="utf-8")
        for line in shown(script.replace("\\\n", " ")):
            if line.startswith("export "):
                self._export(*line.removeprefix("export ").split("=", 1))
            elif line.startswith("svahub ") and line != "svahub simulate estante":
                self._run(line)

    def _export(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(name, self.simulator.credentials["key"] if value == "…" else value)

    def _run(self, line: str) -> None:
        plan = next(iter(self.simulator.catalogue())).remote_id
        here = {"URL": self.simulator.url, "REMOTE_ID": plan}
        result = CliRunner().invoke(main, [here.get(word, word) for word in shlex.split(line)][1:])
        assert result.exit_code == 0, f"{line}: {result.output}"
        self.ran.append(line)


@pytest.fixture
def follower(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follower]:
    """Return somebody who has written the tutorial's files, and installed them as `pip install -e .` does."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(sqlite_template, tmp_path / "tutorial.db")  # migrations would take longer than all the rest
    for name, text in files_of(ENGLISH).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    described = tmp_path / "src" / "svahub_estante-0.1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    groups = project["entry-points"].items()
    lines = [line for group, names in groups for line in (f"[{group}]", *(f"{n} = {v}" for n, v in names.items()))]
    (described / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path / "src")
    simulator = importlib.import_module("svahub_estante.simulator").EstanteSimulator
    with simulator(seed=1).running() as running:
        yield Follower(tmp_path, monkeypatch, running)
    for module in [name for name in sys.modules if name.startswith("svahub_estante")]:
        del sys.modules[module]


def test_who_follows_the_tutorial_sells_blocks_and_cancels(follower: Follower) -> None:
    follower.follow(commands_of(ENGLISH))
    (reader,) = follower.simulator.people()
    assert [(sold.status, sold.plan is not None) for sold in reader.subscriptions] == [("CANCELLED", True)]
    assert len(follower.ran) == 13


def test_the_simulator_answers_what_the_companys_document_describes(follower: Follower) -> None:
    paths = yaml.safe_load((EXAMPLE / "openapi.yaml").read_text(encoding="utf-8"))["paths"]
    described = {(verb.upper(), path) for path, verbs in paths.items() for verb in verbs.keys() - {"parameters"}}
    assert follower.simulator.routes() == described


def test_the_tutorial_writes_every_file_of_the_example_but_the_companys_own_document() -> None:
    there = {str(file.relative_to(EXAMPLE)) for file in EXAMPLE.rglob("*") if file.suffix in {".py", ".toml", ".md"}}
    assert files_of(ENGLISH).keys() == there


def test_the_tutorial_has_the_same_files_and_commands_in_portuguese() -> None:
    assert files_of(PORTUGUESE) == files_of(ENGLISH)
    assert shown(commands_of(PORTUGUESE)) == shown(commands_of(ENGLISH))
