"""What a user installs: the wheels alone, in environments that hold nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = os.environ.get("UV") or shutil.which("uv") or "uv"
pytestmark = pytest.mark.xdist_group("packaging")


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and a home for what its programs write."""

    folder: Path

    def install(self, *packages: str) -> None:
        uv("venv", "--quiet", "--python", sys.executable, self.folder)
        uv("pip", "install", "--quiet", "--python", self.folder / "bin" / "python", *packages)

    def svahub(self, *args: str) -> subprocess.CompletedProcess[str]:
        program = self.folder / "bin" / "svahub"
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")}
        return subprocess.run([program, *args], env=bare_environment() | home, capture_output=True, text=True)


def bare_environment() -> dict[str, str]:
    ours = ("SVAHUB_", "PYTHON", "VIRTUAL_ENV", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def uv(*args: str | Path) -> None:
    ended = subprocess.run([UV, *args], cwd=ROOT, env=bare_environment(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for distribution in ("svahub", "svahub-teleclinica", "svahub-asaas", "svahub-campsoft", "svahub-iot"):
        uv("build", "--quiet", "--wheel", "--package", distribution, "--out-dir", folder)
    return folder


@pytest.fixture(scope="session")
def core_alone(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("core"))
    environment.install(f"svahub @ {core_wheel(wheels)}")
    return environment


@pytest.fixture(scope="session")
def with_telemedicine(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("telemedicine"))
    environment.install(f"svahub[telemedicine] @ {core_wheel(wheels)}", "--find-links", str(wheels))
    return environment


@pytest.fixture(scope="session")
def with_billing(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("billing"))
    environment.install(f"svahub[billing] @ {core_wheel(wheels)}", "--find-links", str(wheels))
    return environment


def core_wheel(wheels: Path) -> str:
    (wheel,) = wheels.glob("svahub-*.whl")
    return wheel.as_uri()


def test_the_core_alone_shows_its_help(core_alone: Environment) -> None:
    shown = core_alone.svahub("--help")
    assert (shown.returncode, shown.stderr, "contracts" in shown.stdout) == (0, "", True)


def test_the_core_alone_has_no_plugins(core_alone: Environment) -> None:
    shown = core_alone.svahub("plugins", "--json")
    assert (shown.returncode, shown.stderr, json.loads(shown.stdout)) == (0, "", [])


def test_the_core_alone_names_the_extra_that_serves_telemedicine(core_alone: Environment) -> None:
    link = ("products", "link", "TELE", "--product-type", "telemedicine", "--integration", "tele", "--plan", "1")
    refused = core_alone.svahub(*link)
    assert (refused.returncode, "svahub[telemedicine]" in refused.stderr) == (1, True), refused.stderr


def test_the_extra_brings_the_plugin_that_serves_it(with_telemedicine: Environment) -> None:
    shown = with_telemedicine.svahub("plugins", "--json")
    assert shown.returncode == 0, shown.stderr
    (plugin,) = json.loads(shown.stdout)
    assert (plugin["name"], plugin["distribution"]) == ("teleclinica", "svahub-teleclinica")
    assert plugin["product_types"] == ["telemedicine"]


def test_a_plugins_own_tables_and_texts_come_with_it(with_billing: Environment, tmp_path: Path) -> None:
    store = ("--database", f"sqlite:///{tmp_path / 'new.db'}")
    listed = with_billing.svahub(*store, "asaas", "invoices", "list", "--json")
    assert (listed.returncode, listed.stderr, json.loads(listed.stdout)) == (0, "", [])


def test_without_the_extra_the_server_names_it(core_alone: Environment, tmp_path: Path) -> None:
    refused = core_alone.svahub("--database", f"sqlite:///{tmp_path / 'new.db'}", "serve")
    assert (refused.returncode, "svahub[server]" in refused.stderr) == (1, True), refused.stderr


def test_python_m_svahub_is_the_command(core_alone: Environment) -> None:
    python = core_alone.folder / "bin" / "python"
    shown = subprocess.run(
        [python, "-m", "svahub", "--version"], env=bare_environment(), capture_output=True, text=True
    )
    assert (shown.returncode, shown.stdout[:7]) == (0, "svahub,")
