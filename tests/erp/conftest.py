"""An ISP whose contracts are at IXC alone and whose telemedicine is at TeleClínica; they have one clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from svahub.areas.pulling import Pulled
from svahub.hub import Hub, TenantHub
from svahub.models import Environment
from svahub.testing.clocks import HandClock
from svahub_ixc.simulator import IxcSimulator
from svahub_teleclinica.simulator import TeleClinicaSimulator

INTERNET, TELE = "1", "2"
"""Products of the ERP; svahub knows the second one as its platform does."""

CODE = "sva-7-21"
HASTY = {"settle_seconds": 0, "retry_base": 0.001, "retry_cap": 0.01}
SETTLEMENTS = "fn_areceber_recebimentos_baixas_novo"


@dataclass
class Isp:
    """The installation, and both simulators."""

    hub: Hub
    ixc: IxcSimulator
    clinic: TeleClinicaSimulator
    clock: HandClock

    @property
    def office(self) -> TenantHub:
        return self.hub.tenant("default")

    def register(self, **settings: Any) -> None:
        """Register the ERP; a pull is made where a test says so."""
        given = {"watch": False, **HASTY, **settings}
        secret = {"token": "env:ERP_TOKEN"}
        add = self.office.sources.add
        add("erp", "ixc", Environment.STAGING, address=self.ixc.url, settings=given, secret=secret)

    def pull(self, *, full: bool = False) -> Pulled:
        return self.office.sources.pull("erp", full=full)

    def work(self) -> None:
        """Do what is due, and write back what came of it."""
        with self.hub.watching(once=True) as watching, self.hub.work(threads=2) as worker:
            worker.drain()
            while watching.drain():
                worker.drain()

    def follow(self) -> Pulled:
        """Let a moment pass, pull, and do what follows."""
        self.clock.advance(minutes=1)
        pulled = self.pull()
        self.work()
        return pulled

    def at_clinic(self) -> dict[str, str]:
        """Return how the clinic has who has a contract there, by that contract; one contract is one person here."""
        people = {row["cnpj_cpf"].translate(_BARE): row["id"] for row in self.ixc.rows("cliente")}
        contracts = {row["id_cliente"]: row["id"] for row in self.ixc.rows("cliente_contrato")}
        return {contracts[people[user.cpf]]: user.status.value for user in self.clinic.users}

    def notes(self) -> list[tuple[str, str]]:
        """Return the contract and the first words of each note in the ERP."""
        rows = self.ixc.rows("cliente_contrato_historico")
        return [(row["id_contrato"], row["historico"].partition(":")[0]) for row in rows]


_BARE = str.maketrans("", "", ".-/")


@pytest.fixture
def isp(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Isp]:
    """Return an ISP that has linked the telemedicine of its ERP, and has no source yet."""
    clock = HandClock()
    ixc, clinic = IxcSimulator(seed=1, clock=clock), TeleClinicaSimulator(seed=1, clock=clock)
    monkeypatch.setenv("ERP_TOKEN", ixc.credentials["token"])
    monkeypatch.setenv("CLINIC_WORD", clinic.credentials["password"])
    with ixc.running(), clinic.running(), Hub.open(sqlite_url, clock=clock) as hub:
        office, secret = hub.tenant("default"), {"password": "env:CLINIC_WORD"}
        own = {"username": clinic.credentials["username"], **HASTY}
        office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=clinic.url, settings=own, secret=secret
        )
        office.catalogue.sync("tele")
        plan = min(plan.remote_id for plan in office.catalogue.plans("tele"))
        office.catalogue.link(CODE, "telemedicine", "tele", plan)
        yield Isp(hub, ixc, clinic, clock)
