"""How a test of the kit fails: what there is, what was expected, what the provider saw, how such bugs are mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from svahub.testing.contract.watched import Visit

SHOWN = 25
OTHERS = 5


class Broken(AssertionError):
    """The plugin does not keep its contract."""


def broken(expected: str, found: str, mend: str, visits: Iterable[Visit] = ()) -> NoReturn:
    """Raise Broken; `visits` are what the provider saw."""
    __tracebackhide__ = True
    raise Broken(_told(expected, found, mend, list(visits)))


def hold(held: object, expected: str, found: str, mend: str, visits: Iterable[Visit] = ()) -> None:
    """Raise Broken unless something holds."""
    __tracebackhide__ = True
    if not held:
        broken(expected, found, mend, visits)


def _told(expected: str, found: str, mend: str, visits: list[Visit]) -> str:
    seen = [f"    {visit}" for visit in visits[-SHOWN:]] or ["    nothing"]
    earlier = [f"    … and {len(visits) - SHOWN} before"] if len(visits) > SHOWN else []
    lines = [f"{found}", f"  expected: {expected}", "  the provider saw:", *earlier, *seen, f"  to mend it: {mend}"]
    return "\n".join(lines)


def all_hold(checks: Iterable[Callable[[], None]]) -> None:
    """Make every check; raise the first Broken, which says how many others there are."""
    __tracebackhide__ = True
    found: list[Broken] = []
    for check in checks:
        try:
            check()
        except Broken as error:
            found.append(error)
    if len(found) > 1:
        others = dict.fromkeys(str(error).partition("\n")[0] for error in found[1:])
        found[0].add_note("beside that: " + "; ".join(list(others)[:OTHERS]))
    if found:
        raise found[0]
