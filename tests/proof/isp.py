"""One ISP whose commands run in processes of their own, and what must hold of it in the end."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import func, select
from svahub.areas.subscriptions import SubscriptionView
from svahub.extension.invented import cpf
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.models import Desired, Environment, Observed
from svahub.store.states import Outcome, State
from svahub.store.tables import accounts, attempts
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import Status

from proof.child import Job
from proof.nursery import Child, Ended, Nursery
from proof.witness import Steady, Witness

VARIABLE = "SVAHUB_TEST_PROOF"
HASTY = {"settle_seconds": 0, "retry_base": 0.001, "retry_cap": 0.01, "timeout": 5, "retry_budget": 50}
"""Settings under which nothing has to be waited for."""


@dataclass
class Isp:
    """An ISP with one integration, `tele`; contract number n is of its own person."""

    hub: Hub
    office: TenantHub
    clinic: Witness
    nursery: Nursery | None
    folder: Path
    url: str
    plans: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    """What commands find in their environment beside the clinic's password."""

    # -- in this process -----------------------------------------------------------------------------------------------

    def row(self, number: int, **more: Any) -> dict[str, Any]:
        """Return a contract as a file tells of it."""
        return {
            "contract_id": f"C{number}",
            "status": "active",
            "customer": {"id": f"P{number}", "name": "Pessoa Inventada", "document": cpf(number)},
            "items": [{"code": "1", "product_code": "TELE"}],
        } | more

    def take_in(self, numbers: Iterable[int], **more: Any) -> None:
        """Import contracts."""
        report = self.office.contracts.take_in([ContractRow.model_validate(self.row(n, **more)) for n in numbers])
        assert not report.errors

    def ask(self, action: Action, number: int, **more: Any) -> None:
        """Ask for a verb and do not wait."""
        self.office.verbs.issue(Command(action, f"C{number}", **more))

    def work(self) -> None:
        """Do what is due."""
        with self.hub.work(threads=8) as worker:
            worker.drain()

    # -- in processes --------------------------------------------------------------------------------------------------

    def start(self, *arguments: str, **job: Any) -> Child:
        """Start a command."""
        name = self.folder / secrets.token_hex(4)
        environment = {VARIABLE: self.clinic.credentials["password"], "SVAHUB_ACTOR": "eva", **self.variables}
        files = {"output": f"{name}.out", "errors": f"{name}.err"}
        return self.nursery.start(Job(list(arguments), **{"url": self.url, "environment": environment, **files, **job}))

    def run(self, *arguments: str, **job: Any) -> Ended:
        """Run a command to its end."""
        return self.start(*arguments, **job).wait()

    def succeed(self, *arguments: str, **job: Any) -> Ended:
        """Run a command that must reach what it is for."""
        ended = self.run(*arguments, **job)
        assert ended.code == 0, (arguments, ended)
        return ended

    # -- what must hold ------------------------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Let `work` do what is due, and what waits for an instant when that has come."""
        pause = Event()
        self.succeed("work", "--once")
        while any(view.state is State.WAITING for view in self.office.subscriptions.list()):
            pause.wait(0.2)
            self.succeed("work", "--once")

    def agree(self, wanted: dict[int, Desired], *, creates: int | None = 1) -> None:
        """Assert that store and provider are both as wanted, with one user each, asked for `creates` times."""
        views = {view.contract_id: view for view in self.office.subscriptions.list()}
        for number, desired in wanted.items():
            view = views[f"C{number}"]
            observed = Observed(desired) if self._was_made(number, desired) else Observed.ABSENT
            assert (view.desired, view.observed, view.state) == (desired, observed, State.SETTLED), view
            self._provider_agrees(number, view)
            assert creates is None or self.creates(number) == creates, (number, self.clinic.of(cpf(number)))
        self.nothing_is_open()

    def _was_made(self, number: int, desired: Desired) -> bool:
        """Tell whether there is, or was, a user: what is blocked or cancelled before it was made never gets one."""
        return desired is Desired.ACTIVE or any(user.cpf == cpf(number) for user in self.clinic.users)

    def _provider_agrees(self, number: int, view: SubscriptionView) -> None:
        theirs = [user for user in self.clinic.users if user.cpf == cpf(number)]
        live = [user for user in theirs if user.status is not Status.CANCELLED]
        if view.observed in {Observed.ABSENT, Observed.CANCELLED}:
            assert not live, (view, theirs)
            return
        (user,) = live
        assert (user.status.value, user.id) == (view.desired.value, view.remote_id), (view, user)
        (plan,) = [p.id for p in user.plans if p.status is not Status.CANCELLED]
        waits = view.desired is Desired.BLOCKED  # a change waits for the unblock
        assert plan == view.plan or waits, (view, user)

    def creates(self, number: int) -> int:
        """Return how often a user was asked for, for a contract."""
        return self.clinic.creates(cpf(number))

    def nothing_is_open(self) -> None:
        """Assert that no attempt is left open, no account leased, no operation queued or parked."""
        with self.hub.store.read() as connection:
            attempted = connection.execute(select(func.count()).where(attempts.c.ended_at.is_(None))).scalar_one()
            leased = connection.execute(select(func.count()).where(accounts.c.lease_owner.is_not(None))).scalar_one()
        assert (attempted, leased) == (0, 0)
        outcomes = Counter(operation.outcome for operation in self.office.operations.list())
        assert set(outcomes) <= {Outcome.SUCCEEDED, Outcome.SUPERSEDED}, outcomes

    def nobody_is_there_twice(self) -> None:
        """Assert that nobody was ever created twice."""
        people = Counter(user.cpf for user in self.clinic.users)
        assert set(people.values()) <= {1}, people

    def catalogue_agrees(self) -> None:
        """Assert that the catalogue is the provider's."""
        ours = {p.remote_id: (p.name, p.description, p.price) for p in self.office.catalogue.plans("tele")}
        assert ours == {p.id: (p.name, p.description, p.price) for p in self.clinic.plans if p.active}

    def rewrite_a_plan(self, times: int = 1) -> None:
        """Have the provider describe its first plan anew."""
        plan = self.clinic.plans.truth[self.plans[0]]
        self.clinic.plans.write(plan.id, replace(plan, description=f"described {times} times"))


@contextmanager
def opened(url: str, folder: Path, nursery: Nursery | None, *, clock: Any = None, **settings: Any) -> Iterator[Isp]:
    """Open an ISP on an empty store, at a clinic of its own."""
    clinic = Witness(seed=1, clock=Steady(clock) if clock else None)
    with clinic.running(), Hub.open(url, clock=clock) as hub:
        os.environ[VARIABLE] = clinic.credentials["password"]
        office = hub.tenant("default")
        own = {"username": clinic.credentials["username"], **HASTY, **settings}
        secret = {"password": f"env:{VARIABLE}"}
        office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=clinic.url, settings=own, secret=secret
        )
        office.catalogue.sync("tele")
        plans = sorted(p.remote_id for p in office.catalogue.plans("tele"))
        office.catalogue.link("TELE", "telemedicine", "tele", plans[0])
        yield Isp(hub, office, clinic, nursery, folder, url, plans)


def numbers(first: int, many: int) -> range:
    """Return the numbers of some contracts."""
    return range(first, first + many)
