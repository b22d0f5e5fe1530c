"""The act that `svahub demo` plays: a day of an ISP that sells TeleClínica, at its simulator.

Everybody in contracts.csv is invented; some of its lines are wrong on purpose.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from svahub.extension.stage import Stage
    from svahub.testing import SimulatorProcess

Row = dict[str, str]
Sold = list[dict[str, Any]]
PRODUCTS = {"TELE": "Individual", "TELE-FAMILIA": "Família"}


def act(stage: Stage) -> None:
    """Register, sell, block, unblock and cancel, and compare each step with the provider's own list."""
    with stage.simulate("teleclinica") as simulator:
        _register(stage, simulator)
        book = _Book(stage)
        sold = _sell(stage, book)
        blocked = _block(stage, book, sold)
        unblocked = _unblock(stage, book, blocked)
        cancelled = _cancel(stage, book, unblocked)
        _compare_whole(stage, simulator, cancelled)
        _explain(stage, cancelled)


def _register(stage: Stage, simulator: SimulatorProcess) -> None:
    stage.say("Registering TeleClínica (a simulator on this machine) and reading its plans.")
    user, password = ({name: simulator.credentials[name]} for name in ("username", "password"))
    stage.register("tele", "teleclinica", simulator.url, settings=user, secrets=password)
    plans = stage.plans("tele")
    for code, plan in PRODUCTS.items():
        stage.run("products", "link", code, "--product-type", "telemedicine", "--plan", plans[plan])


class _Book:
    """The ISP's contracts as its ERP exports them, and which of them the plugin serves."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        text = resources.files(__package__).joinpath("contracts.csv").read_text(encoding="utf-8-sig")
        self._rows: list[Row] = list(csv.DictReader(text.splitlines(), delimiter=";"))

    def bring(self) -> dict[str, Any]:
        """Import the file as it now is; its wrong lines make the exit code 1."""
        path = self._stage.folder / "contracts.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(self._rows[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(self._rows)
        report: dict[str, Any] = self._stage.run("contracts", "import", str(path), "--json", expect={1}).json()
        return report

    def mark(self, contracts: Collection[str], **columns: str) -> None:
        """Change some columns of some contracts."""
        for row in self._rows:
            if row["contract_id"] in contracts:
                row.update(columns)


def _sell(stage: Stage, book: _Book) -> Sold:
    report = book.bring()
    stage.say(f"Imported {report['added']} contracts; {report['rejected']} were rejected, wrong on purpose:")
    for error in report["errors"]:
        stage.say(f"  line {error['line']}, {error['column']}: {error['reason']}")
    stage.run("work", "--once")
    _compare(stage, f"sell {report['verbs']['create_user']} contracts", "ACTIVE")
    pending = [row["contract_id"] for row in stage.run("contracts", "list", "--status", "pending", "--json").json()]
    stage.run("activate", *pending, "--note", "signed")
    return _compare(stage, f"activate {len(pending)} pending contracts", "ACTIVE")


def _block(stage: Stage, book: _Book, sold: Sold) -> Sold:
    people = _by_user(sold, lambda one: one["desired"] == "ACTIVE")
    debtors, asked = people[:20], people[20:25]
    half_in_debt = next(contracts for contracts in people[25:] if len(contracts) > 1)
    overdue = [*_flat(debtors), half_in_debt[0]]
    book.mark(overdue, block_reasons="overdue")
    book.bring()
    stage.run("work", "--once")
    stage.run("block", *_flat(asked), "--reason", "customer_request", "--yes")
    stage.say("TeleClínica blocks whole people: who owes on one of two contracts keeps the access.")
    return _compare(stage, f"block {len(overdue) + len(_flat(asked))} contracts, {len(overdue)} in debt", "BLOCKED")


def _unblock(stage: Stage, book: _Book, sold: Sold) -> Sold:
    blocked = _by_user(sold, lambda one: {r["reason"] for r in one["block_reasons"]} == {"overdue"})
    told_by_file, told_by_hand = _flat(blocked[:8]), _flat(blocked[8:12])
    book.mark(told_by_file, block_reasons="")
    book.bring()
    stage.run("work", "--once")
    stage.run("unblock", *told_by_hand, "--reason", "overdue", "--note", "paid at the counter")
    return _compare(stage, f"unblock {len(told_by_file) + len(told_by_hand)} contracts that paid", "BLOCKED")


def _cancel(stage: Stage, book: _Book, sold: Sold) -> Sold:
    people = _by_user(sold, lambda one: one["desired"] == "ACTIVE")
    told_by_file, told_by_hand = _flat(people[-6:]), _flat(people[-12:-6])
    book.mark(told_by_file, status="cancelled")
    book.bring()
    stage.run("work", "--once")
    stage.run("cancel", *told_by_hand, "--note", "moved away", "--yes")
    return _compare(stage, f"cancel {len(told_by_file) + len(told_by_hand)} contracts", "CANCELLED")


def _by_user(sold: Sold, chosen: Callable[[dict[str, Any]], bool]) -> list[list[str]]:
    """Return the contracts of each person of whom every subscription is one of those."""
    held = defaultdict(list)
    for one in sold:
        held[one["remote_id"]].append(one)
    return [[one["contract_id"] for one in whole] for whole in held.values() if all(map(chosen, whole))]


def _flat(people: Iterable[Iterable[str]]) -> list[str]:
    return [contract for contracts in people for contract in contracts]


def _wanted(sold: Sold) -> dict[str, str]:
    """Return what every person should be: active by one contract, cancelled only when all are."""
    desired = defaultdict(set)
    for one in sold:
        desired[one["remote_id"]].add(one["desired"])
    return {
        user: next(s for s in ("ACTIVE", "BLOCKED", "CANCELLED") if s in wanted) for user, wanted in desired.items()
    }


def _compare(stage: Stage, step: str, status: str) -> Sold:
    """Compare the people of one status with the provider's list of them, and return what is sold."""
    sold = stage.sold("tele")
    listed = stage.run("users", "list", "tele", "--status", status.lower(), "--json").json()
    wanted = {user for user, is_wanted in _wanted(sold).items() if is_wanted == status}
    stage.row(f"{step}: {status.lower()} people", wanted, {user["remote_id"] for user in listed})
    return sold


def _compare_whole(stage: Stage, simulator: SimulatorProcess, sold: Sold) -> None:
    there = {(user["id"], user["status"]) for user in simulator.state()["users"]}
    stage.row("in the end: everybody at the provider", set(_wanted(sold).items()), there)


def _explain(stage: Stage, sold: Sold) -> None:
    """Ask why the one contract that waits is as it is, and invite to ask of others."""
    held = next(one["contract_id"] for one in sold if one["state"] == "waiting")
    blocked = next(one["contract_id"] for one in sold if one["observed"] == "BLOCKED")
    stage.say(f"\nWhy does {held} wait? svahub explain {held}")
    stage.say(_indented(stage.run("explain", held).stdout))
    stage.invite("explain", blocked, "--history")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
