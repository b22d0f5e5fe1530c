"""Many tasks are settled together, each customer's in order, and those that have not ended are counted."""

from __future__ import annotations

from typing import Any

import pytest
from svahub import errors
from svahub.store import tasks
from svahub.store.states import Outcome

from .asked import ask


@pytest.fixture
def many(isp: Any) -> tuple[Any, list[int]]:
    """Return an ISP with sixty tasks of fifteen customers' accounts."""
    for n in range(15):
        isp.sell(f"C{n}", f"P{n}")
    with isp.office.transaction("test", "tasks") as transaction:
        ids = [
            isp.office.tasks.submit(
                transaction, "basic", "charge.create", f"{n}/{month}", {}, customer_id=f"P{n}"
            ).id
            for n in range(15)
            for month in range(4)
        ]  # fmt: skip
    return isp, ids


def test_many_tasks_are_settled_together_each_customers_in_order(many: tuple[Any, list[int]]) -> None:
    isp, ids = many
    done = isp.office.tasks.settle(ids, timeout=60)
    assert {view.outcome for view in done} == {Outcome.SUCCEEDED}
    performed = [call.removeprefix("perform ") for call in isp.remote.calls if call.startswith("perform")]
    assert len(performed) == len(set(performed)) == 60
    for n in range(15):
        assert [name for name in performed if name.startswith(f"{n}/")] == [f"{n}/{month}" for month in range(4)]


def test_settling_ends_with_its_time_even_while_there_is_work(many: tuple[Any, list[int]]) -> None:
    isp, ids = many
    before = isp.clock.monotonic()

    class Slow:
        """Every call takes a second of the hand's clock."""

        def popleft(self) -> None:
            isp.clock.advance(seconds=1)

        def __bool__(self) -> bool:
            return True

    isp.remote.troubles = Slow()
    settled = isp.office.tasks.settle(ids, timeout=5)
    assert 0 < sum(view.outcome is Outcome.SUCCEEDED for view in settled) < 45
    assert isp.clock.monotonic() - before < 60


def test_nothing_is_counted_that_has_ended(isp: Any) -> None:
    ask(isp, "1")
    isp.remote.troubles.append(errors.Rejected("closed"))
    isp.work()
    ask(isp, "2")
    with isp.hub.store.read() as connection:
        counted = tasks.counts(connection, "default")
    assert {(name, phase.value): many for (name, phase), many in counted.items()} == {
        ("basic", "parked"): 1,
        ("basic", "due"): 1,
    }
