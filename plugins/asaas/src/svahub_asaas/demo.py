"""The act that `svahub demo` plays: who pays keeps the doctor. An ISP bills through Asaas and sells TeleClínica.

Everybody is invented. Asaas's simulator tells of payments over real sockets, and `svahub serve` hears of them.
"""

from __future__ import annotations

import secrets
import time
from datetime import date, timedelta
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from svahub.errors import Refused
from svahub.extension.invented import person
from svahub.extension.stage import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from svahub.extension.stage import Stage
    from svahub.testing import SimulatorProcess

CONTRACTS = 24
OVERDUE, PAY_LATE = 10, 6
PATIENCE_SECONDS = 20.0


@needs("server")
def act(stage: Stage) -> None:
    """Charge, be paid or not, block and unblock, and compare with what both providers have."""
    if not entry_points(group="svahub.providers", name="teleclinica"):
        raise Refused("This act sells TeleClínica too: pip install 'svahub[telemedicine]'.")
    with stage.simulate("asaas") as asaas, stage.simulate("teleclinica") as clinic:
        _play(stage, asaas, clinic)


def _play(stage: Stage, asaas: SimulatorProcess, clinic: SimulatorProcess) -> None:
    _register(stage, asaas, clinic)
    _sell(stage)
    with stage.serving() as url:
        stage.run("asaas", "webhook", "register", url)
        charges = _charge(stage, asaas)
        late = charges[:OVERDUE]
        _become_overdue(stage, asaas, late)
        _pay(stage, asaas, late[:PAY_LATE], charges[OVERDUE:])
        _take_back(stage, asaas, late[0], late[PAY_LATE:])
    _report(stage)
    stage.invite("explain", late[-1]["contract"])
    stage.invite("asaas", "invoices", "list")


def _register(stage: Stage, asaas: SimulatorProcess, clinic: SimulatorProcess) -> None:
    stage.say("Registering Asaas and TeleClínica (simulators on this machine).")
    given = {"key": asaas.credentials["key"], "webhook_token": secrets.token_urlsafe(32)}
    stage.register("cobranca", "asaas", asaas.url, secrets=given)
    user, password = ({name: clinic.credentials[name]} for name in ("username", "password"))
    stage.register("tele", "teleclinica", clinic.url, settings=user, secrets=password)
    plan = stage.plans("tele")["Individual"]
    stage.run("products", "link", "TELE", "--product-type", "telemedicine", "--plan", plan)
    stage.run("policy", "set", "--grace-days", "0", "--yes")


def _sell(stage: Stage) -> None:
    stage.bring(map(_contract, range(1, CONTRACTS + 1)))
    stage.say(f"Imported and sold {CONTRACTS} contracts with telemedicine.")


def _contract(number: int) -> dict[str, Any]:
    return {
        "contract_id": f"C{number:02}",
        "customer": person(number),
        "due_day": 10,
        "price": "119.90",
        "items": [{"code": "1", "product_code": "NET"}, {"code": "2", "product_code": "TELE"}],
    }


def _charge(stage: Stage, asaas: SimulatorProcess) -> list[dict[str, Any]]:
    stage.run("asaas", "invoices", "create", "--yes")
    again = stage.run("asaas", "invoices", "create", "--yes", "--json").json()
    stage.say(f"Charged {CONTRACTS} contracts; asked again, svahub charges {len(again['invoices'])}.")
    charges: list[dict[str, Any]] = stage.run("asaas", "invoices", "list", "--json").json()
    there = {payment["id"] for payment in asaas.state()["payments"]}
    stage.row("charge every contract for the month", {charge["charge"] for charge in charges}, there)
    return charges


def _become_overdue(stage: Stage, asaas: SimulatorProcess, late: list[dict[str, Any]]) -> None:
    stage.say(f"{OVERDUE} customers do not pay; Asaas tells svahub, and the rule blocks their telemedicine.")
    _tell(asaas, late, "OVERDUE")
    _compare(stage, f"{OVERDUE} overdue: blocked people", {charge["contract"] for charge in late})


def _pay(stage: Stage, asaas: SimulatorProcess, late: list[dict[str, Any]], in_time: list[dict[str, Any]]) -> None:
    stage.say(f"{PAY_LATE} of them pay, and all the others; who paid is unblocked first.")
    _tell(asaas, [*late, *in_time], "RECEIVED")
    paid = {charge["contract"] for charge in late}
    blocked = {one["contract_id"] for one in stage.sold("tele") if one["desired"] == "BLOCKED"}
    _compare(stage, f"{PAY_LATE} paid late: blocked people", blocked - paid)


def _take_back(stage: Stage, asaas: SimulatorProcess, one: dict[str, Any], unpaid: list[dict[str, Any]]) -> None:
    stage.say("One payment is taken back (a chargeback): it is a debt again.")
    _tell(asaas, [one], "CHARGEBACK_REQUESTED")
    _compare(stage, "1 chargeback: blocked people", {one["contract"], *(charge["contract"] for charge in unpaid)})


def _tell(asaas: SimulatorProcess, charges: Iterable[dict[str, Any]], status: str) -> None:
    for charge in charges:
        asaas.steer("status", payment=charge["charge"], status=status)


def _compare(stage: Stage, step: str, wanted: set[str]) -> None:
    """Wait until the rule has been carried out, then compare the blocked people with TeleClínica's list of them."""

    def carried_out() -> bool:
        sold = stage.sold("tele")
        blocked = {one["contract_id"] for one in sold if one["desired"] == "BLOCKED"}
        return blocked == wanted and all(one["state"] == "settled" for one in sold)

    _until(carried_out)
    ours = {one["remote_id"] for one in stage.sold("tele") if one["contract_id"] in wanted}
    theirs = stage.run("users", "list", "tele", "--status", "blocked", "--json").json()
    stage.row(step, ours, {user["remote_id"] for user in theirs})


def _until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        if time.monotonic() > deadline:
            raise Refused(f"It did not happen within {PATIENCE_SECONDS:g} s.")
        time.sleep(0.1)


def _report(stage: Stage) -> None:
    today = date.today()  # noqa: DTZ011 -- the day of the audience's own calendar, with a day to spare on both sides
    span = ("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1)))
    report = stage.run("asaas", "report", "invoices", *span, "--check", "--json").json()
    stage.say("The report's totals agree with Asaas's own statistics.")
    for name in ("issued", "paid", "overdue", "reversed"):
        stage.say(f"  {name}: {report['sums'][name]['count']}, R$ {report['sums'][name]['value']}")
