"""The act that `svahub demo` plays: contracts from the ERP, changed there, followed everywhere, written back.

Everybody is invented. An ISP keeps its contracts at IXC alone and sells TeleClínica; what it changes there is followed.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from svahub.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from svahub.extension.stage import Stage
    from svahub.testing import SimulatorProcess

VARIABLE = "IXC_DEMO_TOKEN"
INTERNET, TELEMEDICINE = "1", "2"
SIGNED, UNSIGNED = 20, 6
CHANGES: Mapping[str, tuple[slice, dict[str, str]]] = {
    "in arrears": (slice(0, 4), {"status_internet": "FA"}),
    "blocked by staff": (slice(4, 7), {"status_internet": "CM"}),
    "cancelled": (slice(7, 9), {"status": "I", "status_internet": "D"}),
}


def act(stage: Stage) -> None:
    """Sign, change and end contracts at IXC, pull, and compare each step with what TeleClínica and IXC have."""
    if not entry_points(group="svahub.providers", name="teleclinica"):
        raise Refused("This act sells TeleClínica: pip install 'svahub[telemedicine]'.")
    with stage.simulate("ixc") as ixc, stage.simulate("teleclinica") as clinic:
        _register(stage, ixc, clinic)
        contracts = _sign(stage, ixc)
        _change(stage, ixc, contracts)
        _pay(stage, ixc, contracts)
        _read_notes(stage, ixc)
    stage.invite("explain", contracts[0])


def _register(stage: Stage, ixc: SimulatorProcess, clinic: SimulatorProcess) -> None:
    stage.say("Registering IXC Provedor as the source of contracts, and TeleClínica (simulators on this machine).")
    stage.environment[VARIABLE] = ixc.credentials["token"]
    where = ("--type", "ixc", "--environment", "staging", "--base-url", ixc.url)
    stage.run("source", "add", "erp", *where, "--secret", f"token=env:{VARIABLE}", "--set", "write_notes=true")
    user, word = ({name: clinic.credentials[name]} for name in ("username", "password"))
    stage.register("tele", "teleclinica", clinic.url, settings=user, secrets=word)
    plan, *_ = stage.plans("tele").values()
    codes = {row["id"]: row["code"] for row in stage.run("ixc", "products", "map", "--json").json()}
    stage.run("products", "link", codes[TELEMEDICINE], "--product-type", "telemedicine", "--plan", plan)


def _sign(stage: Stage, ixc: SimulatorProcess) -> list[str]:
    products = [INTERNET, TELEMEDICINE]
    signed = [ixc.steer("sign", products=products)["contract"] for _ in range(SIGNED)]
    for _ in range(UNSIGNED):
        ixc.steer("sign", products=products, columns={"status": "P", "status_internet": "AA"})
    stage.say(f"{SIGNED + UNSIGNED} customers are in the ERP, {UNSIGNED} of whom have not signed yet.")
    _follow(stage)
    _compare(stage, ixc, f"sell {SIGNED} contracts of the ERP", "active", [("A", "A")])
    return signed


def _change(stage: Stage, ixc: SimulatorProcess, contracts: list[str]) -> None:
    for told, (which, columns) in CHANGES.items():
        for contract in contracts[which]:
            _write(ixc, contract, columns)
        stage.say(f"In the ERP, {len(contracts[which])} contracts are now {told}.")
    for contract in (row["id"] for row in ixc.state()["cliente_contrato"] if row["status"] == "P"):
        _write(ixc, contract, {"status": "A", "status_internet": "A"})
    stage.say(f"And {UNSIGNED} customers have signed.")
    _follow(stage)
    _compare(stage, ixc, "blocked in the ERP: blocked people", "blocked", [("A", "FA"), ("A", "CM")])
    _compare(stage, ixc, "cancelled in the ERP: cancelled people", "cancelled", [("I", "D")])
    _compare(stage, ixc, "signed in the ERP: active people", "active", [("A", "A")])


def _pay(stage: Stage, ixc: SimulatorProcess, contracts: list[str]) -> None:
    stage.say("Two of those in arrears pay; one contract more is withdrawn.")
    for contract in contracts[:2]:
        _write(ixc, contract, {"status_internet": "A"})
    _write(ixc, contracts[-1], {"status": "D"})
    _follow(stage)
    _compare(stage, ixc, "who paid is unblocked: blocked people", "blocked", [("A", "FA"), ("A", "CM")])


def _write(ixc: SimulatorProcess, contract: str, columns: Mapping[str, str]) -> None:
    ixc.steer("change", resource="cliente_contrato", id=contract, columns=columns)


def _follow(stage: Stage) -> None:
    stage.run("source", "pull", "erp")
    stage.run("work", "--once")


def _compare(stage: Stage, ixc: SimulatorProcess, step: str, status: str, states: Iterable[tuple[str, str]]) -> None:
    """Compare whom svahub has so with whom TeleClínica has; both are whose contracts are in these states at IXC."""
    wanted = set(states)
    rows = ixc.state()["cliente_contrato"]
    erp = {row["id"] for row in rows if (row["status"], row["status_internet"]) in wanted}
    sold = stage.sold("tele")
    ours = {one["contract_id"] for one in sold if one["desired"] == status.upper()}
    if ours != erp:
        raise Refused(f"svahub has {len(ours)} contracts {status}, IXC {len(erp)}.")
    there = {user["remote_id"] for user in stage.run("users", "list", "tele", "--status", status, "--json").json()}
    stage.row(step, ours, {one["contract_id"] for one in sold if one["remote_id"] in there})


def _read_notes(stage: Stage, ixc: SimulatorProcess) -> None:
    stage.say("Every activation, block, unblock and cancellation is noted in the contract's history at IXC, once.")
    tasks = stage.run("tasks", "list", "--json").json()
    ours = [task["remote_id"] for task in tasks if task["kind"] == "note.add"]
    theirs = [row["id"] for row in ixc.state()["cliente_contrato_historico"]]
    stage.row("note what happened in the ERP", sorted(ours), sorted(theirs))
