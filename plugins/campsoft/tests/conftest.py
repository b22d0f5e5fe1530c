"""A Campsoft at its simulator, with what the tests ask of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from svahub import Account, Applied, Customer, Desired, DocumentKind, Observed, Plan, Subscription
from svahub.client import Exchange, ProviderClient
from svahub.extension.invented import cpf
from svahub.testing import Answer, Request, route
from svahub.tokens import MemoryTokens
from svahub_campsoft import Campsoft, CampsoftSettings
from svahub_campsoft.simulator import CampsoftSimulator
from svahub_campsoft.simulator.subscriber import Status, Subscriber

KEY = "7b0c6f1e-6a0d-5d53-9a54-2f7f7b3f0001"
MARIA = Customer(
    id="c1",
    name="Maria Inventada",
    document="52998224725",
    document_kind=DocumentKind.CPF,
    email="maria@example.com",
    phone="+5511987654321",
)


@dataclass
class Streaming:
    """The provider, its simulator, and the products that it sells."""

    simulator: CampsoftSimulator
    provider: Campsoft
    plans: list[Plan] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    key: str = KEY
    customer: Customer = MARIA

    cpf: Callable[[int], str] = cpf
    clients: ExitStack = field(default_factory=ExitStack)

    def another(self, **more: Any) -> Campsoft:
        """Return the provider of another integration at the same simulator."""
        client = self.clients.enter_context(opened(self.simulator, **more))
        return Campsoft(self.settings(**more), client)

    def recorded(self, **options: Any) -> Recorded:
        """Return a client over another transport."""
        client = Recorded(base_url=self.simulator.url, auth=self.settings().auth(), tokens=MemoryTokens(), **options)
        return self.clients.enter_context(client)

    def settings(self, **more: Any) -> CampsoftSettings:
        return CampsoftSettings.model_validate({**self.simulator.credentials, **more})

    def sold(self, plan: Plan | None, key: str = "s1", remote_id: str | None = None, **more: Any) -> Subscription:
        return Subscription(
            key=key,
            contract_id=f"contract {key}",
            item_code="1",
            product_type="streaming",
            account=more.pop("account", Account(KEY, MARIA, remote_id)),
            desired=Desired.ACTIVE,
            observed=more.pop("observed", Observed.ACTIVE),
            plan=plan,
            **more,
        )

    def there(self, plan: Plan, key: str = "s1", **more: Any) -> Subscription:
        """Return a subscription that has been sold."""
        return self.given(self.sold(plan, key, KEY, **more), plan)

    def given(self, subscription: Subscription, plan: Plan) -> Subscription:
        return replace(subscription, applied=Applied(plan=plan.remote_id))

    def changing(self, old: Plan, new: Plan, *siblings: Subscription, **more: Any) -> Subscription:
        return self.given(self.sold(new, remote_id=KEY, siblings=siblings, **more), old)

    def subscriber(self, username: str = KEY) -> dict[str, Any]:
        (only,) = [one for one in self.simulator.state()["customers"] if one["username"] == username]
        return dict(only)

    def held(self, username: str = KEY) -> list[str]:
        return list(self.subscriber(username)["products"])

    def looks(self) -> int:
        """Return at how many subscribers' products Campsoft was asked to look."""
        return self.simulator.counts["GET /customers/{username}/subscriptions", 200]

    def asked(self) -> list[tuple[str, str]]:
        """Return method and last part of the path of each request since this was asked last."""
        seen = [(one.method, one.path.rpartition("/")[2]) for one in self.simulator.requests]
        self.simulator.requests.clear()
        return seen


@pytest.fixture
def tv() -> Iterator[Streaming]:
    with Listening(seed=1).running() as simulator, opened(simulator) as client:
        provider = Campsoft(CampsoftSettings.model_validate(simulator.credentials), client)
        plans = [plan for plan in provider.sync_plans() if plan.active]
        simulator.requests.clear()
        tv = Streaming(simulator, provider, plans, client.exchanges)
        with tv.clients:
            yield tv


class Listening(CampsoftSimulator):
    """A Campsoft that notes the passwords that it is told."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.passwords: list[str] = []

    @route("POST", "/customers")
    def create(self, request: Request) -> Answer:
        self.passwords.append(request.json()["password"])
        return super().create(request)


class Busy(CampsoftSimulator):
    """A Campsoft that counts how many requests it has under way."""

    under_way = most = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.under_way -= 1


@pytest.fixture
def crowded() -> Iterator[Callable[[int], Streaming]]:
    """Return what opens a Campsoft of many subscribers that takes its time."""
    with ExitStack() as stack:
        yield lambda many: _crowded(many, stack)


def _crowded(many: int, stack: ExitStack) -> Streaming:
    simulator = stack.enter_context(Busy(seed=1).running())
    simulator.timings.answer_seconds = 0.02
    product = next(iter(simulator.products))
    for number in range(many):
        name = f"{KEY[:-4]}{number:04}"
        document = {"type": "CPF", "number": cpf(number)}
        one = Subscriber(name, Status.ACTIVE, "Pessoa Inventada", name, document, None, None, (product,))
        simulator.subscribers.write(name, one)
    client = stack.enter_context(opened(simulator))
    provider = Campsoft(CampsoftSettings.model_validate(simulator.credentials), client)
    return Streaming(simulator, provider, clients=stack)


class Recorded(ProviderClient):
    """A client whose exchanges are kept."""

    def __init__(self, **options: Any) -> None:
        self.exchanges: list[Exchange] = []
        super().__init__(recorder=self, **options)

    def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


def opened(simulator: CampsoftSimulator, **more: Any) -> Recorded:
    settings = CampsoftSettings.model_validate({**simulator.credentials, **more})
    tokens, clock = MemoryTokens(), simulator.clock
    return Recorded(
        base_url=simulator.url, auth=settings.auth(), timeout=2, connections=settings.connections, tokens=tokens,
        now=clock.now,
    )  # fmt: skip
