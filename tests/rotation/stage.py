"""One ISP whose passwords are in files, and can be rotated: what the tests of rotation share."""

from __future__ import annotations

import secrets as random_words
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svahub.areas.rotation import Rotated
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Observed
from svahub.store import integrations, tables
from svahub.store.rows import IntegrationRow
from svahub.store.states import AuditKind, EventKind, State
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import TeleClinicaSimulator

ANA = "52998224725"


@dataclass
class Stage:
    """One ISP that sells one product at a clinic; its passwords are in files."""

    hub: Hub
    office: TenantHub
    clinic: TeleClinicaSimulator
    clock: HandClock
    folder: Path

    def file(self, name: str, word: str | None = None) -> str:
        """Write a password, a new one unless it is given, and return the reference."""
        (self.folder / name).write_text(word or random_words.token_urlsafe(24))
        return f"file:{self.folder / name}"

    def word(self, name: str) -> dict[str, str]:
        return {"password": (self.folder / name).read_text()}

    def takes(self, *names: str) -> None:
        self.clinic.accept(*map(self.word, names))

    def rotate(self, name: str, **options: Any) -> Rotated:
        return self.office.integrations.rotate("tele", {"password": f"file:{self.folder / name}"}, **options)

    def row(self) -> IntegrationRow:
        with self.hub.store.read() as connection:
            row = integrations.one(connection, "default", "tele")
        assert row is not None
        return row

    def slots(self) -> tuple[str, str | None]:
        """Return the names of the files that the two slots refer to."""
        row = self.row()
        former = (row.former_secrets or {}).get("password")
        return Path(row.secrets["password"]).name, Path(former).name if former else None

    def sell(self, contract: str = "C1") -> None:
        level: dict[str, Any] = {
            "contract_id": contract,
            "customer": {"id": f"customer-{contract}", "name": "Pessoa Inventada", "document": ANA},
            "items": [{"code": "1", "product_code": "TELE"}],
        }
        assert not self.office.contracts.take_in([ContractRow.model_validate(level)]).errors

    def ask(self, action: Action, contract: str = "C1") -> None:
        self.office.verbs.issue(Command(action, contract))

    def work(self) -> None:
        with self.hub.work(threads=2) as worker:
            worker.drain()

    def state(self) -> tuple[Observed, State]:
        (one,) = self.office.subscriptions.list(contract="C1")
        return one.observed, one.state

    def events(self) -> list[tuple[EventKind, dict[str, Any]]]:
        with self.hub.store.read() as connection:
            rows = connection.execute(tables.events.select().order_by(tables.events.c.number)).all()
        return [(row.kind, row.details) for row in rows if row.kind in {EventKind.QUARANTINED, EventKind.FREED}]

    def audit(self) -> list[tuple[str, dict[str, Any]]]:
        with self.hub.store.read() as connection:
            query = tables.audit.select().where(tables.audit.c.kind == AuditKind.COMMAND)
            rows = connection.execute(query.order_by(tables.audit.c.number)).all()
        return [(row.command, row.details) for row in rows if row.command.startswith("integration ")]

    def refusals(self) -> int:
        return sum(1 for seen in self.clinic.requests if seen.status == 401)
