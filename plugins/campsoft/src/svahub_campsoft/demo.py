"""The act that `svahub demo` plays: two streaming products at one subscriber, licences that run out, a partner's read.

Everybody is invented. The contracts have one of the products or both.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from svahub.extension.invented import person
from svahub.extension.stage import needs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from svahub.extension.stage import Stage
    from svahub.testing import SimulatorProcess

PRODUCTS = {"FILMES": "Filmes e séries", "ESPORTES": "Esportes ao vivo"}
CONTRACTS, OVERDUE, PAID, MOVED, CANCELLED = 30, 9, 5, 3, 4

Contracts = dict[str, dict[str, Any]]


@needs("server")
def act(stage: Stage) -> None:
    """Sell, suspend, enable, change and cancel, comparing with Campsoft's own list; then have Campsoft read ours."""
    with stage.simulate("campsoft") as campsoft:
        plans = _register(stage, campsoft)
        contracts = {f"T{number:02}": _contract(number) for number in range(1, CONTRACTS + 1)}
        _sell(stage, campsoft, contracts)
        _suspend(stage, campsoft, contracts)
        _change(stage, campsoft, contracts, plans)
        _cancel(stage, campsoft, contracts)
        _let_in(stage)
    _be_read(stage, contracts)


def _register(stage: Stage, campsoft: SimulatorProcess) -> dict[str, str]:
    """Return the ids of the products by their codes."""
    stage.say("Registering Campsoft (a simulator on this machine) and reading its products.")
    stage.register("tv", "campsoft", campsoft.url, secrets=campsoft.credentials)
    there = stage.plans("tv")
    plans = {code: there[name] for code, name in PRODUCTS.items()}
    for code, plan in plans.items():
        stage.run("products", "link", code, "--product-type", "streaming", "--plan", plan)
    return plans


def _contract(number: int) -> dict[str, Any]:
    codes = {1: ("FILMES",), 2: ("ESPORTES",)}.get(number % 3, ("FILMES", "ESPORTES"))
    return {
        "contract_id": f"T{number:02}",
        "status": "active",
        "block_reasons": [],
        "customer": person(number),
        "items": [{"code": code, "product_code": code} for code in codes],
    }


def _sell(stage: Stage, campsoft: SimulatorProcess, contracts: Contracts) -> None:
    stage.bring(contracts.values())
    stage.say(f"Imported {CONTRACTS} contracts; who has both products is one subscriber.")
    _compare(stage, campsoft, "sell one product or both")


def _suspend(stage: Stage, campsoft: SimulatorProcess, contracts: Contracts) -> None:
    late = list(contracts)[:OVERDUE]
    _mark(contracts, late, block_reasons=["overdue"])
    stage.bring(contracts.values())
    _compare(stage, campsoft, f"suspend {OVERDUE} that owe", "inactive")
    _mark(contracts, late[:PAID], block_reasons=[])
    stage.bring(contracts.values())
    stage.say(f"{PAID} of them have paid and watch again.")
    _compare(stage, campsoft, f"enable {PAID} that paid")


def _change(stage: Stage, campsoft: SimulatorProcess, contracts: Contracts, plans: dict[str, str]) -> None:
    """Move some from one product to another whose licences do not suffice at first."""
    movers = [name for name, contract in contracts.items() if _codes(contract) == {"FILMES"}][-MOVED:]
    campsoft.steer("licences", product=plans["ESPORTES"], left=MOVED - 1)
    stage.run("change", *movers, "--plan", plans["ESPORTES"], "--yes", expect={4})
    for parked in stage.run("operations", "list", "--outcome", "parked", "--json").json():
        stage.say(f"{parked['contract_id']} keeps its old product: {parked['cause']}; {parked['advice']}.")
        campsoft.steer("licences", product=plans["ESPORTES"], left=1)
        stage.run("operations", "retry", str(parked["id"]))
    _compare(stage, campsoft, f"move {MOVED} to another product")


def _cancel(stage: Stage, campsoft: SimulatorProcess, contracts: Contracts) -> None:
    both = [name for name, contract in contracts.items() if len(_codes(contract)) > 1][-CANCELLED:]
    stage.run("cancel", *both[:2], "--item", "ESPORTES", "--note", "no time for sports", "--yes")
    stage.run("cancel", *both[2:], "--note", "moved away", "--yes")
    _compare(stage, campsoft, "cancel one product, or all")


def _let_in(stage: Stage) -> None:
    """Make a link for somebody who has forgotten how to get in."""
    somebody = next(one for one in stage.sold("tv") if one["observed"] == "ACTIVE")["contract_id"]
    (link, *_) = stage.run("access", "resend", somebody, "--json").json()
    stage.say(f"A link lets {somebody} in until {link['expires_at']}: {link['access_url']} (whole with --reveal)")
    stage.invite("explain", somebody, "--history")


def _be_read(stage: Stage, contracts: Contracts) -> None:
    """Have Campsoft read who has which product, with a key that was made for it."""
    key = stage.run("campsoft", "partner-keys", "create", "leitura", "--json").json()["key"]
    with stage.answering() as url:
        page = _read(url, "/api/v1/clientes/planos?limite=100", key)
    owners = {name: contract["customer"]["id"] for name, contract in contracts.items()}
    sold = (one for one in stage.sold("tv") if one["desired"] != "CANCELLED")
    ours = {(owners[one["contract_id"]], one["plan"]) for one in sold}
    theirs = {(one["cliente"], held["plano"]) for one in page["itens"] for held in one["planos"]}
    stage.row("be read by Campsoft: products of customers", ours, theirs)


def _read(url: str, path: str, key: str) -> dict[str, Any]:
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    read: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    return read


def _mark(contracts: Contracts, names: Iterable[str], **values: Any) -> None:
    for name in names:
        contracts[name].update(values)


def _codes(contract: dict[str, Any]) -> set[str]:
    return {item["product_code"] for item in contract["items"]}


def _compare(stage: Stage, campsoft: SimulatorProcess, step: str, status: str = "active") -> None:
    """Compare who has which product, among those of one status."""
    observed = {"active": "ACTIVE", "inactive": "BLOCKED"}[status]
    ours = {(one["remote_id"], one["plan"]) for one in stage.sold("tv") if one["observed"] == observed}
    there = [one for one in campsoft.state()["customers"] if one["status"] == status]
    theirs = {(one["username"], product) for one in there for product in one["products"]}
    stage.row(f"{step}: {status} products", ours, theirs)
