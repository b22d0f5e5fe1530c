"""The author's simulator with an eye on it: every request that it had, and what struck it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from svahub.testing.simulator import Simulator

if TYPE_CHECKING:
    from svahub.testing.http import Request


@dataclass(frozen=True, slots=True)
class Visit:
    """One request; `status` is 0 when it had no answer, `is_for_a_token` when it bore credentials in its body."""

    method: str
    path: str
    status: int
    query: str = field(default="", repr=False)
    struck: frozenset[str] = frozenset()
    is_for_a_token: bool = False

    @property
    def writes(self) -> bool:
        """Whether it asked for a change."""
        return self.method != "GET" and not self.is_for_a_token

    @property
    def applied(self) -> bool:
        """Whether it may have changed something."""
        return self.writes and (self.status < 400 or bool(self.struck))

    def __str__(self) -> str:
        met = f" ({', '.join(sorted(self.struck))})" if self.struck else ""
        return f"{self.method} {self.path} → {self.status or 'no answer'}{met}"


class Watching(Simulator):
    """Mixed into a simulator's class: `visits` are all requests since it began."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.visits: list[Visit] = []

    def _note(self, request: Request, route: str, status: int) -> None:
        super()._note(request, route, status)
        for_a_token = any(word.encode() in request.body for word in self.words())
        query = request.query_string.decode(errors="replace")
        struck = frozenset(str(fault) for fault in request.struck)
        self.visits.append(Visit(request.method, request.path, status, query, struck, for_a_token))

    def words(self) -> set[str]:
        """Return every credential that opens something here."""
        return {word for given in (self.credentials, *self.accepted) for word in given.values() if len(word) > 7}


def watched(simulator: type[Simulator]) -> type[Any]:
    """Return a simulator's class with an eye on it."""
    return type(simulator.__name__, (Watching, simulator), {})
