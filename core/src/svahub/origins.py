"""Where contracts that are imported come from, and who therefore wants what follows."""

from __future__ import annotations

from dataclasses import dataclass

from svahub.intentions import Stamp
from svahub.store.states import Priority

STAMP = Stamp("import", priority=Priority.BULK)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where contracts come from: a file or a program, unless a `source` is named. `stamp` is who wants what follows.

    A source tells of each contract whole: the items that it does not name are gone at once, and of a contract that
    comes twice, as it has changed meanwhile, the last counts.
    """

    stamp: Stamp = STAMP
    source: str | None = None

    @classmethod
    def of_source(cls, name: str, *, bulk: bool) -> Origin:
        """Return that of a source; what follows is as urgent as when somebody asked for it, unless it is in `bulk`."""
        return cls(Stamp(f"source:{name}", priority=Priority.BULK if bulk else None), name)


FILE = Origin()
"""That of a file, or of a program that has its own."""
