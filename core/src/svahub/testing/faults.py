"""What can go wrong at a simulated provider, how often, and to which requests exactly. Applying it lives elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, fields
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


class Fault(StrEnum):
    """One way in which an exchange goes wrong; "not applied" and "applied" speak of what the request asked for."""

    REFUSE = "refuse"  # not applied: cut off, then the port refuses connections for a while
    DROP = "drop"  # not applied: the connection is cut without an answer
    DROP_AFTER = "drop_after"  # applied, then cut without an answer
    DELAY = "delay"  # applied late, then answered
    RATE_LIMIT = "429"  # not applied
    RATE_LIMIT_RETRY_AFTER = "429_retry_after"  # not applied; says for how long
    ERROR_BEFORE = "500_before"  # not applied
    ERROR_AFTER = "500_after"  # applied
    TIMEOUT_BEFORE = "timeout_before"  # not applied: silence until the client gives up
    TIMEOUT_AFTER = "timeout_after"  # applied, then silence
    MALFORMED = "malformed"  # applied; the answer is broken JSON
    TRUNCATED = "truncated"  # applied; the answer ends before its Content-Length
    LAG = "lag"  # applied, but lookups and lists do not see it for a while
    SHORT_PAGE = "short_page"  # a page of a listing lacks its last row: its total counts it, or the next page has it
    REDIRECT = "redirect"  # not applied: 302 to another host
    HUGE = "huge"  # applied; the answer is many megabytes
    UNAUTHORIZED = "401"  # not applied: what the request presents is taken for expired
    REPEATING = "422_repeating"  # not applied: a refusal that repeats all that it was told
    DUPLICATE = "duplicate"  # applied twice, as a proxy does that sends again; the second answer comes
    REPEATED_PAGE = "repeated_page"  # a page of a listing, by number or offset, is the one before it once more
    UNKNOWN_FIELDS = "unknown_fields"  # applied; the answer has fields that nobody has told of
    UNKNOWN_VALUES = "unknown_values"  # applied; each status, type or kind in the answer is one that is new
    DRIP = "drip"  # applied; the answer comes slice by slice, slower than anybody waits

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Return the kind of that name, written with hyphens or underscores; raise ValueError naming all kinds."""
        try:
            return cls(text.strip().lower().replace("-", "_"))
        except ValueError:
            raise ValueError(f"no fault {text!r}; there is: {', '.join(cls)}") from None

    def suits(self, method: str) -> bool:
        """Tell whether the fault can show on such a request: lag on a write, a short page on a read."""
        if self in _ON_READS:
            return method == "GET"
        return self not in _ON_WRITES or method != "GET"


_ON_READS = frozenset({Fault.SHORT_PAGE, Fault.REPEATED_PAGE})
_ON_WRITES = frozenset({Fault.LAG, Fault.DUPLICATE})

NOT_APPLIED = frozenset(
    {
        Fault.REFUSE,
        Fault.DROP,
        Fault.RATE_LIMIT,
        Fault.RATE_LIMIT_RETRY_AFTER,
        Fault.ERROR_BEFORE,
        Fault.TIMEOUT_BEFORE,
        Fault.REDIRECT,
        Fault.UNAUTHORIZED,
        Fault.REPEATING,
    }
)
"""After these the provider has not done what was asked."""

BESIDE = frozenset({Fault.DELAY, Fault.LAG, Fault.SHORT_PAGE, Fault.DUPLICATE, Fault.REPEATED_PAGE})
"""These leave the way of answering alone, so that they also come together with one of the others."""

NONE: frozenset[Fault] = frozenset()


@dataclass(slots=True)
class Timings:
    """How long things take, in seconds; `answer_seconds` is the latency of every answer.

    `drip_seconds` lie between two of the slices in which an answer drips.
    """

    answer_seconds: float = 0.0
    delay_seconds: float = 0.3
    lag_seconds: float = 2.0
    refuse_seconds: float = 0.3
    retry_after_seconds: int = 1
    drip_seconds: float = 0.1

    def update(self, values: Mapping[str, float]) -> None:
        """Set those that are named; raise ValueError for a name that does not exist or a negative value."""
        there_is = [field.name for field in fields(self)]
        for name, value in values.items():
            if name not in there_is or value < 0:
                raise ValueError(f"no timing {name!r} of {value!r}; there is: {', '.join(there_is)}, in seconds")
            setattr(self, name, value)


@dataclass(frozen=True, slots=True)
class _Scripted:
    faults: frozenset[Fault]
    method: str | None
    path: str

    def matches(self, method: str, path: str) -> bool:
        wanted = self.method in {None, method} and path.startswith(self.path)
        return wanted and all(fault.suits(method) for fault in self.faults)


class Faults:
    """The switches: a rate per kind, drawn at random, and a script for the next requests, which goes first."""

    def __init__(self, random: Random) -> None:
        self.struck: Counter[Fault] = Counter()
        self._random = random
        self._rates: dict[Fault, float] = {}
        self._script: list[_Scripted] = []
        self._lock = Lock()

    @property
    def rates(self) -> dict[Fault, float]:
        """What is switched on, and how often it strikes."""
        return dict(self._rates)

    def set(self, rates: Mapping[Fault, float]) -> None:
        """Replace all rates; each is in 0..1, and those that exclude each other add up to at most 1."""
        if not all(0 <= rate <= 1 for rate in rates.values()):
            raise ValueError("a fault's rate is a number from 0 to 1")
        if sum(rate for fault, rate in rates.items() if fault not in BESIDE) > 1:
            raise ValueError("a request can end in one way only: these rates add up to more than 1")
        self._rates = {fault: rate for fault, rate in rates.items() if rate}

    def __setitem__(self, fault: Fault, rate: float) -> None:
        self.set({**self._rates, fault: rate})

    def next(self, *strikes: Fault | Set[Fault] | None, method: str | None = None, path: str = "") -> None:
        """Say what the next matching requests meet, in order: a fault, several at once, or None for none at all.

        `method` and the prefix `path` (below the base path) narrow which requests match; rates do not touch these.
        """
        scripted = [_Scripted(_as_set(strike), method, path) for strike in strikes]
        with self._lock:
            self._script.extend(scripted)

    def clear(self) -> None:
        """Forget all rates and the rest of the script."""
        with self._lock:
            self._script.clear()
            self._rates = {}

    def draw(self, method: str, path: str) -> frozenset[Fault]:
        """Return what strikes this request: all of BESIDE that hits, and at most one other."""
        if not self._script and not self._rates:
            return NONE
        with self._lock:
            struck = self._take(method, path)
            if struck is None:
                struck = self._hits(method)
            self.struck.update(struck)
            return struck

    def _take(self, method: str, path: str) -> frozenset[Fault] | None:
        for position, scripted in enumerate(self._script):
            if scripted.matches(method, path):
                del self._script[position]
                return scripted.faults
        return None

    def _hits(self, method: str) -> frozenset[Fault]:
        hits = {fault for fault in sorted(BESIDE) if fault.suits(method) and self._random.random() < self._rate(fault)}
        drawn = self._random.random()
        for fault, rate in self._rates.items():
            if fault not in BESIDE and (drawn := drawn - rate) < 0:
                return frozenset({*hits, fault})
        return frozenset(hits)

    def _rate(self, fault: Fault) -> float:
        return self._rates.get(fault, 0.0)


def _as_set(strike: Fault | Set[Fault] | None) -> frozenset[Fault]:
    if strike is None:
        return NONE
    if isinstance(strike, Fault):
        return frozenset({strike})
    if len(strike - BESIDE) > 1:
        raise ValueError("a request can end in one way only")
    return frozenset(strike)
