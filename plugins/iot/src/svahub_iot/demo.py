"""The act that `svahub demo` plays: an ISP sells cameras through Olli's simulator. Everybody is invented."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from svahub.extension import Stage
    from svahub.testing import SimulatorProcess

WORD = "IOT_DEMO_WORD"  # the name of a variable
CONTRACTS = 12
SOLD_OUT = 20
NAMES = ("Ana", "Bento", "Clara", "Davi", "Elisa", "Fábio", "Gabi", "Hugo", "Iara", "João", "Lia", "Mário")


def act(stage: Stage) -> None:
    """Sell, run out of licences, add, replace and cancel devices, block; compare each step with Olli's own list."""
    with stage.simulate("iot") as olli:
        _register(stage, olli)
        _sell(stage, olli)
        _buy_more(stage, olli)
        _add_devices(stage, olli)
        _replace(stage, olli)
        _cancel(stage, olli)
        _block(stage, olli)
    stage.invite("iot", "licences", "list", "C01")
    stage.invite("explain", "C01")


def _register(stage: Stage, olli: SimulatorProcess) -> None:
    stage.environment[WORD] = olli.credentials["client_secret"]
    stage.say("Registering Olli (a simulator on this machine) and reading what FN sells.")
    where = ("--environment", "staging", "--base-url", olli.url)
    how = ("--set", f"client_id={olli.credentials['client_id']}", "--secret", f"client_secret=env:{WORD}")
    stage.run("integration", "add", "casa", "--provider", "iot", *where, *how)
    stage.run("plans", "sync", "casa")
    (item,) = stage.run("iot", "items", "search", "camera interna", "--json").json()
    stage.run("products", "link", "CAMERA", "--product-type", "iot", "--plan", item["id"])


def _sell(stage: Stage, olli: SimulatorProcess) -> None:
    path = stage.folder / "contracts.jsonl"
    path.write_text("".join(f"{json.dumps(_contract(number))}\n" for number in range(1, CONTRACTS + 1)))
    olli.steer("licences", stock=SOLD_OUT)
    stage.run("contracts", "import", str(path))
    stage.run("work", "--once", expect={4})  # a person has to buy more
    stage.say(f"Imported {CONTRACTS} contracts with 24 cameras; Olli has sold the ISP {SOLD_OUT} licences.")
    _compare(stage, olli, "sell cameras until none is left")


def _contract(number: int) -> dict[str, Any]:
    return {
        "contract_id": f"C{number:02}",
        "customer": {"id": f"P{number:02}", "name": f"{NAMES[number % len(NAMES)]} da Silva", "document": _cpf(number)},
        "items": [{"code": "1", "product_code": "CAMERA", "quantity": number % 3 + 1}],
    }


def _cpf(number: int) -> str:
    """Return an invented CPF with its two check digits."""
    digits = [int(digit) for digit in f"{700_000_000 + number}"]
    for length in (9, 10):
        total = sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=True))
        digits.append(total * 10 % 11 % 10)
    return "".join(map(str, digits))


def _buy_more(stage: Stage, olli: SimulatorProcess) -> None:
    parked = stage.run("operations", "list", "--outcome", "parked", "--json").json()
    stage.say(f"{len(parked)} contracts wait: {parked[0]['cause']}. What helps: {parked[0]['advice']}.")
    olli.steer("licences", stock=None)
    for one in parked:
        stage.run("operations", "retry", str(one["id"]))
    _compare(stage, olli, "buy more: only the missing ones are made")


def _add_devices(stage: Stage, olli: SimulatorProcess) -> None:
    stage.run("iot", "licences", "add", "C01", "SN-1001", "SN-1002", "--description", "Portão")
    _compare(stage, olli, "add two devices to a contract")


def _replace(stage: Stage, olli: SimulatorProcess) -> None:
    stage.run("iot", "licences", "replace", "C01", "SN-1001", "SN-2001", "--yes")
    _compare(stage, olli, "replace a device by another")


def _cancel(stage: Stage, olli: SimulatorProcess) -> None:
    stage.run("iot", "licences", "cancel", "C01", "SN-1002", "--yes")
    stage.run("cancel", "C12", "--yes")
    _compare(stage, olli, "cancel a device, and a contract")


def _block(stage: Stage, olli: SimulatorProcess) -> None:
    stage.run("block", "C01", "C02", "C03", "--yes")
    _compare(stage, olli, "block three contracts: blocked licences", "B", "BLOCKED")


def _compare(stage: Stage, olli: SimulatorProcess, step: str, ours: str = "A", theirs: str = "ACTIVE") -> None:
    """Compare the licences of one status in our own table with those that Olli has."""
    listed = stage.run("iot", "licences", "list", "--json").json()
    known = {one["licence"] for one in listed if one["status"] == ours}
    there = {one["id"] for one in olli.state()["licences"] if one["status"] == theirs}
    stage.row(step, known, there)
