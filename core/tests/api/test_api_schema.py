"""schemathesis asks the API whatever its OpenAPI document lets it think of, and finds nothing."""

from __future__ import annotations

from collections.abc import Callable
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
from svahub.server.api import ENDPOINTS
from svahub.verbs import Action, Command

OFTEN = "1000000/second"

REPRESENTATIVES = ("list_operations", "change")
"""One that reads and one that changes: the others go the same ways. The long proof asks all."""
CONFIG = """
[dictionaries.contracts]
values = ["C1", "C2", "C3"]
[dictionaries.integrations]
values = ["clinic", "cameras"]
[parameters]
"path.contract" = { dictionary = "contracts", probability = 0.8 }
"path.integration" = { dictionary = "integrations", probability = 0.8 }
[phases.coverage]
generate-duplicate-query-parameters = true
"""


@pytest.fixture
def client(office: TenantHub, serve: Callable[..., Any], sign: Any) -> httpx.Client:
    """Return an admin's client of an ISP that has some of everything."""
    for n in range(1, 4):
        sign(office, f"C{n}", product="CAM")
        office.verbs.issue(Command(Action.BLOCK, f"C{n}"))
    for name in ("clinic", "cameras"):
        office.integrations.disable(name)  # nobody drives them: who waits is answered at once
    api = serve(office.hub, rate=OFTEN)
    client: httpx.Client = api.bearer("admin")
    return client


def test_the_document_says_all_that_there_is(client: httpx.Client) -> None:
    document = client.get("/openapi.json", headers={"Authorization": ""}).json()
    said = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert said == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert document["openapi"].startswith("3.1.")


def test_schemathesis_finds_nothing(client: httpx.Client, tmp_path: Path) -> None:
    some = [option for name in REPRESENTATIVES for option in ("--include-operation-id", name)]
    found = asked(client, tmp_path, "--max-examples", "3", "--phases", "coverage,fuzzing", *some)
    assert found.exit_code == 0, found.output


@pytest.mark.deep
def test_schemathesis_finds_nothing_however_long_it_asks(client: httpx.Client, tmp_path: Path) -> None:
    found = asked(client, tmp_path, "--max-examples", "100")
    click.echo(found.output)  # its figures, for who asks with -rP
    assert found.exit_code == 0, found.output


def asked(client: httpx.Client, folder: Path, *options: str) -> Any:
    """Let schemathesis ask with all its checks."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    url = str(client.base_url).rstrip("/")
    for name, cursor in cursors(client).items():
        schemathesis.openapi.format(f"{name}-cursor", st.just(cursor))
    config = ["--config-file", str(folder / "schemathesis.toml")]
    always = ["--url", url, "-H", f"Authorization: {client.headers['authorization']}", "--checks", "all", "--no-color"]
    return CliRunner().invoke(
        command, [*config, "run", f"{url}/openapi.json", *always, "--generation-deterministic", *options]
    )


def cursors(client: httpx.Client) -> dict[str, str]:
    """Return a cursor of each list."""
    lists = {endpoint.handler.__name__: endpoint.path for endpoint in ENDPOINTS if endpoint.pages}
    return {name: client.get(path, params={"limit": 1}).json()["next"] for name, path in lists.items()}
