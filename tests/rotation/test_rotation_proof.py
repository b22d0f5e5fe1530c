"""A worker in a process of its own blocks and unblocks many subscriptions while the password is rotated under it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Environment, Observed
from svahub.store import tables
from svahub.store.states import Certainty, EventKind, IntegrationState, State
from svahub.testing.http import Request
from svahub_teleclinica.simulator import TeleClinicaSimulator

MANY = 60
PATIENCE = 240.0
UNHURRIED = {"timeout": 30, "settle_seconds": 0, "retry_cap": 1}
"""However busy the machine is, no call is given up: whether a user was made would be waited out for minutes."""
REFUSED = "the provider does not accept our credentials"
UNSENT = ("given back before it began", "the lease does not outlast the call")
STOPPED = (Certainty.NOT_APPLIED, "the integration is paused, quarantined or disabled")


class Clinic(TeleClinicaSimulator):
    """Does something once, in the middle: when it has blocked a quarter of all."""

    in_the_middle: Callable[[], None] | None = None

    def _note(self, request: Request, route: str, status: int) -> None:
        super()._note(request, route, status)
        if self.in_the_middle and self.done("/block") > MANY // 4:
            do, self.in_the_middle = self.in_the_middle, None
            do()

    def done(self, ending: str) -> int:
        return sum(n for (path, status), n in self.counts.items() if path.endswith(ending) and status == 200)

    def slow_down(self) -> None:
        self.timings.answer_seconds = 0.1


@dataclass
class Proof:
    """One ISP on a store, its provider, and the passwords in files."""

    url: str
    office: TenantHub
    clinic: Clinic
    folder: Path

    def reference(self, name: str) -> dict[str, str]:
        return {"password": f"file:{self.folder / name}"}

    def word(self, name: str) -> dict[str, str]:
        return {"password": (self.folder / name).read_text()}

    def ask(self, *reasons: str) -> None:
        """Have everybody blocked for these reasons, or for none unblocked, in one import."""
        rows = [
            {
                "contract_id": f"C{n}",
                "customer": {"id": f"P{n}", "name": "Pessoa Inventada", "document": document(n)},
                "items": [{"code": "1", "product_code": "TELE"}],
                "block_reasons": reasons,
            }
            for n in range(MANY)
        ]
        assert not self.office.contracts.take_in([ContractRow.model_validate(row) for row in rows]).errors

    def all_are(self, observed: Observed) -> bool:
        states = Counter((one.observed, one.state) for one in self.office.subscriptions.list())
        return states == {(observed, State.SETTLED): MANY}

    def failures(self) -> set[tuple[Certainty, str]]:
        """Return how attempts ended that did not succeed; what was never sent has not failed."""
        c = tables.attempts.c
        with self.office.hub.store.read() as connection:
            rows = connection.execute(select(c.certainty, c.cause).distinct()).all()
        ended = {(row.certainty, row.cause) for row in rows if row.certainty is not Certainty.SUCCEEDED}
        return ended - {(Certainty.NOT_APPLIED, cause) for cause in UNSENT}

    def events(self) -> list[EventKind]:
        """Return what was told of the integration."""
        c = tables.events.c
        query = select(c.kind).where(c.kind.in_([EventKind.QUARANTINED, EventKind.FREED])).order_by(c.number)
        with self.office.hub.store.read() as connection:
            return list(connection.execute(query).scalars())

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let `svahub work` run in a process of its own; it ends well when it is asked to."""
        command = [sys.executable, "-m", "svahub", "work", "--threads", "8"]
        environment = os.environ | {"SVAHUB_DATABASE_URL": self.url}
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as process:
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                code = process.wait(PATIENCE)
        assert code == 0


def document(n: int) -> str:
    """Return the CPF of the n-th person."""
    digits = [int(digit) for digit in f"{100_000_000 + n}"]
    for length in (9, 10):
        total = sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=True))
        digits.append(total * 10 % 11 % 10)
    return "".join(map(str, digits))


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@pytest.fixture
def proof(usual_database_url: str, tmp_path: Path) -> Iterator[Proof]:
    clinic = Clinic(seed=1)
    clinic.timings.answer_seconds = 0.01
    (tmp_path / "old").write_text(clinic.credentials["password"])
    (tmp_path / "new").write_text(secrets.token_urlsafe(24))
    with clinic.running(), Hub.open(usual_database_url) as hub:
        proof = Proof(usual_database_url, hub.tenant("default"), clinic, tmp_path)
        settings, secret = {"username": clinic.credentials["username"], **UNHURRIED}, proof.reference("old")
        proof.office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=clinic.url, settings=settings, secret=secret
        )
        proof.office.catalogue.sync("tele")
        plan = proof.office.catalogue.plans("tele")[0].remote_id
        proof.office.catalogue.link("TELE", "telemedicine", "tele", plan)
        proof.ask()
        yield proof


def test_no_attempt_fails_while_the_password_is_rotated(proof: Proof) -> None:
    with proof.working():
        until(lambda: proof.all_are(Observed.ACTIVE))
        proof.clinic.in_the_middle = proof.clinic.slow_down
        proof.ask("overdue")
        until(lambda: proof.clinic.in_the_middle is None)
        proof.clinic.accept(proof.word("old"), proof.word("new"))
        proof.office.integrations.rotate("tele", proof.reference("new"))
        proof.clinic.accept(proof.word("new"))
        proof.ask()
        until(lambda: proof.all_are(Observed.ACTIVE))
    assert proof.failures() == set()
    assert (proof.events(), len(proof.clinic.users)) == ([], MANY)
    assert (proof.office.integrations.show("tele").former_kept, proof.clinic.done("/block") <= MANY) == (False, True)


@pytest.mark.deep
def test_when_the_provider_drops_the_old_password_first_a_rotation_lets_all_go_on(proof: Proof) -> None:
    with proof.working():
        until(lambda: proof.all_are(Observed.ACTIVE))
        proof.clinic.in_the_middle = lambda: proof.clinic.accept(proof.word("new"))
        proof.ask("overdue")
        until(lambda: proof.office.integrations.show("tele").status == IntegrationState.QUARANTINED)
        assert str(proof.office.integrations.show("tele").cause).startswith(REFUSED)
        assert proof.office.integrations.rotate("tele", proof.reference("new")).freed
        until(lambda: proof.all_are(Observed.BLOCKED))
        proof.ask()
        until(lambda: proof.all_are(Observed.ACTIVE))
    assert proof.failures() <= {(Certainty.NOT_APPLIED, REFUSED), STOPPED}
    assert (proof.clinic.done("/block"), proof.clinic.done("/unblock"), len(proof.clinic.users)) == (MANY, MANY, MANY)
    assert proof.events() == [EventKind.QUARANTINED, EventKind.FREED]
