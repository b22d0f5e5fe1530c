"""The package that `plugins new` writes: its code reads as ours, its types are right, and it passes the kit as is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from svahub.cli import main
from svahub.discovery import SIMULATORS, load
from svahub.hub import Hub
from svahub.scaffold import AuthKind, register_command, write
from svahub.scaffold.naming import Naming
from svahub.testing.checking.sources import Project

ROOT = Path(__file__).parents[2]
UV = os.environ.get("UV") or shutil.which("uv") or "uv"
each_way = pytest.mark.parametrize("auth", AuthKind, ids=str)


def named(auth: AuthKind) -> Naming:
    return Naming(f"acme-{auth.value}", "tv")


def generated(folder: Path, auth: AuthKind) -> Path:
    """Write a package into a folder of its own, and return that."""
    write(folder / auth.value, named(auth), auth)
    return folder / auth.value


def run(*command: str | Path, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-5000:]
    return ended


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return what writes a package and puts it on the path, as installing it would."""
    before = set(sys.modules)

    def put(auth: AuthKind) -> Path:
        folder = generated(tmp_path, auth)
        Project.read(folder).describe(tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.syspath_prepend(folder / "src")
        return folder

    yield put
    for name in [name for name in set(sys.modules) - before if name.startswith("svahub_acme")]:
        del sys.modules[name]


def reads_as_ours(folder: Path) -> None:
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", folder=folder)
    run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".", folder=folder)
    run(
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--config",
        ROOT / "pyproject.toml",
        "--ignore",
        "ARG002",
        "src",
        folder=folder,
    )


@each_way
def test_its_code_reads_as_ours(tmp_path: Path, auth: AuthKind) -> None:
    reads_as_ours(generated(tmp_path, auth))


@pytest.mark.parametrize("name", ["a", "zz-" * 9 + "zzz"])
def test_its_code_reads_as_ours_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    write(tmp_path, Naming(name, name), AuthKind.OAUTH2)
    reads_as_ours(tmp_path)


@each_way
def test_its_files_are_no_longer_than_ours(tmp_path: Path, auth: AuthKind) -> None:
    lengths = {file.name: len(file.read_text().splitlines()) for file in generated(tmp_path, auth).rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


@each_way
def test_the_command_that_it_tells_next_registers_its_simulator(
    on_path: Any, auth: AuthKind, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(auth)
    naming = named(auth)
    loaded = load(SIMULATORS, naming.name)
    assert loaded is not None
    with loaded.plugin(seed=1).running() as simulator:
        line = register_command(naming, auth).replace("\\\n", " ").replace("URL", simulator.url)
        for plain in ("username", "client_id"):
            line = re.sub(f"{plain}=[A-Z]+", f"{plain}={simulator.credentials.get(plain)}", line)
        for secret, variable in re.findall(r"--secret (\w+)=env:(\w+)", line):
            monkeypatch.setenv(variable, simulator.credentials[secret])
        for words in (line.split()[1:], ["integration", "test", naming.name]):
            result = CliRunner().invoke(main, words, obj=hub)
            assert result.exit_code == 0, result.output


def test_it_passes_what_the_kit_asks_of_each_verb(on_path: Any, tmp_path: Path) -> None:
    folder = on_path(AuthKind.BEARER)
    report = tmp_path / "report.json"
    alone = ["-c", folder / "pyproject.toml", "--rootdir", folder, "-p", "no:cacheprovider", "-p", "no:terminal"]
    some = ["-n", "0", "-k", "what_is_asked or listed_once", "--svahub-report", str(report)]
    pytest.main([*map(str, alone), *some, str(folder / "tests")])
    (contract,) = json.loads(report.read_text())["contracts"]
    ran = {test["name"]: test["outcome"] for test in contract["tests"] if test["outcome"] != "not run"}
    assert len(ran) > 8
    assert {name: outcome for name, outcome in ran.items() if outcome != "passed"} == {}
    assert contract["level"] is None


def test_its_act_agrees_with_its_simulator(on_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, auth = on_path(AuthKind.OAUTH2), AuthKind.OAUTH2
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder.parent), str(folder / "src")]))
    played = CliRunner().invoke(main, ["demo", named(auth).name, "--json"])
    assert played.exit_code == 0, played.output
    (act,) = json.loads(played.stdout)
    assert [row["agree"] for row in act["rows"]] == [True] * 4


@pytest.mark.deep
def test_its_types_are_right_whatever_authenticates(tmp_path: Path) -> None:
    sources = [generated(tmp_path, auth) / "src" for auth in AuthKind]
    packages = [word for source in sources for word in ("-p", next(source.iterdir()).name)]
    run(
        sys.executable, "-m", "mypy", "--strict", "--config-file", sources[0].parent / "pyproject.toml", *packages,
        folder=tmp_path, MYPYPATH=os.pathsep.join(map(str, sources)),
    )  # fmt: skip


@pytest.fixture(scope="session")
def core_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of the core."""
    folder = tmp_path_factory.mktemp("core")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT / "core")
    return next(folder.glob("*.whl"))


@dataclass(frozen=True)
class Newcomer:
    """Somebody with an environment of their own, in which svahub is installed from its wheel."""

    folder: Path

    def install(self, *packages: str | Path) -> None:
        """Install packages and what they need."""
        python = self.folder / "venv" / "bin" / "python"
        run(UV, "pip", "install", "--quiet", "--python", python, *packages)

    def svahub(self, *words: str) -> str:
        """Run the command, and return what it prints."""
        command = self.folder / "venv" / "bin" / "svahub"
        return run(command, *words, folder=self.folder, PYTHONPATH="", HOME=str(self.folder)).stdout

    def gold(self, package: str) -> tuple[str, str, bool]:
        """Check a package for gold; return where it was, its level, and whether it has a contract of its own."""
        told = json.loads(self.svahub("plugins", "check", package, "--level", "gold", "--json"))
        return told["origin"], told["level"], told["providers"][0]["own"]


@pytest.fixture
def newcomer(tmp_path: Path, core_wheel: Path) -> Newcomer:
    """Return somebody who has followed `pip install 'svahub[testing]'`."""
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    newcomer = Newcomer(tmp_path)
    newcomer.install(f"svahub[testing] @ {core_wheel.as_uri()}")
    return newcomer


@pytest.mark.deep
@each_way
def test_it_is_gold_where_it_is_installed(newcomer: Newcomer, auth: AuthKind) -> None:
    made, wheels = newcomer.folder / "made", newcomer.folder / "wheels"
    newcomer.svahub("plugins", "new", "acme", "--auth", auth.value, "--folder", "made")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", wheels, made)
    newcomer.install(*wheels.glob("*.whl"))
    assert newcomer.gold("svahub-acme") == ("installed", "gold", False)


@pytest.mark.deep
def test_it_is_gold_where_it_lies(newcomer: Newcomer) -> None:
    newcomer.svahub("plugins", "new", "acme", "--folder", "made")
    assert newcomer.gold("./made") == ("the sources in made", "gold", True)
