"""What only reads, and what it may come to when one of its calls goes wrong: an error, or the whole; never a part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from svahub.errors import ProviderError
from svahub.testing.contract.expectations import SILENT, Met, expected
from svahub.testing.contract.isp import LONG_ENOUGH, SHORT
from svahub.testing.contract.verdict import broken, hold
from svahub.testing.faults import Fault

if TYPE_CHECKING:
    from svahub.registry import ProviderKind
    from svahub.testing.contract.isp import Isp

STRIKES = tuple(fault for fault in Fault if fault not in {Fault.DELAY, Fault.LAG, Fault.DUPLICATE, Fault.REFUSE})
MOST = 4
"""So many calls of one read are struck, the first and the last among them: pages are alike."""
PAGES = frozenset({Fault.SHORT_PAGE, Fault.REPEATED_PAGE})
WHOLE = (
    "raise Unreachable(Cause.INCOMPLETE) where a page repeats, or lacks what the total counts, before all has come; "
    "where pages go on at a cursor, a short one is no last one (`numbered` and `by_cursor` of svahub.extension.wire)"
)
SAME = "read the answer as it is without a fault: ignore what is new in it"


@dataclass(frozen=True, slots=True)
class Read:
    """One read; `brought` makes of it what can be compared."""

    name: str
    hook: str
    brought: Callable[[Isp], Any]

    def lacking(self, kind: ProviderKind) -> str | None:
        """Return the capability that the provider would need, where it has not."""
        optional = self.hook != "sync_plans" and self.hook not in kind.capabilities
        return self.hook if optional else None

    def __str__(self) -> str:
        return self.name


def _plans(isp: Isp) -> Any:
    return isp.calling(lambda opened: [plan.remote_id for plan in opened.relay.sync_plans()])


def _checked(isp: Isp) -> Any:
    isp.calling(lambda opened: opened.relay.check_connection())
    return "checked"


READS = (Read("sync_plans", "sync_plans", _plans), Read("check_connection", "check_connection", _checked))


def struck(isp: Isp, read: Read, fault: Fault) -> None:
    """Have each call of a read meet a fault; raise Broken when it then brings less than all, or says what is not so."""
    since = len(isp.visits())
    whole = read.brought(isp)
    calls = [visit for visit in isp.visits(since) if not visit.is_for_a_token]
    hold(calls, f"{read.hook} asks the provider", "it made no call", f"have {read.hook} call the provider")
    isp.wait_for(SHORT if fault in SILENT else LONG_ENOUGH)
    for index in chosen(len(calls)):
        if fault.suits(calls[index].method):
            _struck_at(isp, read, fault, index, whole)
    isp.wait_for(LONG_ENOUGH)


def chosen(many: int) -> list[int]:
    """Return which of so many calls are struck."""
    return sorted({round(step * (many - 1) / (MOST - 1)) for step in range(MOST)})


def _struck_at(isp: Isp, read: Read, fault: Fault, index: int, whole: Any) -> None:
    since, told = len(isp.visits()), f"{read} whose call {index + 1} met {fault.value}"
    isp.simulator.timings.update({"refuse_seconds": 0.01})
    isp.strike(fault, index)
    error, brought = _outcome(isp, read)
    isp.simulator.faults.clear()
    isp.simulator.listen()
    visits = isp.visits(since)
    if not any(visit.struck for visit in visits):
        return
    if error is None and fault in PAGES:
        hold(brought == whole, "all of it, or an error", f"{told} brought {brought} of {whole}", WHOLE, visits)
    elif error is None:
        _judge(isp, fault, None, told, since)
        same = fault is Fault.UNKNOWN_VALUES or brought == whole
        hold(same, f"{whole}", f"{told} brought {brought}", SAME, visits)
    elif fault not in PAGES:
        _judge(isp, fault, error, told, since)


def _outcome(isp: Isp, read: Read) -> tuple[BaseException | None, Any]:
    try:
        return None, read.brought(isp)
    except ProviderError as error:
        return error, None


def _judge(isp: Isp, fault: Fault, error: BaseException | None, told: str, since: int) -> None:
    wish = expected(fault, Met(renews=isp.renews))
    if not wish.holds(error):
        came = f"raised {type(error).__name__}: {error}" if error else "succeeded"
        broken(wish.told, f"{told} {came}", wish.mend, isp.visits(since))
