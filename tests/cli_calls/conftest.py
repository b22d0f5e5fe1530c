"""What the tests of commands that call a provider may ask for: what runs them, and an ISP that sells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.hub import Hub, TenantHub

from cli_calls.calls import ADD, CPF, OTHER_CPF, Run, plan

if TYPE_CHECKING:
    from svahub_teleclinica.simulator import TeleClinicaSimulator


@pytest.fixture
def hub(usual_database_url: str) -> Iterator[Hub]:
    with Hub.open(usual_database_url) as hub:
        yield hub


@pytest.fixture
def run(hub: Hub) -> Run:
    def invoke(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, obj=hub, input=stdin)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def shop(office: TenantHub, run: Run, tmp_path: Path) -> Run:
    """Sell one contract of Maria's, and two of Ana's, of whom the second has an item that nothing serves."""
    run("plans", "sync", "tele")
    run("products", "link", "TM", "--product-type", "telemedicine", "--plan", plan(run, "Individual"))
    maria = {"id": "P1", "name": "Maria Inventada", "document": CPF, "email": "maria@example.com"}
    ana = {"id": "P2", "name": "Ana Inventada", "document": OTHER_CPF}
    item, other = {"code": "1", "product_code": "TM"}, {"code": "2", "product_code": "NET"}
    contracts = [("C1", maria, [item]), ("A1", ana, [item]), ("A2", ana, [item, other])]
    lines = [{"contract_id": id, "customer": who, "items": items} for id, who, items in contracts]
    file = tmp_path / "contracts.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    run("contracts", "import", str(file))
    run("work", "--once")
    return run


@pytest.fixture
def add(office: TenantHub, clinic: TeleClinicaSimulator, run: Run) -> Run:
    return lambda *more, **how: run(*ADD, "--base-url", clinic.url, *more, **how)
