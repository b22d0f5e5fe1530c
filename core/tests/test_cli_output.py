"""What commands print: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel, SecretStr
from svahub.cli.output import as_document, confirm, show_object, show_table
from svahub.models import BlockReason, Plan, Reason

if TYPE_CHECKING:
    from collections.abc import Callable


class Model(BaseModel):
    name: str
    price: Decimal
    password: SecretStr


@dataclass
class Holder:
    secret: SecretStr


def printed(show: Callable[..., None], *args: Any, **kwargs: Any) -> str:
    return (
        CliRunner().invoke(click.Command("show", callback=lambda: show(*args, **kwargs)), standalone_mode=False).output
    )


def test_json_writes_dates_decimals_enums_and_sets_as_text() -> None:
    shown = {
        "at": datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
        "day": date(2025, 3, 1),
        "price": Decimal("1234.50"),
        "reasons": frozenset({Reason.STAFF, Reason.LEGAL}),
        "name": "São João",
    }
    assert json.loads(as_document(shown)) == {
        "at": "2025-03-01T12:30:00+00:00",
        "day": "2025-03-01",
        "price": "1234.50",
        "reasons": ["legal", "staff"],
        "name": "São João",
    }
    assert "São João" in as_document(shown)


def test_json_writes_dataclasses_inside_one_another() -> None:
    shown = {"block_reasons": (BlockReason(Reason.STAFF, "operator:ana"),)}
    assert json.loads(as_document(shown))["block_reasons"][0]["source"] == "operator:ana"


def test_json_masks_the_secrets_of_a_model() -> None:
    written = json.loads(as_document(Model(name="a", price=Decimal("1.10"), password=SecretStr("very secret"))))
    assert written == {"name": "a", "price": "1.10", "password": "**********"}


def test_json_refuses_what_it_has_no_form_for() -> None:
    with pytest.raises(TypeError, match="SecretStr has no JSON form"):
        as_document(Holder(SecretStr("very secret")))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_is_one_json_document(count: int) -> None:
    rows = (Plan(f"p{number}", "Família") for number in range(count))
    read = json.loads(printed(show_table, rows, ["remote_id"], as_json=True))
    assert [row["remote_id"] for row in read] == [f"p{number}" for number in range(count)]
    assert all(row["name"] == "Família" for row in read)


def test_a_table_shows_the_columns_asked_for() -> None:
    text = printed(show_table, [Plan("007", "Família", price=Decimal("10.00"))], ["remote_id", "price", "active"])
    assert [line.split() for line in text.splitlines()[::2]] == [
        ["remote", "id", "price", "active"],
        ["007", "10.00", "yes"],
    ]


def test_headers_may_differ_from_the_fields() -> None:
    assert printed(show_table, [{"remote_id": "1"}], {"at provider": "remote_id"}).startswith("at provider\n")


def test_an_empty_table_says_so() -> None:
    assert printed(show_table, [], ["name"]) == "Nothing to show.\n"


def test_a_cell_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in printed(show_table, [{"name": "\x1b[2Jgone"}], ["name"])


def test_an_object_is_a_line_a_field_and_a_table_for_its_lists() -> None:
    text = printed(show_object, {"contract_id": "C-1", "note": None, "plans": [{"name": "Família"}]})
    assert text.splitlines()[0].split() == ["contract", "id", "C-1"]
    assert text.splitlines()[-3:] == ["name", "-------", "Família"]


def test_a_program_is_not_asked_for_confirmation() -> None:
    assert printed(confirm, "Block C-1?", yes=False) == ""


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 1)])
def test_a_person_is_asked_for_confirmation(answer: bytes, code: int) -> None:
    person, terminal = os.openpty()
    asks = (
        "import click; from svahub.cli.output import confirm; click.command()(lambda: confirm('Block C-1?', False))()"
    )
    os.write(person, answer)
    ended = subprocess.run([sys.executable, "-c", asks], stdin=terminal, capture_output=True, text=True)
    os.close(person)
    os.close(terminal)
    assert (ended.returncode, ended.stdout, "Block C-1? [y/N]" in ended.stderr) == (code, "", True)
