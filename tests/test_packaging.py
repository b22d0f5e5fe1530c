"""What a user installs: the wheels alone, in environments that hold nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from svahub.cli import COMMANDS

ROOT = Path(__file__).parent.parent
UV = os.environ.get("UV") or shutil.which("uv") or "uv"
PROJECTS = {
    file.parent.name: tomllib.loads(file.read_text())["project"] for file in ROOT.glob("plugins/*/pyproject.toml")
}
"""The plugins that there are, by name."""

SOURCES = sorted(name for name, project in PROJECTS.items() if "svahub.sources" in project["entry-points"])
SELLING = sorted(PROJECTS.keys() - set(SOURCES))
SUBSETS = [
    *(subset for size in range(len(SELLING) + 1) for subset in combinations(SELLING, size)),
    *((source,) for source in SOURCES),
    (*SELLING, *SOURCES),
]
SMOKE = """
from svahub.cli import main
main(["--help"], standalone_mode=False)
print("=" * 20)
main(["plugins", "--json"], standalone_mode=False)
"""
pytestmark = pytest.mark.xdist_group("packaging")


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and a home for what its programs write."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *packages: str) -> None:
        """Install packages and what they need."""
        uv("pip", "install", "--quiet", "--python", self.python, *packages)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program as if nothing else were on the machine."""
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")}
        return subprocess.run(command, env=bare_environment() | home, capture_output=True, text=True)

    def svahub(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return self.run(self.python, "-m", "svahub", *args)

    def copied(self, folder: Path) -> Environment:
        """Return another one with the same packages, compiled as they are: files are links to the same content.

        Whoever installs there replaces files and writes to none, so that each stays its own.
        """
        shutil.copytree(self.folder, folder, symlinks=True, copy_function=os.link)
        return Environment(folder)


def bare_environment() -> dict[str, str]:
    ours = ("SVAHUB_", "PYTHON", "VIRTUAL_ENV", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def uv(*args: str | Path) -> None:
    ended = subprocess.run([UV, *args], cwd=ROOT, env=bare_environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


Installed = Callable[..., Environment]
"""Returns the environment that holds the core and the plugins named, and nothing else."""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a wheel of the core, and of each plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    uv("build", "--quiet", "--wheel", "--all-packages", "--out-dir", folder)
    return folder


@pytest.fixture(scope="session")
def core_alone(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return the environment of the core, which has compiled most of its modules."""
    folder = tmp_path_factory.mktemp("environments") / "core"
    uv("venv", "--quiet", "--python", sys.executable, folder)
    environment = Environment(folder)
    environment.install(f"svahub @ {core_wheel(wheels)}")
    environment.svahub("--database", f"sqlite:///{folder}/first.db", "contracts", "list")
    return environment


@pytest.fixture(scope="session")
def installed(core_alone: Environment, wheels: Path) -> Installed:
    """Return what makes each environment when it is first asked for: one plugin less, and its extra installed there."""
    made: dict[tuple[str, ...], Environment] = {(): core_alone}

    def environment(*plugins: str) -> Environment:
        if plugins not in made:
            made[plugins] = environment(*plugins[:-1]).copied(core_alone.folder.with_name("-".join(plugins)))
            extras = ",".join(product_types(plugins[-1]) or plugins[-1:])
            made[plugins].install(f"svahub[{extras}] @ {core_wheel(wheels)}", "--find-links", str(wheels))
        return made[plugins]

    return environment


def product_types(plugin: str) -> list[str]:
    return sorted(PROJECTS[plugin]["entry-points"].get("svahub.product_types", {}))


def core_wheel(wheels: Path) -> str:
    (wheel,) = wheels.glob("svahub-*.whl")
    return wheel.as_uri()


def listed_commands(shown: str) -> set[str]:
    """Return the names in the list of commands that a help shows."""
    lines = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    return {line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")}


@pytest.mark.parametrize("plugins", SUBSETS, ids=lambda plugins: "+".join(plugins) or "none")
def test_any_subset_of_the_plugins_installs_and_offers_what_is_its_own(
    plugins: tuple[str, ...], installed: Installed
) -> None:
    environment = installed(*plugins)
    ran = environment.run(environment.python, "-c", SMOKE)
    assert (ran.returncode, ran.stderr) == (0, "")
    shown, _, listed = ran.stdout.partition("=" * 20)
    own = {name for plugin in plugins for name in PROJECTS[plugin]["entry-points"].get("svahub.commands", {})}
    assert listed_commands(shown) == COMMANDS.keys() | own
    rows: list[dict[str, Any]] = json.loads(listed)
    assert {row["distribution"] for row in rows} == {f"svahub-{plugin}" for plugin in plugins}
    assert {row["name"]: row["product_types"] for row in rows if row["group"] == "svahub.providers"} == {
        plugin: product_types(plugin) for plugin in plugins if plugin in SELLING
    }
    assert [row for row in rows if row["broken"] is not None] == []


def test_the_core_alone_shows_its_help(core_alone: Environment) -> None:
    shown = core_alone.svahub("--help")
    assert (shown.returncode, shown.stderr, "contracts" in shown.stdout) == (0, "", True)


def test_the_core_alone_has_no_plugins(core_alone: Environment) -> None:
    shown = core_alone.svahub("plugins", "--json")
    assert (shown.returncode, shown.stderr, json.loads(shown.stdout)) == (0, "", [])
    assert "svahub plugins new" in core_alone.svahub("plugins").stdout


def test_the_core_alone_names_the_extra_that_serves_telemedicine(core_alone: Environment) -> None:
    link = ("products", "link", "TELE", "--product-type", "telemedicine", "--integration", "tele", "--plan", "1")
    refused = core_alone.svahub(*link)
    assert (refused.returncode, "svahub[telemedicine]" in refused.stderr) == (1, True), refused.stderr


def test_the_extra_brings_the_plugin_that_serves_it(installed: Installed) -> None:
    shown = installed("teleclinica").svahub("plugins", "--json")
    assert shown.returncode == 0, shown.stderr
    (plugin,) = json.loads(shown.stdout)
    assert (plugin["name"], plugin["distribution"]) == ("teleclinica", "svahub-teleclinica")
    assert plugin["product_types"] == ["telemedicine"]


def test_a_plugins_own_tables_and_texts_come_with_it(installed: Installed, tmp_path: Path) -> None:
    store = ("--database", f"sqlite:///{tmp_path / 'new.db'}")
    listed = installed("asaas").svahub(*store, "asaas", "invoices", "list", "--json")
    assert (listed.returncode, listed.stderr, json.loads(listed.stdout)) == (0, "", [])


def test_without_the_extra_the_server_names_it(core_alone: Environment, tmp_path: Path) -> None:
    refused = core_alone.svahub("--database", f"sqlite:///{tmp_path / 'new.db'}", "serve")
    assert (refused.returncode, "svahub[server]" in refused.stderr) == (1, True), refused.stderr


def test_without_the_extra_the_check_of_plugins_names_it(core_alone: Environment) -> None:
    refused = core_alone.svahub("plugins", "check", "acme")
    assert (refused.returncode, "svahub[testing]" in refused.stderr) == (1, True), refused.stderr


def test_the_core_alone_writes_a_new_plugin(core_alone: Environment, tmp_path: Path) -> None:
    written = core_alone.svahub("plugins", "new", "acme", "--folder", str(tmp_path / "acme"))
    assert (written.returncode, written.stderr, (tmp_path / "acme" / "pyproject.toml").is_file()) == (0, "", True)


def test_the_program_is_the_module(core_alone: Environment) -> None:
    shown = core_alone.run(core_alone.folder / "bin" / "svahub", "--version")
    assert (shown.returncode, shown.stdout) == (0, core_alone.svahub("--version").stdout)
    assert shown.stdout.startswith("svahub,")
