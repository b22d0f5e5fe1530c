"""What the tests of privacy may ask for: an ISP that has sold to Maria and to Ana, and Maria's contract ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.hub import Hub, TenantHub

from privacy.persons import FORMER_EMAIL, NOTE, OTHER_CPF, Run, contract


@pytest.fixture
def hub(usual_database_url: str) -> Iterator[Hub]:
    with Hub.open(usual_database_url) as hub:
        yield hub


@pytest.fixture
def run(hub: Hub) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, obj=hub)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def bring(run: Run, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def imported(*contracts: dict[str, Any], options: tuple[str, ...] = ()) -> dict[str, Any]:
        file = tmp_path / "contracts.jsonl"
        file.write_text("\n".join(map(json.dumps, contracts)))
        report: dict[str, Any] = json.loads(run("contracts", "import", str(file), "--json", *options).stdout)
        file.unlink()
        return report

    return imported


@pytest.fixture
def sold(office: TenantHub, run: Run, bring: Callable[..., dict[str, Any]]) -> None:
    """Sell one contract of Maria's and one of Ana's; Maria had another e-mail address before."""
    run("plans", "sync", "tele")
    plans = json.loads(run("plans", "list", "tele", "--json").stdout)
    run("products", "link", "TM", "--product-type", "telemedicine", "--plan", plans[0]["remote_id"])
    ana = {"id": "P2", "name": "Ana Outra Pessoa", "document": OTHER_CPF}
    others = {"contract_id": "A1", "customer": ana, "items": [{"code": "1", "product_code": "TM"}]}
    first = contract()
    first["customer"]["email"] = FORMER_EMAIL
    bring(first, others)
    bring(contract(), others)
    run("work", "--once")


@pytest.fixture
def ended(sold: None, run: Run) -> None:
    """Look at Maria's access, then cancel her contract."""
    run("access", "show", "C1", "--reveal", "--actor", "eva")
    run("cancel", "C1", "--yes", "--note", NOTE)
