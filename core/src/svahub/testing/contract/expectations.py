"""What a hook has to raise when one of its calls meets a fault: pure, from the fault and what was written before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from svahub import errors
from svahub.testing.faults import Fault

TRANSPORT = frozenset(
    {
        Fault.REFUSE,
        Fault.DROP,
        Fault.DROP_AFTER,
        Fault.TIMEOUT_BEFORE,
        Fault.TIMEOUT_AFTER,
        Fault.ERROR_BEFORE,
        Fault.ERROR_AFTER,
        Fault.TRUNCATED,
        Fault.HUGE,
        Fault.DRIP,
        Fault.MALFORMED,
    }
)
"""After a write that meets one of these, nobody knows whether it was applied."""
OF_THE_BODY = frozenset({Fault.MALFORMED, Fault.TRUNCATED, Fault.HUGE, Fault.DRIP})
"""These spoil the body of an answer."""
SILENT = frozenset({Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.DRIP})
"""These take as long as a call may take."""
SOFT = frozenset({Fault.LAG, Fault.DUPLICATE, Fault.UNKNOWN_FIELDS, Fault.UNKNOWN_VALUES})
"""These break no call of a plugin that is written well."""
SAID = {
    Fault.RATE_LIMIT: errors.RateLimited,
    Fault.RATE_LIMIT_RETRY_AFTER: errors.RateLimited,
    Fault.UNAUTHORIZED: errors.AuthenticationFailed,
    Fault.REDIRECT: errors.Rejected,
    Fault.REPEATING: errors.Refusal,
}
"""What the provider's word means, of a read and of a write."""


class Expected(NamedTuple):
    """What a hook may raise, whether it may succeed all the same, and what an author has done who did otherwise."""

    raised: tuple[type[errors.ProviderError], ...]
    may_succeed: bool
    mend: str

    def holds(self, error: BaseException | None) -> bool:
        """Tell whether what a hook raised, or that it raised nothing, is right."""
        if error is None:
            return self.may_succeed
        if isinstance(error, errors.PluginBug):
            return False
        inner = error.failed if isinstance(error, errors.Partial) else error
        return isinstance(inner, self.raised)

    @property
    def told(self) -> str:
        """What was expected, in words."""
        names = " or ".join(kind.__name__ for kind in self.raised)
        return f"{names}{', or success' if self.may_succeed else ''}"


@dataclass(frozen=True, slots=True)
class Met:
    """The call that a fault met.

    `wrote_before`: the hook had written before it; `bare`: its answer has no body; `brings_id`: the core learns from
    it which user was made; `renews`: what it presents is a token, which the client fetches anew.
    """

    writes: bool = False
    wrote_before: bool = False
    bare: bool = False
    brings_id: bool = False
    renews: bool = False


def expected(fault: Fault, met: Met) -> Expected:
    """Return what may follow a fault."""
    if fault in SOFT:
        return Expected((errors.ProviderError,), True, _OPEN)
    if fault in TRANSPORT and met.writes:
        # what nobody has to read cannot be malformed, and what is not there cannot break off
        unread = fault is Fault.MALFORMED and not met.brings_id
        return Expected((errors.OutcomeUnknown,), unread or (met.bare and fault in OF_THE_BODY), _UNKNOWN)
    beside: tuple[type[errors.ProviderError], ...] = (errors.OutcomeUnknown,) if met.wrote_before else ()
    if fault in TRANSPORT:
        return Expected((errors.Unreachable, errors.Busy, errors.Maintenance, *beside), False, _UNREACHABLE)
    renewed = fault is Fault.UNAUTHORIZED and met.renews
    return Expected((SAID[fault], *beside), renewed, _MEND[fault])


_UNKNOWN = (
    "let what the client raises through: OutcomeUnknown after a write that may have been applied; swallow no error, "
    "take no answer for a success that cannot be read, and send nothing a second time yourself"
)
_UNREACHABLE = "let Unreachable through when a read brings nothing: never take a failed look for an empty one"
_OPEN = "have wire models ignore fields that they do not know, and read a word that is new as Observed.UNKNOWN"
_WAIT = "let RateLimited through with its retry_after: the core waits, and calls nobody at that provider meanwhile"
_MEND = {
    Fault.RATE_LIMIT: _WAIT,
    Fault.RATE_LIMIT_RETRY_AFTER: _WAIT,
    Fault.UNAUTHORIZED: "say in Settings.auth how requests authenticate; the client presents and renews it, and raises "
    "AuthenticationFailed, which quarantines the integration",
    Fault.REDIRECT: "call through the client that the constructor is given: it follows no redirect",
    Fault.REPEATING: "raise Rejected with the provider's code and `answer.message`, which the client has masked",
}
