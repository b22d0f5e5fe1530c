"""Two items of one customer that are done at the same time: one user at the provider, always."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.store.states import State

from four.trades import TRADES, Trade

HOLD_SECONDS = 0.03
PATIENCE_SECONDS = 10
ONE_USER = {State.SETTLED}, 1, 1
HASTY = {"settle_seconds": 0, "retry_base": 0.001, "retry_cap": 0.01}


class Gate:
    """Before a simulator: whoever comes waits a moment for a second one, so that two that may overlap do.

    Where nobody keeps two workers apart, both look before either makes, and both find nobody.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.entered, self.open, self._met = Event(), Event(), asyncio.Event()
        self.open.set()
        self.inside = self.most_inside = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.set()
        try:
            if not self.open.is_set():
                await asyncio.to_thread(self.open.wait, PATIENCE_SECONDS)
            await self._meet()
            await super().__call__(scope, receive, send)  # type: ignore[misc]
        finally:
            self.inside -= 1

    async def _meet(self) -> None:
        if self.inside > 1:
            self._met.set()
            return
        self._met.clear()
        try:
            await asyncio.wait_for(self._met.wait(), HOLD_SECONDS)
        except TimeoutError:
            return


@dataclass
class Shop:
    """An ISP that sells one provider's products, and the gate before that provider."""

    hub: Hub
    trade: Trade
    simulator: Any

    def sell(self, *items: str) -> None:
        """Have one person sign: each item is the id of its contract, and its product."""
        for contract in dict.fromkeys(item.split("/")[0] for item in items):
            rows = [item.split("/")[1] for item in items if item.startswith(f"{contract}/")]
            taken = self.hub.tenant("default").contracts.take_in([_contract(contract, rows)])
            assert taken.rejected == 0

    def work_twice(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Have two workers do what is due, at once; or the second when the first has begun, and `meanwhile` is done."""
        self.simulator.entered.clear()
        with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
            workers = [stack.enter_context(self.hub.work(threads=4)) for _ in range(2)]
            first = pool.submit(workers[0].drain)
            if not self.simulator.open.is_set():
                assert self.simulator.entered.wait(PATIENCE_SECONDS)
            meanwhile()
            second = pool.submit(workers[1].drain)
            self.simulator.open.set()
            first.result()
            second.result()

    def came_to(self) -> tuple[set[State], int, int]:
        """Return the states of what was sold, how many people the provider has, and how many met at the gate."""
        states = {view.state for view in self.hub.tenant("default").subscriptions.list()}
        return states, len(self.trade.holdings(self.simulator)), self.simulator.most_inside


def _contract(contract: str, products: list[str]) -> ContractRow:
    items = [{"code": str(n), "product_code": name, "price": "49.90"} for n, name in enumerate(products, 1)]
    customer = {"id": "P1", "name": "Ana Inventada", "document": "52998224725"}
    return ContractRow.model_validate({"contract_id": contract, "customer": customer, "due_day": 10, "items": items})


@pytest.fixture(params=TRADES)
def shop(sqlite_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Return an ISP at one provider after the other."""
    trade = TRADES[request.param]
    gated = type(f"Gated{trade.simulator.__name__}", (Gate, trade.simulator), {})
    with gated(seed=1).running() as simulator, Hub.open(sqlite_url) as hub:
        trade.register(hub.tenant("default"), request.param, simulator, monkeypatch, **HASTY)
        simulator.most_inside = 0
        yield Shop(hub, trade, simulator)


@pytest.mark.parametrize("second", ["C1", "C2"], ids=["one contract", "two contracts"])
def test_two_items_that_are_due_at_the_same_time_make_one_user(shop: Shop, second: str) -> None:
    one, other = shop.trade.plans[:2]
    shop.sell(f"C1/{one}", f"{second}/{other}")
    shop.work_twice()
    assert shop.came_to() == ONE_USER


def test_an_item_that_is_sold_while_the_first_is_being_made_makes_no_second_user(shop: Shop) -> None:
    one, other = shop.trade.plans[:2]
    shop.sell(f"C1/{one}")
    shop.simulator.open.clear()
    shop.work_twice(meanwhile=lambda: shop.sell(f"C2/{other}"))
    assert shop.came_to() == ONE_USER
