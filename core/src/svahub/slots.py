"""Which of several credentials a client presents: the current ones, the former, or those that are kept by now.

While secrets are rotated a provider may take both, or the new ones only a moment later, or refuse the old ones while a
call with them is under way. What is refused for its credentials was surely not applied: it is sent again with others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from svahub.authentication import Authentication
    from svahub.settings import Auth

FORMER_SECONDS = 30.0
"""So long the former credentials go first after they were taken and the current ones were not."""

READ_SECONDS = 1.0
"""So long it is believed that no others are kept, once that was read: many calls may be refused together."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Credentials, and what makes headers of them."""

    auth: Auth
    authentication: Authentication = field(compare=False, repr=False)


class Slots:
    """The credentials of one client, of which the first are the current ones; safe for threads.

    `reread` returns them as they are kept now, or nothing when that cannot be told.
    """

    def __init__(
        self,
        auths: Iterable[Auth],
        authenticated: Callable[[Auth], Authentication],
        reread: Callable[[], Sequence[Auth]],
        monotonic: Callable[[], float],
    ) -> None:
        self._authenticated, self._reread, self._monotonic = authenticated, reread, monotonic
        self._slots = self._made(auths)
        self._former_until = self._read_until = float("-inf")
        self._lock = Lock()
        self.proven = False
        """Whether the current ones have been taken."""

    def _made(self, auths: Iterable[Auth]) -> tuple[Slot, ...]:
        return tuple(Slot(auth, self._authenticated(auth)) for auth in auths)

    def in_turn(self) -> Iterator[Slot]:
        """Yield what to present, each after those before were refused."""
        known = self._slots
        yield from self._ordered(known)
        yield from (slot for slot in self._read_anew(known) if slot not in known)

    def _ordered(self, known: tuple[Slot, ...]) -> Sequence[Slot]:
        former_first = len(known) > 1 and self._monotonic() < self._former_until
        return known[::-1] if former_first else known

    def _read_anew(self, refused: tuple[Slot, ...]) -> tuple[Slot, ...]:
        """Return the slots as they are kept now; of threads that were refused together one reads them."""
        with self._lock:
            if self._slots is refused and self._monotonic() >= self._read_until:
                auths = self._reread()
                if auths and auths[0] != refused[0].auth:
                    self.proven = False
                    self._slots = self._made(auths)
                else:
                    self._read_until = self._monotonic() + READ_SECONDS
            return self._slots

    def taken(self, slot: Slot) -> None:
        """Note that the provider has taken these."""
        current, *former = self._slots
        if slot is current:
            self.proven = True
        elif slot in former:
            self._former_until = self._monotonic() + FORMER_SECONDS
