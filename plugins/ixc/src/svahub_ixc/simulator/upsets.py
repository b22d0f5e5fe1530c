"""How an overloaded or failing IXC answers, beside the toolkit's faults: which way, how often, at which requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from svahub.testing import Answer, Chances

if TYPE_CHECKING:
    from random import Random


class Upset(StrEnum):
    """One way in which the service is out of order."""

    OVERLOAD = "504"  # not applied
    OVERLOAD_AFTER = "504_after"  # applied
    PAGE = "html"  # not applied; 200 with an error page
    PAGE_AFTER = "html_after"  # applied; 200 with an error page
    PAGE_500 = "html_500"  # not applied
    ERROR = "error"  # not applied; 200 with {"type": "error"}
    SHORT_PAGE = "short_page"  # a listing lacks a row that its total counts
    MIGRATED = "403"  # not applied: the server has moved, and tokens are no longer its own


APPLIED = frozenset({Upset.OVERLOAD_AFTER, Upset.PAGE_AFTER, Upset.SHORT_PAGE})
_ERROR_PAGE = "<div style='color: red'><b>Ocorreu um erro</b> ao processar<br />a requisi&ccedil;&atilde;o.</div>"
_OVERLOADED = "<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>"


def page(upset: Upset) -> Answer:
    """Return what is answered."""
    html = {"Content-Type": "text/html; charset=utf-8"}
    match upset:
        case Upset.OVERLOAD | Upset.OVERLOAD_AFTER:
            return Answer(504, _OVERLOADED.encode(), html)
        case Upset.PAGE_500:
            return Answer(500, _ERROR_PAGE.encode(), html)
        case Upset.ERROR:
            return Answer(200, {"type": "error", "message": "Ocorreu um erro ao processar.<br />"})
        case Upset.MIGRATED:
            return Answer(403, {"type": "error", "message": "Token inv&aacute;lido<br />"})
    return Answer(200, _ERROR_PAGE.encode(), html)


@dataclass(frozen=True, slots=True)
class _Scripted:
    upset: Upset | None
    resource: str | None
    lists: bool | None

    def matches(self, resource: str, *, lists: bool) -> bool:
        return self.resource in {None, resource} and self.lists in {None, lists}


class Upsets(Chances[Upset]):
    """A rate per upset, drawn at random, and a script for the next requests, which goes first."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._script: list[_Scripted] = []

    def next(self, *upsets: Upset | None, resource: str | None = None, lists: bool | None = None) -> None:
        """Say what the next requests meet, in order: those of one resource, those that list or those that write."""
        self._script.extend(_Scripted(upset, resource, lists) for upset in upsets)

    def clear(self) -> None:
        """Forget all rates and the rest of the script."""
        super().clear()
        self._script.clear()

    def draw(self, resource: str, *, lists: bool) -> Upset | None:
        """Return what strikes this request."""
        return self.strike(self._taken(resource, lists=lists))

    def _taken(self, resource: str, *, lists: bool) -> Upset | None:
        for position, scripted in enumerate(self._script):
            if scripted.matches(resource, lists=lists):
                del self._script[position]
                return scripted.upset
        upset = self.drawn()
        return upset if lists or upset is not Upset.SHORT_PAGE else None
