"""What a plugin's author tests with: the toolkit for simulators of providers. Needs `svahub[testing]`.

A simulator subclasses `Simulator`, marks its handlers with `@route` and is named in the entry-point group
`svahub.simulators`; `svahub simulate NAME` runs it, `with MySimulator(seed=1).running() as simulator:` tests with it.
"""

from svahub.testing import checks
from svahub.testing.auth import require_any_basic, require_basic
from svahub.testing.chances import Chances, kind_named
from svahub.testing.faults import Fault, Faults, Timings
from svahub.testing.http import Answer, Problem, Request, listed, route
from svahub.testing.launch import SimulatorProcess, simulator_process
from svahub.testing.records import Records
from svahub.testing.simulator import Seen, Simulator
from svahub.testing.tokens import BearerTokens, Given

__all__ = [
    "Answer",
    "BearerTokens",
    "Chances",
    "Fault",
    "Faults",
    "Given",
    "Problem",
    "Records",
    "Request",
    "Seen",
    "Simulator",
    "SimulatorProcess",
    "Timings",
    "checks",
    "kind_named",
    "listed",
    "require_any_basic",
    "require_basic",
    "route",
    "simulator_process",
]
