"""The act that `svahub demo` plays: two streaming products at one subscriber, and licences that run out.

Everybody is invented. The contracts have one of the products or both.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from svahub.extension import Stage
    from svahub.testing import SimulatorProcess

KEYS = ("api_key", "api_secret")
PRODUCTS = {"FILMES": "Filmes e séries", "ESPORTES": "Esportes ao vivo"}
NAMES = ("Aurora", "Baltazar", "Celeste", "Dorival", "Estela", "Florêncio", "Graça", "Horácio", "Isaura", "Jurandir")
CONTRACTS, OVERDUE, PAID, MOVED, CANCELLED = 30, 9, 5, 3, 4

Contracts = dict[str, dict[str, Any]]


def act(stage: Stage) -> None:
    """Sell, suspend, enable, change and cancel, and compare each step with Campsoft's own list."""
    with stage.simulate("campsoft") as campsoft:
        plans = _register(stage, campsoft)
        contracts = {f"T{number:02}": _contract(number) for number in range(1, CONTRACTS + 1)}
        _sell(stage, campsoft, contracts)
        _suspend(stage, campsoft, contracts)
        _change(stage, campsoft, contracts, plans)
        _cancel(stage, campsoft, contracts)
        _let_in(stage)


def _register(stage: Stage, campsoft: SimulatorProcess) -> dict[str, str]:
    """Return the ids of the products by their codes."""
    stage.environment |= {_variable(field): campsoft.credentials[field] for field in KEYS}
    stage.say("Registering Campsoft (a simulator on this machine) and reading its products.")
    where = ("--environment", "staging", "--base-url", campsoft.url)
    secrets = [part for field in KEYS for part in ("--secret", f"{field}=env:{_variable(field)}")]
    stage.run("integration", "add", "tv", "--provider", "campsoft", *where, *secrets)
    stage.run("plans", "sync", "tv")
    there = {plan["name"]: plan["remote_id"] for plan in stage.run("plans", "list", "tv", "--json").json()}
    plans = {code: there[name] for code, name in PRODUCTS.items()}
    for code, plan in plans.items():
        stage.run("products", "link", code, "--product-type", "streaming", "--plan", plan)
    return plans


def _variable(field: str) -> str:
    return f"CAMPSOFT_DEMO_{field.upper()}"


def _contract(number: int) -> dict[str, Any]:
    codes = {1: ("FILMES",), 2: ("ESPORTES",)}.get(number % 3, ("FILMES", "ESPORTES"))
    name = f"{NAMES[number % len(NAMES)]} Inventado {number}"
    return {
        "contract_id": f"T{number:02}",
        "status": "active",
        "block_reasons": [],
        "customer": {"id": f"S{number:02}", "name": name, "document": _cpf(number)},
        "items": [{"code": code, "product_code": code} for code in codes],
    }


def _cpf(number: int) -> str:
    """Return an invented CPF with its two check digits."""
    digits = [int(digit) for digit in f"{800_000_000 + number}"]
    for length in (9, 10):
        total = sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=True))
        digits.append(total * 10 % 11 % 10)
    return "".join(map(str, digits))


def _bring(stage: Stage, contracts: Contracts) -> None:
    path = stage.folder / "contracts.jsonl"
    path.write_text("".join(f"{json.dumps(contract)}\n" for contract in contracts.values()))
    stage.run("contracts", "import", str(path))
    stage.run("work", "--once")


def _sell(stage: Stage, campsoft: SimulatorProcess, contracts: Contracts) -> None:
    _bring(stage, contracts)
    stage.say(f"Imported {CONTRACTS} contracts; who has both products is one subscriber.")
    _compare(stage, campsoft, "sell one product or both")


def _suspend(stage: Stage, campsoft: SimulatorProcess, contracts: Contracts) -> None:
    late = list(contracts)[:OVERDUE]
    _mark(contracts, late, block_reasons=["overdue"])
    _bring(stage, contracts)
    _compare(stage, campsoft, f"suspend {OVERDUE} that owe", "inactive")
    _mark(contracts, late[:PAID], block_reasons=[])
    _bring(stage, contracts)
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
    somebody = next(one for one in _sold(stage) if one["observed"] == "ACTIVE")["contract_id"]
    (link, *_) = stage.run("access", "resend", somebody, "--json").json()
    stage.say(f"A link lets {somebody} in until {link['expires_at']}: {link['access_url']} (whole with --reveal)")
    stage.invite("explain", somebody, "--history")


def _mark(contracts: Contracts, names: Iterable[str], **values: Any) -> None:
    for name in names:
        contracts[name].update(values)


def _codes(contract: dict[str, Any]) -> set[str]:
    return {item["product_code"] for item in contract["items"]}


def _sold(stage: Stage) -> list[dict[str, Any]]:
    sold: list[dict[str, Any]] = stage.run("subscriptions", "list", "--integration", "tv", "--json").json()
    return sold


def _compare(stage: Stage, campsoft: SimulatorProcess, step: str, status: str = "active") -> None:
    """Compare who has which product, among those of one status."""
    observed = {"active": "ACTIVE", "inactive": "BLOCKED"}[status]
    ours = {(one["remote_id"], one["plan"]) for one in _sold(stage) if one["observed"] == observed}
    there = [one for one in campsoft.state()["customers"] if one["status"] == status]
    theirs = {(one["username"], product) for one in there for product in one["products"]}
    stage.row(f"{step}: {status} products", ours, theirs)
