"""The three-way merge of an import: what the file says now, what it said last, what stands. Pure.

What the file did not change since it was last imported is not touched, so that operators' verbs stand. A field that is
absent from the file says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from svahub.models import Reason

SOURCE = "import"
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """What an import changes of one contract: only what is to be written.

    `items` maps an item's code to its changed fields (a new item has all that the file says), `removed` are the items
    gone from the file, `returned` those that are back, `reasons_added` and `reasons_removed` bear the source "import".
    """

    contract: dict[str, Any]
    items: dict[str, dict[str, Any]]
    removed: frozenset[str]
    returned: frozenset[str]
    reasons_added: frozenset[Reason]
    reasons_removed: frozenset[Reason]

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.contract or self.items or self.removed or self.returned or self._reasons)

    @property
    def _reasons(self) -> frozenset[Reason]:
        return self.reasons_added | self.reasons_removed


CONTRACT_FIELDS = ("status", "due_day", "price")
ITEM_FIELDS = ("product_code", "plan", "quantity", "integration", "price", "attributes", "consent")
CUSTOMER_FIELDS = ("name", "document", "email", "phone", "birth_date", "address")


def merge(new: Fields, last: Fields | None, reasons: Collection[Reason]) -> Merged:
    """Compare what the file says with what it said last; `reasons` are the contract's present ones from imports."""
    before = last or {}
    items, was = _by_code(new["items"]), _by_code(before.get("items", ()))
    fields = {code: changed(item, was.get(code, {}), ITEM_FIELDS) for code, item in items.items()}
    added, taken = _reasons(new.get("block_reasons"), before.get("block_reasons"), reasons)
    return Merged(
        contract=changed(new, before, CONTRACT_FIELDS),
        items={code: some for code, some in fields.items() if some},
        removed=frozenset(was.keys() - items.keys()),
        returned=frozenset(items.keys() - was.keys()) if last is not None else frozenset(),
        reasons_added=added,
        reasons_removed=taken,
    )


def changed(new: Fields, last: Fields, names: Iterable[str]) -> dict[str, Any]:
    """Return the fields that the file changed since it said `last`."""
    return {name: new[name] for name in names if name in new and new[name] != last.get(name)}


def remembered(new: Fields, last: Fields | None) -> dict[str, Any]:
    """Return what to compare the next file with: a field that says nothing now keeps what it said."""
    was = _by_code((last or {}).get("items", ()))
    items = [{**was.get(code, {}), **item} for code, item in _by_code(new.get("items", ())).items()]
    return {**(last or {}), **new, **({"items": items} if items else {})}


def _by_code(items: Iterable[Fields]) -> dict[str, Fields]:
    return {item["code"]: item for item in items}


def _reasons(
    new: Iterable[str] | None, last: Iterable[str] | None, present: Collection[Reason]
) -> tuple[frozenset[Reason], frozenset[Reason]]:
    """Return the reasons to add and to take away: only those that the file itself added or dropped."""
    if new is None:
        return frozenset(), frozenset()
    says, said = frozenset(map(Reason, new)), frozenset(map(Reason, last or ()))
    return says - said - frozenset(present), (said - says) & frozenset(present)
