"""The act that `svahub demo` plays: an ISP sells cameras through Olli's simulator. Everybody is invented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from svahub.extension.invented import person

if TYPE_CHECKING:
    from svahub.extension.stage import Stage
    from svahub.testing import SimulatorProcess

CONTRACTS = 12
SOLD_OUT = 20


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
    stage.say("Registering Olli (a simulator on this machine) and reading what FN sells.")
    client, secret = {"client_id": olli.credentials["client_id"]}, {"client_secret": olli.credentials["client_secret"]}
    stage.register("casa", "iot", olli.url, settings=client, secrets=secret)
    stage.run("plans", "sync", "casa")
    (item,) = stage.run("iot", "items", "search", "camera interna", "--json").json()
    stage.run("products", "link", "CAMERA", "--product-type", "iot", "--plan", item["id"])


def _sell(stage: Stage, olli: SimulatorProcess) -> None:
    olli.steer("licences", stock=SOLD_OUT)
    stage.bring(map(_contract, range(1, CONTRACTS + 1)), expect={4})  # a person has to buy more
    stage.say(f"Imported {CONTRACTS} contracts with 24 cameras; Olli has sold the ISP {SOLD_OUT} licences.")
    _compare(stage, olli, "sell cameras until none is left")


def _contract(number: int) -> dict[str, Any]:
    return {
        "contract_id": f"C{number:02}",
        "customer": person(number),
        "items": [{"code": "1", "product_code": "CAMERA", "quantity": number % 3 + 1}],
    }


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
