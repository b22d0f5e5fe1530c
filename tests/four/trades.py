"""The four providers at their simulators, as integrations of one ISP, and what each simulator holds in our words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from svahub.hub import TenantHub
from svahub.models import Desired, Environment
from svahub.testing import Simulator
from svahub_asaas.simulator import AsaasSimulator
from svahub_campsoft.simulator import CampsoftSimulator
from svahub_iot.simulator import IotSimulator
from svahub_teleclinica.simulator import TeleClinicaSimulator

ACTIVE, BLOCKED, CANCELLED = Desired.ACTIVE, Desired.BLOCKED, Desired.CANCELLED


class Holding(NamedTuple):
    """One person as a provider has them: their own level, and all that they have there with its level."""

    person: Desired
    things: list[tuple[str, Desired]]


@dataclass(frozen=True, slots=True)
class Trade:
    """What an ISP sells of one provider: `plans` are names in its catalogue, `secrets` of its credentials."""

    provider: str
    product_type: str
    simulator: type[Simulator]
    secrets: tuple[str, ...]
    plans: tuple[str, ...]
    holdings: Callable[[Any], list[Holding]]

    def register(
        self, office: TenantHub, name: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, **settings: Any
    ) -> None:
        """Add an integration at a running simulator; each plan is linked to a product of its name."""
        variables = {secret: f"{name}_{secret}".upper() for secret in self.secrets}
        for secret, variable in variables.items():
            monkeypatch.setenv(variable, simulator.credentials[secret])
        office.integrations.add(
            name,
            self.provider,
            Environment.STAGING,
            address=simulator.url,
            settings={key: told for key, told in simulator.credentials.items() if key not in variables} | settings,
            secret={secret: f"env:{variable}" for secret, variable in variables.items()},
        )
        office.catalogue.sync(name)
        ids = {plan.name: plan.remote_id for plan in office.catalogue.plans(name)}
        for plan in self.plans:
            office.catalogue.link(plan, self.product_type, name, plan=ids.get(plan))


def _at_teleclinica(simulator: TeleClinicaSimulator) -> list[Holding]:
    names = {plan.id: plan.name for plan in simulator.plans}
    return [
        Holding(level, [(names[plan.id], level) for plan in user.plans if plan.status != "CANCELLED"])
        for user in simulator.users
        for level in [Desired(user.status)]
    ]


def _at_campsoft(simulator: CampsoftSimulator) -> list[Holding]:
    """Read that who is suspended and has nothing has ended: nobody is ever deleted there."""
    held = []
    for one in simulator.subscribers:
        idle = BLOCKED if one.products else CANCELLED
        level = ACTIVE if one.status == "active" else idle
        held.append(Holding(level, sorted((simulator.products[id].name, level) for id in one.products)))
    return held


def _at_iot(simulator: IotSimulator) -> list[Holding]:
    account, things = simulator.account, defaultdict(list)
    names = {item.id: item.name for item in account.items}
    for sold in account.subscriptions:
        things[sold.customer].append((names[sold.item], Desired(sold.status)))
        for licence in account.licences_of(sold.id):
            told = account.told(licence)
            things[sold.customer].append((f"licence for {told['device']}", Desired(told["status"])))
    return [Holding(ACTIVE, _living(things[customer.id])) for customer in account.customers]


def _at_asaas(simulator: AsaasSimulator) -> list[Holding]:
    state, things = simulator.state(), defaultdict(list)
    words = {"ACTIVE": ACTIVE, "INACTIVE": BLOCKED, "EXPIRED": CANCELLED}
    for sold in state["subscriptions"]:
        level = CANCELLED if sold["deleted"] else words[sold["status"]]
        things[sold["customer"]].append((f"{sold['value']:.2f} a month", level))
    return [
        Holding(CANCELLED if customer["deleted"] else ACTIVE, _living(things[customer["id"]]))
        for customer in state["customers"]
    ]


def _living(things: list[tuple[str, Desired]]) -> list[tuple[str, Desired]]:
    return sorted(thing for thing in things if thing[1] is not CANCELLED)


TRADES = {
    "tele": Trade(
        "teleclinica", "telemedicine", TeleClinicaSimulator, ("password",), ("Individual", "Família"), _at_teleclinica
    ),
    "stream": Trade(
        "campsoft", "streaming", CampsoftSimulator, ("api_key", "api_secret"),
        ("Filmes e séries", "Infantil", "Jornais e revistas"), _at_campsoft,
    ),
    "casa": Trade(
        "iot", "iot", IotSimulator, ("client_secret",), ("Câmera interna", "Câmera externa"), _at_iot
    ),
    "bill": Trade("asaas", "billing", AsaasSimulator, ("key",), ("Internet 600 Mega", "Internet 300 Mega"), _at_asaas),
}  # fmt: skip
"""By the name of the integration."""
