"""From a payment at Asaas to the unblock at TeleClínica, at simulators over real sockets; prints how long it takes.

One customer after another pays; the clock runs from the payment until the simulated TeleClínica has the user active.
By then Asaas has told `svahub serve --with-work`, which has kept it, read it, judged the debt and called TeleClínica.

Run: uv run python benchmarks/payment_to_unblock.py [--payments 30] [--json]
"""

from __future__ import annotations

import json
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from svahub.extension.invented import person
from svahub.extension.stage import Stage
from svahub.testing import SimulatorProcess

LONGEST_SECONDS = 2.0
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 60.0


def contract(number: int) -> dict[str, Any]:
    """Return a contract as a file has it."""
    items = [{"code": "1", "product_code": "TELE"}]
    return {"contract_id": f"C{number}", "customer": person(number), "due_day": 10, "price": "99.90", "items": items}


def registered(stage: Stage, asaas: SimulatorProcess, clinic: SimulatorProcess) -> None:
    """Register both, and have debts block at once."""
    given = {"key": asaas.credentials["key"], "webhook_token": secrets.token_urlsafe(32)}
    stage.register("bill", "asaas", asaas.url, secrets=given)
    user, password = ({name: clinic.credentials[name]} for name in ("username", "password"))
    stage.register("tele", "teleclinica", clinic.url, settings=user, secrets=password)
    plan = stage.plans("tele")["Individual"]
    stage.run("products", "link", "TELE", "--product-type", "telemedicine", "--plan", plan)
    stage.run("policy", "set", "--grace-days", "0", "--yes")


def charged(stage: Stage, contracts: int) -> dict[str, str]:
    """Sell and charge contracts; return the remote user of each charge."""
    stage.bring(map(contract, range(contracts)))
    stage.run("asaas", "invoices", "create", "--yes")
    users = {one["contract_id"]: one["remote_id"] for one in stage.sold("tele")}
    invoices = stage.run("asaas", "invoices", "list", "--json").json()
    return {invoice["charge"]: users[invoice["contract"]] for invoice in invoices}


def when(happens: Callable[[], bool]) -> float:
    """Wait for something; return the seconds."""
    began = time.perf_counter()
    while not happens():
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise click.ClickException(f"It did not happen within {PATIENCE_SECONDS:g} s.")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - began


def has(clinic: SimulatorProcess, status: str, users: set[str]) -> bool:
    """Say whether exactly these users have a status at TeleClínica."""
    listed: list[dict[str, Any]] = clinic.state()["users"]
    return {user["id"] for user in listed if user["status"] == status} == users


def measured(payments: int, folder: Path) -> Iterator[float]:
    """Return how long each payment takes, in seconds."""
    stage = Stage(folder, lambda _text: None)
    with stage.simulate("asaas") as asaas, stage.simulate("teleclinica") as clinic:
        registered(stage, asaas, clinic)
        blocked = charged(stage, payments)
        with stage.serving() as url:
            stage.run("asaas", "webhook", "register", url)
            for charge in blocked:
                asaas.steer("status", payment=charge, status="OVERDUE")
            when(lambda: has(clinic, "BLOCKED", set(blocked.values())))
            for charge in list(blocked):
                left = set(blocked.values()) - {blocked.pop(charge)}
                began = time.perf_counter()
                asaas.steer("status", payment=charge, status="RECEIVED")
                when(lambda left=left: has(clinic, "BLOCKED", left))  # type: ignore[misc]
                yield time.perf_counter() - began
    stage.close()


@click.command()
@click.option("--payments", default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(payments: int, as_json: bool) -> None:
    """Print how long it takes from payment to unblock; end with an error if one takes two seconds or more."""
    with tempfile.TemporaryDirectory() as name:
        seconds = sorted(measured(payments, Path(name)))
    found = {"min": seconds[0], "p50": statistics.median(seconds), "p90": seconds[int(0.9 * len(seconds))]}
    found |= {"max": seconds[-1], "payments": len(seconds)}
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name:10} {value:8.3f}")
    if seconds[-1] >= LONGEST_SECONDS:
        raise click.ClickException(f"One took {LONGEST_SECONDS:g} s or more.")


if __name__ == "__main__":
    main()
