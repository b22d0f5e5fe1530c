"""What the books put in tables is what the code does: steps, days of retention, variables, files of contracts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from svahub.areas.retention import DEFAULTS
from svahub.intake import ContractRow, read_file
from svahub.lifecycle import Situation, Step, next_step
from svahub.models import Desired, Observed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
STEPS = {"find_user": Step.FIND, "a person decides": Step.PARK_DRIFT}


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str, header: str) -> list[list[str]]:
    """Return the cells of the table that begins with a header."""
    table = text.partition(header)[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def fits(now: Situation, desired: str, observed: str) -> bool:
    """Say whether a line of the table is about a situation."""
    status, *marks = observed.split(", ")
    there = status == "anything" or now.observed.value in status.split(" or ")
    met = {"uncertain": now.uncertain, "no id": not now.has_remote_id, "differs": now.differs}
    return desired in {"any", now.desired.value} and there and all(met[mark] for mark in marks)


def situations() -> Iterator[Situation]:
    yes_no = (False, True)
    return (Situation(*one) for one in product(Desired, Observed, yes_no, yes_no, yes_no))


def test_the_next_step_is_the_one_of_the_first_line_that_fits() -> None:
    table = rows(page("semantics.md"), "| desired | observed | next step |")
    for now in situations():
        told = next(step.strip("`") for desired, observed, step in table if fits(now, desired, observed))
        assert STEPS.get(told, told) == next_step(now), now


def test_the_days_of_retention_are_the_defaults() -> None:
    told = {name: int(days) for names, days, _ in rows(page("lgpd.md"), "| class | days | why |")
            for name in re.findall(r"`(\w+)`", names)}  # fmt: skip
    assert told == {kind.value: kept.days for kind, kept in DEFAULTS.items()}


def test_every_variable_that_the_core_reads_is_told_of() -> None:
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "core" / "src").rglob("*.py")]
    read = {name for text in sources for name in re.findall(r"SVAHUB_[A-Z_]+", text)} - {"SVAHUB_COMPLETE"}
    told = set(re.findall(r"SVAHUB_[A-Z_]+", page("reference/environment.md"))) - {"SVAHUB_TEST_POSTGRESQL"}
    assert told == read


@pytest.fixture
def shown(tmp_path: Path) -> list[Path]:
    """Return the files that the page on files shows, JSON Lines and CSV."""
    text = page("reference/files.md")
    for name, block in (("shown.jsonl", "json"), ("shown.csv", "text")):
        (tmp_path / name).write_text(text.partition(f"```{block}\n")[2].partition("```")[0], encoding="utf-8")
    return [tmp_path / "shown.jsonl", tmp_path / "shown.csv"]


def test_the_same_contract_is_shown_as_json_lines_and_as_csv(shown: list[Path]) -> None:
    (line,), (table,) = (list(read_file(path)) for path in shown)
    assert isinstance(line, ContractRow)
    assert line.model_dump() == table.model_dump()
    assert json.loads(shown[0].read_text())["contract_id"] == "C-1"
