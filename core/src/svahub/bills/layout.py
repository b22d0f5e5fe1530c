"""Which column of a provider's bill means what, and which prices were agreed: told once, kept, read again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from svahub import brazil
from svahub.errors import Refused

WHO = ("reference", "user", "document")
"""By what a line tells whose it is: our reference, the provider's id of user or subscription, or a document."""
MEANINGS = (*WHO, "plan", "quantity", "price")


@dataclass(frozen=True, slots=True)
class Layout:
    """The header of each meaning, and the agreed price of a plan, by its remote id, in BRL."""

    columns: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)

    def told(self, columns: Mapping[str, str], prices: Mapping[str, Decimal]) -> Layout:
        """Return it with what was told now; Refused where a meaning is none."""
        if strange := sorted(set(columns) - set(MEANINGS)):
            raise Refused(f"{strange[0]!r} is no meaning of a column. There is: {', '.join(MEANINGS)}")
        return Layout({**self.columns, **columns}, {**self.prices, **prices})

    def positions(self, header: Sequence[str]) -> dict[str, int]:
        """Return where each meaning stands; Refused where the file does not have what is needed."""
        names = [_bare(name) for name in header]
        wanted = {meaning: self.columns.get(meaning, meaning) for meaning in MEANINGS}
        found = {meaning: names.index(_bare(name)) for meaning, name in wanted.items() if _bare(name) in names}
        lost = [name for meaning, name in self.columns.items() if meaning not in found]
        if lost or "price" not in found or not any(meaning in found for meaning in WHO):
            raise Refused(_missing(lost, header))
        return found

    def kept(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return {"columns": dict(self.columns), "prices": {plan: str(price) for plan, price in self.prices.items()}}

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> Layout:
        """Return what the store has kept."""
        if kept is None:
            return cls()
        return cls(kept["columns"], {plan: brazil.money(price) for plan, price in kept["prices"].items()})


def _bare(name: str) -> str:
    return " ".join(name.split()).casefold()


def _missing(lost: Sequence[str], header: Sequence[str]) -> str:
    there = ", ".join(repr(name) for name in header if name.strip()) or "nothing"
    what = f"It has no column {lost[0]!r}. " if lost else ""
    return (
        f"{what}The first line names {there}. Say which is what, once: --column price=HEADER, and one of "
        f"--column {'=HEADER, --column '.join(WHO)}=HEADER"
    )
