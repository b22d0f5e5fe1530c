"""Whatever a contract says, it says the same in JSON Lines and in every dialect of CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from svahub.intake import ContractRow, FileFormat, read
from svahub.intake.columns import PATHS

LETTERS = st.text(st.sampled_from("abcXYZ çãéÓ'\";,|09-."), min_size=1, max_size=12)
TEXT = LETTERS.map(lambda text: " ".join(text.split())).filter(bool)
CENTS = st.integers(0, 10**8)
PRICE = CENTS.map(lambda cents: f"{cents // 100}.{cents % 100:02}")
BIRTH = st.dates(date(1900, 1, 1)).map(date.isoformat)
INSTANT = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - hypothesis adds the zone
    lambda at: at.replace(microsecond=0, tzinfo=UTC).isoformat().replace("+00:00", "Z")
)
REASONS = st.sets(st.sampled_from(["overdue", "customer_request", "fraud", "staff", "legal"])).map(sorted)
ADDRESS = dict.fromkeys(("street", "number", "complement", "district", "city", "state"), TEXT)
CUSTOMER: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"id": TEXT, "name": TEXT, "document": st.sampled_from(["52998224725", "12ABC34501DE35"])},
    optional={
        "email": st.just("ana@example.com"),
        "phone": st.just("+5581987654321"),
        "birth_date": BIRTH,
        "address": st.fixed_dictionaries({"postal_code": st.just("50010000")}, optional=ADDRESS),
    },
)
CONSENT = st.fixed_dictionaries({"at": INSTANT, "channel": TEXT, "text_version": TEXT})
ITEM: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"code": TEXT, "product_code": TEXT, "quantity": st.integers(1, 99)},
    optional={
        "plan": TEXT,
        "integration": TEXT,
        "price": PRICE,
        "attributes": st.dictionaries(TEXT, st.none() | st.integers(-9, 9) | TEXT | st.lists(TEXT), max_size=2),
        "consent": CONSENT,
    },
)
CONTRACT: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "contract_id": TEXT,
        "status": st.sampled_from(["active", "pending", "cancelled"]),
        "block_reasons": REASONS,
        "customer": CUSTOMER,
        "items": st.lists(ITEM, min_size=1, max_size=3, unique_by=lambda item: item["code"]),
    },
    optional={"due_day": st.integers(1, 31), "price": PRICE},
)
CONTRACTS = st.lists(CONTRACT, min_size=1, max_size=4, unique_by=lambda contract: contract["contract_id"])
DIALECT = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(";,"),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    }
)


def levels(content: bytes, file_format: FileFormat) -> list[dict[str, Any]]:
    rows = list(read(io.BytesIO(content), file_format))
    assert all(isinstance(row, ContractRow) for row in rows), rows
    return [row.level() for row in rows if isinstance(row, ContractRow)]


def expected(contracts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"items": sorted(each["items"], key=lambda item: item["code"])} for each in contracts]


def cell(contract: dict[str, Any], item: dict[str, Any], name: str, brazilian: bool) -> str:
    place: Any = contract | {"items": item}
    for step in PATHS[name]:
        place = place.get(step, "") if isinstance(place, dict) else ""
    if name == "block_reasons":
        return "|".join(place)
    if name == "item_attributes":
        return json.dumps(place, ensure_ascii=False) if place != "" else ""
    return in_brazil(name, str(place)) if brazilian and place else str(place)


def in_brazil(name: str, text: str) -> str:
    if name.endswith("price"):
        return f"{float(text):,.2f}".translate(str.maketrans(",.", ".,"))
    if name.endswith("birth_date"):
        return date.fromisoformat(text).strftime("%d/%m/") + text[:4]
    return text


@given(CONTRACTS)
def test_json_lines_say_what_was_written(contracts: list[dict[str, Any]]) -> None:
    content = "\n".join(json.dumps(each, ensure_ascii=False) for each in contracts).encode()
    assert levels(content, FileFormat.JSON_LINES) == expected(contracts)


@given(CONTRACTS)
def test_a_level_read_again_is_the_same_level(contracts: list[dict[str, Any]]) -> None:
    content = "\n".join(json.dumps(each) for each in expected(contracts)).encode()
    assert levels(content, FileFormat.JSON_LINES) == expected(contracts)


@given(CONTRACTS, DIALECT, st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]), st.booleans())
def test_every_dialect_of_csv_says_what_was_written(
    contracts: list[dict[str, Any]], dialect: dict[str, Any], encoding: str, brazilian: bool
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, **dialect)
    writer.writerow(PATHS)
    for contract in contracts:
        writer.writerows([cell(contract, item, name, brazilian) for name in PATHS] for item in contract["items"])
    assert levels(text.getvalue().encode(encoding), FileFormat.CSV) == expected(contracts)
