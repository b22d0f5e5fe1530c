"""An ISP that sells telemedicine: what its people ask, in the words of the command line, and what then must hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner
from svahub.areas.subscriptions import SubscriptionView
from svahub.cli import main
from svahub.models import Desired
from svahub.store.states import Outcome, State
from svahub_teleclinica.simulator import User

from lives.workplace import Workplace, left
from proof.isp import Isp, cpf
from proof.witness import Witness


@dataclass
class Life:
    """The ISP, its clinic, and who does its work; contract number n is of its own person, and wants one item."""

    isp: Isp
    workplace: Workplace

    @property
    def clinic(self) -> Witness:
        return self.isp.clinic

    @property
    def plans(self) -> list[str]:
        """The clinic's plans; what is sold is the first."""
        return self.isp.plans

    # -- what people do ------------------------------------------------------------------------------------------------

    def sign(self, *numbers: int, **more: Any) -> None:
        """Import contracts."""
        self.isp.take_in(numbers, **more)

    def ask(self, line: str) -> Any:
        """Run a command that must succeed; return the document that it prints."""
        result = CliRunner().invoke(main, [*line.split(), "--json"], obj=self.isp.hub)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def want(self, line: str) -> None:
        """Ask for a verb and leave it to those who work."""
        self.ask(f"{line} --yes --no-wait")

    def pass_days(self, days: float) -> None:
        """Let days pass for everybody."""
        self.workplace.clock.advance(days=days)

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def until(self, what: Callable[[], object]) -> None:
        """Have the work done until something is so."""
        self.workplace.until(self.isp.hub, what)

    def rest(self) -> None:
        """Have the work done until none is left."""
        self.workplace.rest(self.isp.hub)

    def come_to(self, *levels: Desired, creates: int = 1) -> None:
        """Have the work done until contracts 1, 2 … are wanted so and none is left: then both sides are as wanted.

        `creates`: so often the clinic was asked for each of their people.
        """
        wanted = dict(enumerate(levels, 1))
        self.until(lambda: self._are_wanted(wanted) and not left(self.isp.hub))
        self.isp.agree(wanted, creates=creates)

    def _are_wanted(self, wanted: dict[int, Desired]) -> bool:
        return all(self.sold(number).desired is desired for number, desired in wanted.items())

    def stand(self, state: State, number: int = 1) -> None:
        """Have the work done until a contract's subscription is in a state."""
        self.until(lambda: self.sold(number).state is state)

    def sold(self, number: int = 1) -> SubscriptionView:
        """Return the subscription of a contract, the newest one."""
        return list(self.isp.office.subscriptions.list(contract=f"C{number}"))[-1]

    def outcomes(self, number: int = 1) -> list[Outcome]:
        """Return what became of what was wanted of a contract, the oldest first."""
        return [operation.outcome for operation in self.isp.office.operations.list(contract=f"C{number}")]

    def asked(self, number: int = 1) -> list[str]:
        """Return what the clinic was asked to do for a contract's person, without mere looks."""
        return [call.verb for call in self.clinic.of(cpf(number)) if call.verb != "find"]

    def users(self) -> list[User]:
        """Return whom the clinic has."""
        return list(self.clinic.users)
