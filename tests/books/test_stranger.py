"""The example's package, installed by a stranger: from wheels, in an environment that holds nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
UV = os.environ.get("UV") or shutil.which("uv") or "uv"
CONTRACT = {
    "contract_id": "C-1",
    "customer": {"id": "1", "name": "Ana Exemplo", "document": "11144477735"},
    "items": [{"code": "1", "product_code": "EBOOKS"}],
}


@dataclass
class Stranger:
    """Somebody with an environment of their own, in which svahub and the example's package are installed."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of somebody who has nothing else on the machine."""
        bare = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(self.folder), "SVAHUB_DATABASE_URL": f"sqlite:///{self.folder}/svahub.db"}
        return bare | home | self.variables

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command as if nothing else were on the machine."""
        command = [self.folder / "venv" / "bin" / "svahub", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def told(self, *arguments: str) -> Any:
        """Run the command, and return the JSON document that it prints."""
        with self.popen(*arguments, "--json") as process:
            printed, complained = process.communicate()
        assert process.returncode == 0, complained
        return json.loads(printed)

    @contextmanager
    def simulator(self) -> Iterator[str]:
        """Run the example's simulator; its key is then in a variable. Yield its address."""
        with self.popen("simulate", "estante", "--json") as process:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            self.variables["ESTANTE_KEY"] = told["key"]
            try:
                yield told["url"]
            finally:
                process.terminate()


def uv(*arguments: str | Path) -> None:
    ended = subprocess.run([UV, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    """Return somebody who has installed both from wheels."""
    for project in (ROOT / "core", ROOT / "examples" / "estante"):
        uv("build", "--quiet", "--wheel", "--out-dir", tmp_path / "wheels", project)
    core, example = sorted((tmp_path / "wheels").glob("*.whl"))
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    at = tmp_path / "venv" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", at, f"svahub[testing] @ {core.as_uri()}", str(example))
    return Stranger(tmp_path)


@pytest.mark.deep
def test_a_strangers_plugin_reaches_gold_with_what_the_extra_installs(stranger: Stranger) -> None:
    (stranger.folder / "tests").mkdir()
    contract = ROOT / "examples" / "estante" / "tests" / "test_contract.py"
    shutil.copy(contract, stranger.folder / "tests")
    command = [stranger.folder / "venv" / "bin" / "python", "-m", "pytest", "-n", "2", "-q", "tests"]
    ended = subprocess.run(command, cwd=stranger.folder, env=stranger.environment, capture_output=True, text=True)
    assert (ended.returncode, "level: gold" in ended.stdout) == (0, True), ended.stdout


@pytest.mark.deep
def test_a_strangers_plugin_is_found_and_sells(stranger: Stranger) -> None:
    (listed,) = stranger.told("plugins")
    assert (listed["name"], listed["distribution"], listed["broken"]) == ("estante", "svahub-estante", None)
    (stranger.folder / "contracts.jsonl").write_text(json.dumps(CONTRACT))
    with stranger.simulator() as url:
        at = ("--environment", "staging", "--base-url", url)
        stranger.told("integration", "add", "books", "--provider", "estante", *at, "--secret", "key=env:ESTANTE_KEY")
        stranger.told("plans", "sync", "books")
        plan = stranger.told("plans", "list")[0]["remote_id"]
        stranger.told("products", "link", "EBOOKS", "--product-type", "books", "--plan", plan)
        stranger.told("contracts", "import", "contracts.jsonl")
        stranger.told("work", "--once")
        (sold,) = stranger.told("subscriptions", "list")
    assert (sold["observed"], sold["state"]) == ("ACTIVE", "settled")
