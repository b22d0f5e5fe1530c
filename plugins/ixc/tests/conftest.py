"""An IXC at its simulator, with what the tests ask of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from svahub.client import ProviderClient
from svahub.testing.clocks import HandClock
from svahub_ixc import Ixc, IxcSettings
from svahub_ixc.simulator import IxcSimulator


@dataclass
class Erp:
    """The source, its simulator, and the time that both go by."""

    simulator: IxcSimulator
    clock: HandClock
    client: ProviderClient
    slept: list[float] = field(default_factory=list)

    def source(self, **more: Any) -> Ixc:
        return Ixc(IxcSettings.model_validate({**self.simulator.credentials, **more}), self.client)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def simulator(clock: HandClock) -> Iterator[IxcSimulator]:
    with IxcSimulator(seed=1, clock=clock).running() as running:
        yield running


@pytest.fixture
def erp(simulator: IxcSimulator, clock: HandClock) -> Iterator[Erp]:
    auth = IxcSettings.model_validate(simulator.credentials).auth()
    slept: list[float] = []
    given = {"now": clock.now, "sleep": slept.append, "timeout": 5}
    with ProviderClient(base_url=simulator.url, auth=auth, **given) as client:
        yield Erp(simulator, clock, client, slept)
