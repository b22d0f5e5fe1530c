"""The conformance kit: every test that a plugin has to pass, driven against its author's simulator over real sockets.

An author writes one class in a file that pytest collects, and every test is there::

    from svahub.testing import ProviderContract

    class TestAcme(ProviderContract):
        provider = Acme
        simulator = AcmeSimulator

What the class may say beside that:

`settings`      settings of the integration, `{"page_size": 2}` say, so that a listing of a few people has several pages
`page_rows`     how many people one page of a listing holds with these settings; default 2
`plans`         names of plans of the simulator's catalogue that are sold; default: all that are active
`item`          what every sold item says beside its code and product: `{"price": "49.90"}`, `{"attributes": {…}}`
`excuses`       `{"test_name": "reason"}` or `{"test_name[parameter]": "reason"}`: expected to fail, strictly

Nothing else may be added to it, and nothing of the kit overridden: a class that does is refused. The simulator has to
implement `people` and `catalogue` (see `svahub.testing.Simulator`): the kit reads there, not through the plugin, what
came of all that was asked. Its class also says `keeps_people` and `doubles`, where the provider does so.

What is reported (`pytest --svahub-report FILE`; also what `svahub plugins check` reads)::

    {"format": 1, "contracts": [{
        "class": "tests/test_contract.py::TestAcme", "provider": "svahub_acme:Acme", "title": "Acme",
        "capabilities": ["change", "find_user", …], "lacks": ["change: quantity", "list_users", …],
        "level": "bronze" | "silver" | "gold" | null,
        "tests": [{"name": "test_…[…]", "capability": "lifecycle", "level": "bronze", "outcome": "passed" | "failed" |
                   "excused" | "not run", "seconds": 0.1, "reason": "of an excuse", "message": "of a failure"}]}]}

`svahub.testing.grades` computes the level: bronze is the lifecycle, silver adds faults, lookups and what may be told of
people, gold adds listing, adoption and rotation. A test that was excused or did not run is none that passed.
`--svahub-seed N` repeats a run of the state machine, and looks for the fewest steps that fail, which may take minutes.
"""

from svahub.testing.contract.adoption import Adoption
from svahub.testing.contract.base import Contract
from svahub.testing.contract.declarations import Declarations
from svahub.testing.contract.faults import Faults
from svahub.testing.contract.lifecycle import LifecycleHolds
from svahub.testing.contract.listing import Listing
from svahub.testing.contract.lookups import Lookups
from svahub.testing.contract.machine import AnyOrder
from svahub.testing.contract.refusals import Refusals
from svahub.testing.contract.restarts import Restarts
from svahub.testing.contract.rotation import Rotation
from svahub.testing.contract.sinks import Sinks


class ProviderContract(
    Declarations,
    LifecycleHolds,
    Faults,
    Restarts,
    Refusals,
    Lookups,
    Listing,
    Adoption,
    Rotation,
    Sinks,
    AnyOrder,
    Contract,
):
    """All that holds of a provider; inherit it, and name your provider and its simulator."""


__all__ = ["ProviderContract"]
