"""A TeleClínica at its simulator, with what the tests ask of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from svahub import Account, Applied, Customer, Desired, DocumentKind, Observed, Plan, Subscription
from svahub.client import ProviderClient
from svahub_teleclinica import TeleClinica, TeleClinicaSettings
from svahub_teleclinica.simulator import TeleClinicaSimulator

MARIA = Customer(
    id="c1",
    name="Maria Silva",
    document="52998224725",
    document_kind=DocumentKind.CPF,
    email="maria@example.com",
    phone="+5511987654321",
    birth_date=date(1980, 1, 31),
)


@dataclass
class Clinic:
    """The provider, its simulator, and the plans that it sells."""

    simulator: TeleClinicaSimulator
    provider: TeleClinica
    customer: Customer = MARIA
    plans: list[Plan] = field(default_factory=list)

    def settings(self, **more: Any) -> TeleClinicaSettings:
        return TeleClinicaSettings.model_validate({**self.simulator.credentials, **more})

    def sold(self, plan: Plan | None, key: str = "s1", remote_id: str | None = None, **more: Any) -> Subscription:
        return Subscription(
            key=key,
            contract_id=f"contract {key}",
            item_code="1",
            product_type="telemedicine",
            account=Account("a1", self.customer, remote_id),
            desired=Desired.ACTIVE,
            observed=more.pop("observed", Observed.ACTIVE),
            plan=plan,
            **more,
        )

    def changing(self, remote_id: str, old: Plan, new: Plan, *siblings: Subscription) -> Subscription:
        return self.given(self.sold(new, remote_id=remote_id, siblings=siblings), old)

    def given(self, subscription: Subscription, plan: Plan) -> Subscription:
        return replace(subscription, applied=Applied(plan=plan.remote_id))

    def created(self, *subscriptions: Subscription) -> str:
        """Create subscriptions of one person, and return the user's id."""
        remote_id = None
        for subscription in subscriptions:
            account = replace(subscription.account, remote_id=remote_id)
            remote_id = self.provider.create_user(replace(subscription, account=account)).remote_id
        assert remote_id is not None
        return remote_id

    def user(self) -> dict[str, Any]:
        (only,) = self.simulator.state()["users"]
        return dict(only)

    def held(self) -> set[str]:
        return {plan["id"] for plan in self.user()["plans"] if plan["status"] == "ACTIVE"}


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    with TeleClinicaSimulator(seed=1).running() as simulator:
        settings = TeleClinicaSettings.model_validate(simulator.credentials)
        with ProviderClient(base_url=simulator.url, auth=settings.auth(), timeout=2) as client:
            provider = TeleClinica(settings, client)
            plans = [plan for plan in provider.sync_plans() if plan.active]
            simulator.requests.clear()
            yield Clinic(simulator, provider, plans=plans)
