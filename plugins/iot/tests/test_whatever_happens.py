"""Whatever is asked, in whatever order, and whatever goes wrong: in the end there are as many licences as are wanted.

Each example is a contract of its own at one ISP, driven through faults by the clock; the simulator refuses no second
licence under one reference, so that only the plugin's care keeps them apart.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from svahub.errors import Refused
from svahub.extension.verbs import Action, Command
from svahub.testing import Fault
from svahub_iot import intending
from svahub_iot.intending import Device

FAULTS = (
    Fault.DROP,
    Fault.DROP_AFTER,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.MALFORMED,
    Fault.TRUNCATED,
    Fault.RATE_LIMIT,
    Fault.LAG,
    Fault.SHORT_PAGE,
)
METHODS = ("GET", "POST", "POST", "DELETE", "PATCH")
numbers = count(1)

struck = st.tuples(
    st.sampled_from(FAULTS).map(lambda fault: frozenset({fault}))
    | st.sampled_from([frozenset({Fault.LAG, other}) for other in (Fault.DROP_AFTER, Fault.ERROR_AFTER)]),
    st.sampled_from(METHODS),
    st.integers(0, 2),
)
asked = st.one_of(
    st.tuples(st.just("change"), st.integers(1, 4)),
    st.tuples(st.just("add"), st.integers(1, 2)),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
    st.tuples(st.just("replace"), st.integers(0, 3)),
    st.tuples(st.just("block"), st.just(0)),
    st.tuples(st.just("unblock"), st.just(0)),
)
steps = st.lists(st.tuples(asked, st.lists(struck, max_size=3), st.sampled_from([0, 3, 40])), max_size=6)
LAGGING_SALE = [(frozenset({Fault.LAG, Fault.DROP_AFTER}), "POST", 3)]


class Contract:
    """One contract at the ISP, and what is asked of it."""

    def __init__(self, isp: Any) -> None:
        self.isp, number = isp, next(numbers)
        self.id, self.person = f"W{number}", f"P{number}"

    def ask(self, what: str, how: int) -> None:
        with suppress(Refused):  # what cannot be asked now is said, and changes nothing
            getattr(self, f"_{what}")(how)

    def _verb(self, action: Action, **more: Any) -> None:
        self.isp.office.verbs.issue(Command(action, self.id, **more))

    def _change(self, quantity: int) -> None:
        self._verb(Action.CHANGE, quantity=quantity)

    def _block(self, _: int) -> None:
        self._verb(Action.BLOCK)

    def _unblock(self, _: int) -> None:
        self._verb(Action.UNBLOCK)

    def _add(self, devices: int) -> None:
        serials = [Device(f"SN-{next(numbers)}") for _ in range(devices)]
        intending.add(self.isp.office, self.id, serials)

    def _cancel(self, which: int) -> None:
        intending.cancel(self.isp.office, self.id, [self._some(which)])

    def _replace(self, which: int) -> None:
        intending.replace(self.isp.office, self.id, self._some(which), Device(f"SN-{next(numbers)}"))

    def _some(self, which: int) -> str:
        rows = self.rows
        return rows[which % len(rows)].reference if rows else "none"

    @property
    def rows(self) -> list[Any]:
        return intending.listed(self.isp.office, self.id)

    @property
    def sold(self) -> Any:
        (only,) = self.isp.office.subscriptions.list(contract=self.id)
        return only

    @property
    def ever(self) -> list[dict[str, Any]]:
        """Return the licences that Olli ever made for the contract."""
        state, key = self.isp.olli.state(), self.sold.key
        ours = {one["id"] for one in state["subscriptions"] if one["externalReference"] == key}
        return [one for one in state["licences"] if one["subscriptionId"] in ours]


def strike(isp: Any, faults: Any) -> None:
    for fault, method, after in faults:
        kinds = frozenset(one for one in fault if one.suits(method))
        isp.olli.faults.next(*[None] * after, kinds, method=method)


def driven(isp: Any, rounds: int, seconds: float) -> None:
    with isp.worker() as worker:
        for _ in range(rounds):
            worker.drain()
            isp.clock.advance(seconds=seconds)


def played(isp: Any, quantity: int, faults: Any, asked: Any) -> Contract:
    contract = Contract(isp)
    isp.olli.timings.lag_seconds = 25  # less than the settle time
    strike(isp, faults)
    isp.take_in(quantity, contract.id, contract.person)
    for (what, how), struck, seconds in asked:
        driven(isp, 2, seconds)
        strike(isp, struck)
        contract.ask(what, how)
    driven(isp, 2, 3)
    isp.olli.faults.clear()
    contract.ask("unblock", 0)
    settle(isp, contract)
    return contract


def settle(isp: Any, contract: Contract) -> None:
    for _ in range(20):
        driven(isp, 2, 100)
        tasks = isp.office.tasks.list(contract=contract.id)
        if contract.sold.state.value == "settled" and all(task.state.value == "settled" for task in tasks):
            return


@pytest.fixture(scope="module")
def whole_isp(installation: Any) -> Any:
    return installation.found()


QUIET = {"suppress_health_check": [HealthCheck.too_slow], "deadline": None}


def agrees(contract: Contract) -> None:
    """See that contract, Olli and our own table tell of the same licences, each under a reference of its own."""
    ever = contract.ever
    live = {one["externalReference"]: one["id"] for one in ever if one["status"] != "CANCELLED"}
    assert contract.sold.state.value == "settled", contract.sold
    assert len(live) == contract.sold.quantity
    assert {row.reference: row.licence for row in contract.rows if row.status.value == "A"} == live
    assert len(ever) == len({one["externalReference"] for one in ever})  # none was made twice, not even for a while
    assert not [row for row in contract.rows if row.status.value in "BP" or (row.leaving and row.status.value != "I")]


NO_LOOK = [(frozenset({Fault.DROP}), "GET", 0)]
RESIZED_WHILE_BLOCKED = [("block", 0), ("add", 1), ("cancel", 0), ("cancel", 2), ("change", 3)]
TAKEN_BACK_WHILE_BLOCKED = [
    (("block", 0), NO_LOOK, 0), (("add", 1), NO_LOOK, 0), (("change", 1), [], 0), (("change", 3), [], 0)
]  # fmt: skip


@settings(max_examples=3, **QUIET)
@given(st.integers(1, 4), st.lists(struck, max_size=3), steps)
@example(3, LAGGING_SALE, [])
@example(3, [], [(asked, [], 0) for asked in RESIZED_WHILE_BLOCKED])
@example(3, [], TAKEN_BACK_WHILE_BLOCKED)
@example(3, [], [(("add", 1), NO_LOOK, 0), (("change", 3), [], 0)])
@example(2, [], [(("change", 4), [(frozenset({Fault.LAG, Fault.ERROR_AFTER}), "POST", 1)], 3)])
@example(3, [], [(("cancel", 0), [], 40), (("add", 1), [(frozenset({Fault.DROP_AFTER}), "DELETE", 0)], 0)])
def test_there_are_as_many_licences_as_are_wanted(whole_isp: Any, quantity: int, faults: Any, asked: Any) -> None:
    agrees(played(whole_isp, quantity, faults, asked))


@pytest.mark.deep
@settings(max_examples=1500, **QUIET)
@given(st.integers(1, 4), st.lists(struck, max_size=5), steps)
def test_there_are_as_many_licences_as_are_wanted_over_and_over(
    whole_isp: Any, quantity: int, faults: Any, asked: Any
) -> None:
    agrees(played(whole_isp, quantity, faults, asked))
