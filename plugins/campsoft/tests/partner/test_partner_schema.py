"""The OpenAPI document of what Campsoft reads is what is served, and the file of it in the package."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import schemathesis
from click.testing import CliRunner
from hypothesis import strategies as st
from schemathesis.cli import schemathesis as command
from svahub.hub import TenantHub

READS = {"/planos", "/clientes/planos", "/clientes/{id}", "/clientes/{id}/produtos"}
LISTS = {"planos": "/planos", "clientes_planos": "/clientes/planos", "clientes_produtos": "/clientes/P1/produtos"}
CONFIG = """
[dictionaries.customers]
values = ["P1", "P2"]
[parameters]
"path.id" = { dictionary = "customers", probability = 0.8 }
[phases.coverage]
generate-duplicate-query-parameters = true
"""
FILE = files("svahub_campsoft.partner") / "openapi.json"


@pytest.fixture
def asking(office: TenantHub, sign: Callable[..., None], client: Any) -> httpx.Client:
    sign(office, "C1", "FILMES", "ESPORTES", "MUSICA")
    sign(office, "C2", "FILMES", person="P2")
    opened: httpx.Client = client(rate="1000000/second")
    return opened


def test_the_file_in_the_package_is_what_is_served(asking: httpx.Client) -> None:
    served = asking.get("/openapi.json", headers={"Authorization": ""}).json()
    assert served == json.loads(FILE.read_text()), "write anew: uv run python -m svahub_campsoft.partner > openapi.json"


def test_the_document_says_all_that_there_is(asking: httpx.Client) -> None:
    document = json.loads(FILE.read_text())
    assert {(path, *methods) for path, methods in document["paths"].items()} == {(path, "get") for path in READS}
    assert document["servers"] == [{"url": "/api/v1"}]
    said = [schema for path in document["paths"].values() for schema in path["get"]["responses"]]
    assert {"200", "401", "403", "404", "422", "429", "503"} <= set(said)


def test_schemathesis_finds_nothing(asking: httpx.Client, tmp_path: Path) -> None:
    some = [option for name in ("clientes_planos", "cliente") for option in ("--include-operation-id", name)]
    found = asked(asking, tmp_path, "--max-examples", "3", "--phases", "coverage,fuzzing", *some)
    assert found.exit_code == 0, found.output


@pytest.mark.deep
def test_schemathesis_finds_nothing_however_long_it_asks(asking: httpx.Client, tmp_path: Path) -> None:
    found = asked(asking, tmp_path, "--max-examples", "100")
    click.echo(found.output)  # its figures, for who asks with -rP
    assert found.exit_code == 0, found.output


def asked(asking: httpx.Client, folder: Path, *options: str) -> Any:
    """Let schemathesis ask with all its checks."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    url = str(asking.base_url).rstrip("/")
    for name, path in LISTS.items():
        cursor = asking.get(path, params={"limite": 1}).json()["proximo"]
        schemathesis.openapi.format(f"{name}-cursor", st.just(cursor))
    config = ["--config-file", str(folder / "schemathesis.toml")]
    always = ["--url", url, "-H", f"Authorization: {asking.headers['authorization']}", "--checks", "all", "--no-color"]
    return CliRunner().invoke(
        command, [*config, "run", f"{url}/openapi.json", *always, "--generation-deterministic", *options]
    )
