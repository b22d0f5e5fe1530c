"""Whatever is asked, in whatever order, and whatever goes wrong meanwhile: in the end core and provider agree."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from svahub.commands import Action
from svahub.errors import Refused
from svahub.models import Aspect
from svahub.store.states import State
from svahub.testing.contract.expectations import SILENT
from svahub.testing.contract.restarts import die_after_the_call
from svahub.testing.faults import Fault
from svahub.testing.grades import Level, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.person import Person

EXAMPLES, STEPS = 4, 8
SLOW = SILENT | {Fault.DELAY, Fault.HUGE, Fault.REFUSE}
FOR_A_PERSON = frozenset({Fault.UNAUTHORIZED, Fault.REDIRECT, Fault.REPEATING})
STRIKING = [fault for fault in Fault if fault not in SLOW | FOR_A_PERSON]
LETTERS = st.sampled_from("AB")
VERBS = [Action.BLOCK, Action.UNBLOCK, Action.CANCEL, Action.ACTIVATE]
Meets = tuple[Fault, int] | None
"""The fault that a request meets, after so many that are spared."""
MEETS: st.SearchStrategy[Meets] = st.none() | st.tuples(st.sampled_from(STRIKING), st.integers(0, 2))
NEXT = st.sampled_from(["work", "die", "wait"])
AT_ONCE, SHORTEST = (Phase.generate,), (Phase.generate, Phase.shrink)
"""A failure is shown as it is found, in a few steps; to look for a shorter one takes minutes, and is asked for."""


@theme("any order", Level.SILVER)
class AnyOrder:
    """A state machine: verbs, faults and restarts."""

    def test_whatever_is_asked_core_and_provider_agree_in_the_end(
        self, svahub_isp: Isp, request: pytest.FixtureRequest
    ) -> None:
        """Verbs of one person in any order, through faults and restarts."""
        drawn, phases = _drawn(request.config)
        machine = seed(drawn)(type("Machine", (Life,), {"isp": svahub_isp}))
        quiet = settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, phases=phases, report_multiple_bugs=False, database=None,
            deadline=None, derandomize=False, suppress_health_check=list(HealthCheck), print_blob=False,
        )  # fmt: skip
        try:
            run_state_machine_as_test(machine, settings=quiet)
        except BaseException as error:
            again = f"pytest '{request.node.nodeid}' --svahub-seed {drawn}"
            error.add_note(f"again, and in fewer steps where that fails too (up to five minutes): {again}")
            raise


def _drawn(config: pytest.Config) -> tuple[int, tuple[Phase, ...]]:
    given: int | None = config.getoption("--svahub-seed")
    if given is not None:
        return given, SHORTEST
    return 0 if os.environ.get("CI") else random.randrange(2**32), AT_ONCE  # noqa: S311 -- it is printed


class Life(RuleBasedStateMachine):
    """One person's life at the ISP."""

    isp: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.isp.mend()
        self.isp.simulator.timings.update({"lag_seconds": 20})
        self.isp.greet()  # else the same steps meet a token's fetch in one life, and none in another
        self.person: Person = self.isp.person()
        self.since = len(self.isp.visits())

    @initialize(struck=MEETS)
    def sign(self, struck: Meets) -> None:
        """Everybody begins with a contract."""
        self._strike(struck)
        self.person.sell("A", 0)
        self.person.work()

    @rule(struck=MEETS, then=NEXT)
    def sign_once_more(self, struck: Meets, then: str) -> None:
        """A second contract."""
        self._strike(struck)
        self.person.sell("B", 1)
        self._go_on(then)

    @rule(action=st.sampled_from(VERBS), letter=LETTERS, struck=MEETS, then=NEXT)
    def ask(self, action: Action, letter: str, struck: Meets, then: str) -> None:
        """A verb; what cannot be asked now is refused, and changes nothing."""
        self._strike(struck)
        with suppress(Refused):
            self.person.ask(action, letter)
        self._go_on(then)

    @rule(letter=LETTERS, plan=st.integers(0, 1), many=st.integers(1, 3), struck=MEETS, then=NEXT)
    def change(self, letter: str, plan: int, many: int, struck: Meets, then: str) -> None:
        """Another plan, or another number of it, where the provider can."""
        changes = self.isp.stand.kind.changes
        self._strike(struck)
        with suppress(Refused):
            if Aspect.QUANTITY in changes:
                self.person.ask(Action.CHANGE, letter, quantity=many)
            elif Aspect.PLAN in changes:
                self.person.ask(Action.CHANGE, letter, plan=self.isp.plans[plan].remote_id)
        self._go_on(then)

    @rule(seconds=st.sampled_from([3, 31, 400]))
    def wait(self, seconds: int) -> None:
        """Let time pass, and do what is due then."""
        self.isp.stand.clock.sleep(seconds)
        self.person.work()

    def _strike(self, struck: Meets) -> None:
        """One of the next requests goes wrong, or none; what the company doubles, nobody can take back."""
        if struck and not (Fault.DUPLICATE in struck and self.isp.simulator.doubles):
            self.isp.strike(*struck)

    def _go_on(self, then: str) -> None:
        """Do what is due, or let a worker die after its call; or leave it for later."""
        if then == "work":
            self.person.work()
        elif then == "die":
            die_after_the_call(self.isp, [self.person])

    def teardown(self) -> None:
        """In the end nothing goes wrong any more."""
        self.isp.mend()
        for _ in range(3):
            self.person.settle()
            if all(view.state is not State.PARKED for view in self.person.views):
                break
            self.isp.retry([self.person])
        self.person.agrees("all that was asked", self.since)
