"""JSON Lines: what a contract may say, what is refused, and where the error points."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from svahub.intake import ContractRow, ContractStatus, FileFormat, Rejected, read
from svahub.models import Reason


def contract(**fields: Any) -> dict[str, Any]:
    customer = {"id": "7", "name": "Ana de Souza", "document": "529.982.247-25"}
    items = [{"code": "1", "product_code": "TELEMED"}]
    return {"contract_id": "C1", "customer": customer, "items": items} | fields


def customer(**fields: Any) -> dict[str, Any]:
    return contract(customer=contract()["customer"] | fields)


def item(**fields: Any) -> dict[str, Any]:
    return contract(items=[contract()["items"][0] | fields])


def read_all(*lines: object) -> list[ContractRow | Rejected]:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    return list(read(BytesIO(text.encode()), FileFormat.JSON_LINES))


def accepted(line: object) -> ContractRow:
    (row,) = read_all(line)
    assert isinstance(row, ContractRow), row
    return row


def errors(line: object) -> list[tuple[str | None, str]]:
    (rejected,) = read_all(line)
    assert isinstance(rejected, Rejected), rejected
    return [(error.column, error.reason) for error in rejected.errors]


def test_the_least_contract_is_active_and_says_nothing_more() -> None:
    row = accepted(contract())
    assert row.status is ContractStatus.ACTIVE
    assert (row.block_reasons, row.due_day, row.price, row.items[0].quantity) == (None, None, None, 1)
    assert row.level() == {
        "contract_id": "C1",
        "status": "active",
        "customer": {"id": "7", "name": "Ana de Souza", "document": "52998224725"},
        "items": [{"code": "1", "product_code": "TELEMED", "quantity": 1}],
    }


def test_a_full_contract_is_normalised() -> None:
    address = {"street": "Rua  das\nFlores", "number": 12, "city": "Recife", "state": "PE", "postal_code": "50010-000"}
    person = {"id": 7, "name": " Ana  Souza ", "document": "529.982.247-25", "email": "ana@EXAMPLE.com"}
    person |= {"phone": "(81) 98765-4321", "birth_date": "31/12/1990", "address": address}
    consent = {"at": "2026-12-31T14:30:00-03:00", "channel": "app", "text_version": "3"}
    items = [
        {"code": 2, "product_code": "B", "price": "1.234,5", "quantity": "3", "attributes": {"z": None, "a": [1]}},
        {"code": 1, "product_code": "A", "plan": 9, "integration": "main", "price": 12.9, "consent": consent},
    ]
    row = accepted(contract(contract_id=1, block_reasons=["staff", "overdue", "staff"], customer=person, items=items))
    assert row.block_reasons == (Reason.OVERDUE, Reason.STAFF)
    assert row.customer.model_dump(exclude_none=True) == {
        "id": "7",
        "name": "Ana Souza",
        "document": "52998224725",
        "email": "ana@example.com",
        "phone": "+5581987654321",
        "birth_date": date(1990, 12, 31),
        "address": {
            "street": "Rua das Flores", "number": "12", "city": "Recife", "state": "PE", "postal_code": "50010000"
        },
    }  # fmt: skip
    assert row.items[1].price == Decimal("12.90")
    assert row.items[1].consent is not None
    told = {"at": datetime(2026, 12, 31, 17, 30, tzinfo=UTC), "channel": "app", "text_version": "3"}
    assert row.items[1].consent.model_dump() == told
    level = row.level()
    assert [each["code"] for each in level["items"]] == ["1", "2"]
    assert level["items"][0]["consent"]["at"] == "2026-12-31T17:30:00Z"
    assert level["items"][1]["price"] == "1234.50"
    assert level["items"][1]["attributes"] == {"z": None, "a": [1]}
    assert level["customer"]["birth_date"] == "1990-12-31"
    assert level["block_reasons"] == ["overdue", "staff"]


def test_no_block_reasons_says_nothing_and_an_empty_list_says_none() -> None:
    assert "block_reasons" not in accepted(contract()).level()
    assert "block_reasons" not in accepted(contract(block_reasons=None)).level()
    assert accepted(contract(block_reasons=[])).level()["block_reasons"] == []


def test_null_and_blank_text_say_nothing() -> None:
    blank = customer(email="", phone="  ", birth_date=None) | {"due_day": "", "price": None}
    assert accepted(blank).level() == accepted(contract()).level()


def test_what_a_file_says_does_not_depend_on_the_order_of_items_and_fields() -> None:
    items = [{"code": "1", "product_code": "A"}, {"product_code": "B", "code": "2"}]
    assert accepted(contract(items=items)).level() == accepted(contract(items=items[::-1])).level()


def test_a_row_shows_no_personal_data() -> None:
    shown = repr(accepted(customer(email="ana@example.com", address={"street": "Rua Azul"})))
    assert not any(secret in shown for secret in ("Souza", "529", "ana@", "Azul"))


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ({"contract_id": "C1", "items": contract()["items"]}, "customer", "is required"),
        (contract(contract_id=""), "contract_id", "is required"),
        (contract(contract_id=1.5), "contract_id", "must be text"),
        (contract(contract_id=True), "contract_id", "must be text"),
        (contract(contract_id="a\u0000b"), "contract_id", "has control or invisible characters"),
        (contract(contract_id="x" * 201), "contract_id", "is longer than 200 characters"),
        (contract(status="ativo"), "status", "must be one of active, pending, cancelled"),
        (contract(block_reasons="overdue"), "block_reasons", "must be a list"),
        (contract(customer="Ana"), "customer", "must be an object"),
        (contract(items=[]), "items", "a contract has at least one item"),
        (contract(items={}), "items", "must be a list"),
        (contract(items=contract()["items"] * 2), "items", "two items of the contract have the same code"),
        (contract(due_day=32), "due_day", "must be a whole number from 1 to 31"),
        (contract(due_day=True), "due_day", "must be a whole number from 1 to 31"),
        (contract(price=1.005), "price", "an amount has at most two decimal places"),
        (contract(price=[]), "price", "must be an amount"),
        (item(quantity=0), "items[0].quantity", "must be a whole number from 1 to 100000"),
        (item(quantity=1.5), "items[0].quantity", "must be a whole number from 1 to 100000"),
        (item(attributes=[]), "items[0].attributes", "must be a JSON object"),
        (item(attributes={"a": "\0"}), "items[0].attributes", "has NUL characters, which no store keeps"),
        (item(consent={"at": "2026-01-02T10:00"} | {"channel": "app"}), "items[0].consent.text_version", "is required"),
        (customer(name="Ana\nSouza"), "customer.name", "has a line break"),
        (customer(document=52998224725), "customer.document", "must be text: a number loses its leading zeros"),
        (customer(document="52998224726"), "customer.document", "the check digits of the CPF are wrong"),
        (customer(address={"postal_code": 1310100}), "customer.address.postal_code", None),
        (customer(documnt="1"), "customer.documnt", "unknown column 'documnt'; did you mean 'document'?"),
        (item(consent={"wen": "1"}), "items[0].consent.at", "is required"),
        (contract(line=7), "line", "unknown column 'line'"),
        (contract(**{"ana@example.com": 1}), "…", "unknown column '…'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(line: dict[str, Any], column: str, reason: str | None) -> None:
    found = dict(errors(line))
    assert column in found
    assert reason is None or found[column] == reason


def test_all_that_is_wrong_with_a_contract_is_said_at_once() -> None:
    wrong = customer(document="1", email="x", name="") | {"due_day": 0}
    assert [column for column, _ in errors(wrong)] == [
        "customer.name",
        "customer.document",
        "customer.email",
        "due_day",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        '{"a": NaN}',
        "null",
        "[1]",
        '"x"',
        "52998224725",
        '{"a": "\\ud800"}',
        "{" * 5000,
        "[" * 5000,
        "\0",
        "1" * 9000,
    ],
)
def test_a_line_that_is_no_object_is_rejected_alone(line: str) -> None:
    first, broken, last = read_all(contract(), line, contract(contract_id="C2"))
    assert isinstance(first, ContractRow)
    assert isinstance(broken, Rejected)
    assert (broken.line, broken.contract_id, len(broken.errors)) == (2, None, 1)
    assert isinstance(last, ContractRow)
    assert last.line == 3


def test_a_line_that_is_not_utf8_is_rejected_alone() -> None:
    good = json.dumps(contract()).encode()
    broken, row = read(BytesIO(b'{"contract_id": "\xe9"}\n' + good), FileFormat.JSON_LINES)
    assert isinstance(broken, Rejected)
    assert isinstance(row, ContractRow)


def test_a_syntax_error_tells_the_column_and_quotes_nothing() -> None:
    (_, reason), *rest = errors('{"contract_id": "529.982.247-25" oops')
    assert reason == "the line is not valid JSON (column 34)"
    assert not rest


def test_blank_lines_carriage_returns_and_a_byte_order_mark_do_not_matter() -> None:
    text = "\ufeff\r\n" + json.dumps(contract()) + "\r\n\r\n \r\n" + json.dumps(contract(contract_id="C2"))
    rows = list(read(BytesIO(text.encode()), FileFormat.JSON_LINES))
    assert [row.line for row in rows if isinstance(row, ContractRow)] == [2, 5]


def test_a_rejected_contract_keeps_its_id() -> None:
    (rejected,) = read_all(contract(contract_id=41, due_day=99))
    assert isinstance(rejected, Rejected)
    assert rejected.contract_id == "41"
    assert str(rejected.errors[0]) == "line 1, due_day: must be a whole number from 1 to 31"
