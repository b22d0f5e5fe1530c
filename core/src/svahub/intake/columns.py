"""The columns of a contract CSV: their names, where each belongs in a contract, and what a header line may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic_core import from_json

from svahub.intake.rejections import Location, Rejected, RowError, unknown_name
from svahub.intake.rows import PARTS

Path = tuple[str, ...]


def _paths() -> dict[str, Path]:
    """Every leaf of a contract by its flattened name: customer_address_city, item_consent_at."""
    leaves = ((*part, name) for part, model in PARTS.items() for name in model.model_fields)
    return {flattened(path): path for path in leaves if path not in PARTS}


def flattened(location: Location) -> str:
    """Return the column's name for a place in a contract."""
    steps = [step for step in location if isinstance(step, str)]
    if steps == ["items"]:
        return "item_code"
    return "_".join(["item", *steps[1:]] if steps[:1] == ["items"] else steps)


PATHS = _paths()
REQUIRED = ("contract_id", "customer_id", "customer_name", "customer_document", "item_code", "item_product_code")


@dataclass(frozen=True)
class Header:
    """The names of the first line, in order, and what stands between them."""

    names: tuple[str, ...]
    delimiter: str

    @classmethod
    def of(cls, cells: list[str], delimiter: str) -> Header:
        """Return the header; names are taken without case and blanks."""
        return cls(tuple(cell.strip().lower() for cell in cells), delimiter)

    @cached_property
    def identity(self) -> int:
        """The position of contract_id."""
        return self.names.index("contract_id")

    @cached_property
    def of_contract(self) -> tuple[tuple[int, str, Path], ...]:
        """Position, name and place of what every row of a contract repeats."""
        return tuple(column for column in self._columns() if column[2][0] != "items")

    @cached_property
    def of_item(self) -> tuple[tuple[int, str, Path], ...]:
        """Position, name and place within the item of what belongs to one row."""
        return tuple((index, name, path[1:]) for index, name, path in self._columns() if path[0] == "items")

    def _columns(self) -> list[tuple[int, str, Path]]:
        return [(index, name, PATHS[name]) for index, name in enumerate(self.names)]

    def rejection(self, line: int) -> Rejected | None:
        """Return why no contract can be read with this header, None when all is well."""
        if not any(name in PATHS for name in self.names):
            return Rejected.for_line(line, f"the first line must name the columns: {', '.join(REQUIRED)} and others")
        errors = (*self._unknown(line), *self._repeated(line), *self._missing(line))
        return Rejected(line, None, errors) if errors else None

    def _unknown(self, line: int) -> list[RowError]:
        strange = [(index, name) for index, name in enumerate(self.names, 1) if name not in PATHS]
        return [
            RowError(line, None, unknown_name(name, PATHS) if name else f"column {index} has no name")
            for index, name in strange
        ]

    def _repeated(self, line: int) -> list[RowError]:
        twice = sorted(name for name in set(self.names) & PATHS.keys() if self.names.count(name) > 1)
        return [RowError(line, name, "the column appears twice") for name in twice]

    def _missing(self, line: int) -> list[RowError]:
        return [RowError(line, name, "the column is missing") for name in REQUIRED if name not in self.names]


def planted(cells: list[str], columns: tuple[tuple[int, str, Path], ...]) -> dict[str, Any]:
    """Return the cells as the nested object that JSON Lines would have; blank cells are left out."""
    tree: dict[str, Any] = {}
    for index, name, path in columns:
        value = _READ.get(name, str)(cells[index].strip())
        if value != "":
            _plant(tree, path, value)
    return tree


def _plant(tree: dict[str, Any], path: Path, value: Any) -> None:
    *branches, leaf = path
    for branch in branches:
        tree = tree.setdefault(branch, {})
    tree[leaf] = value


def _reasons(cell: str) -> list[str]:
    """A blank cell is the empty list: the file has the column, so it says that there is none."""
    return [reason for reason in cell.replace("|", ",").split(",") if reason.strip()]


def _attributes(cell: str) -> Any:
    """What is not JSON stays text, which the item then refuses with its own sentence."""
    try:
        return from_json(cell, allow_inf_nan=False)
    except ValueError:
        return cell


_READ = {"block_reasons": _reasons, "item_attributes": _attributes}
