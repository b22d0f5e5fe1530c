"""What a plugin's author tests with: the toolkit for simulators, and the conformance kit. Needs `svahub[testing]`.

A simulator subclasses `Simulator`, marks its handlers with `@route` and is named in the entry-point group
`svahub.simulators`; `svahub simulate NAME` runs it, `with MySimulator(seed=1).running() as simulator:` tests with it.
A class that inherits `ProviderContract` tests a provider against it: see `svahub.testing.contract`.
A name is imported when it is asked for: to simulate takes no pytest, and pytest's plugin of svahub takes no server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from svahub.testing import checks as checks
    from svahub.testing.auth import require_any_basic as require_any_basic
    from svahub.testing.auth import require_basic as require_basic
    from svahub.testing.chances import Chances as Chances
    from svahub.testing.chances import kind_named as kind_named
    from svahub.testing.contract import ProviderContract as ProviderContract
    from svahub.testing.faults import Fault as Fault
    from svahub.testing.faults import Faults as Faults
    from svahub.testing.faults import Timings as Timings
    from svahub.testing.http import Answer as Answer
    from svahub.testing.http import Problem as Problem
    from svahub.testing.http import Request as Request
    from svahub.testing.http import listed as listed
    from svahub.testing.http import one_page as one_page
    from svahub.testing.http import route as route
    from svahub.testing.launch import SimulatorProcess as SimulatorProcess
    from svahub.testing.launch import simulator_process as simulator_process
    from svahub.testing.records import Records as Records
    from svahub.testing.simulator import Seen as Seen
    from svahub.testing.simulator import Simulator as Simulator
    from svahub.testing.tokens import BearerTokens as BearerTokens
    from svahub.testing.tokens import Given as Given

HOMES = {
    "auth": ("require_any_basic", "require_basic"),
    "chances": ("Chances", "kind_named"),
    "contract": ("ProviderContract",),
    "faults": ("Fault", "Faults", "Timings"),
    "http": ("Answer", "Problem", "Request", "listed", "one_page", "route"),
    "launch": ("SimulatorProcess", "simulator_process"),
    "records": ("Records",),
    "simulator": ("Seen", "Simulator"),
    "tokens": ("BearerTokens", "Given"),
}
"""By the module that has them."""


def __getattr__(name: str) -> Any:
    home = next((module for module, names in HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
