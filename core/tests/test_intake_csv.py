"""CSV as Brazilian spreadsheets write it: rows of a contract, dialects, encodings, and damage that stays local."""

from __future__ import annotations

from io import BytesIO

import pytest
from svahub.intake import ContractRow, FileFormat, Rejected, read
from svahub.models import Reason

REQUIRED = "contract_id;customer_id;customer_name;customer_document;item_code;item_product_code"
CPF = "529.982.247-25"


def row(contract_id: str = "C1", item: str = "1", name: str = "Ana", *more: str) -> str:
    return ";".join((contract_id, "7", name, CPF, item, "TELEMED", *more))


def read_all(*lines: str, header: str = REQUIRED, encoding: str = "utf-8") -> list[ContractRow | Rejected]:
    text = "".join(f"{line}\r\n" for line in (header, *lines))
    return list(read(BytesIO(text.encode(encoding)), FileFormat.CSV))


def accepted(*lines: str, header: str = REQUIRED) -> ContractRow:
    (found,) = read_all(*lines, header=header)
    assert isinstance(found, ContractRow), found
    return found


def rejected(*lines: str, header: str = REQUIRED) -> Rejected:
    (found,) = read_all(*lines, header=header)
    assert isinstance(found, Rejected), found
    return found


def outcome(found: list[ContractRow | Rejected]) -> dict[str | None, bool]:
    return {each.contract_id: isinstance(each, ContractRow) for each in found}


def messages(found: Rejected) -> list[str]:
    return [str(error) for error in found.errors]


def test_adjacent_rows_are_the_items_of_one_contract() -> None:
    first, second = read_all(row("C1", "1"), row("C1", "2"), row("C2", "1"))
    assert isinstance(first, ContractRow)
    assert [item.code for item in first.items] == ["1", "2"]
    assert (first.line, second.line) == (2, 4)


def test_every_column_has_its_place() -> None:
    cells = {
        "status": "pending",
        "block_reasons": "overdue|staff",
        "customer_email": "ana@example.com",
        "customer_phone": "(81) 98765-4321",
        "customer_birth_date": "31/12/1990",
        "customer_address_street": "Rua Azul",
        "customer_address_number": "12",
        "customer_address_complement": "apto 3",
        "customer_address_district": "Centro",
        "customer_address_city": "Recife",
        "customer_address_state": "PE",
        "customer_address_postal_code": "50010-000",
        "item_plan": "gold",
        "item_quantity": "2",
        "item_integration": "main",
        "item_price": "1.234,56",
        "item_attributes": '"{""a"": 1}"',
        "item_consent_at": "31/12/2025 10:00",
        "item_consent_channel": "app",
        "item_consent_text_version": "2",
        "due_day": "10",
        "price": "99,9",
    }
    header = ";".join((REQUIRED, *cells))
    address = {"street": "Rua Azul", "number": "12", "complement": "apto 3", "district": "Centro", "city": "Recife"}
    assert accepted(row("C1", "1", "Ana", *cells.values()), header=header).level() == {
        "contract_id": "C1",
        "status": "pending",
        "block_reasons": ["overdue", "staff"],
        "customer": {
            "id": "7",
            "name": "Ana",
            "document": "52998224725",
            "email": "ana@example.com",
            "phone": "+5581987654321",
            "birth_date": "1990-12-31",
            "address": address | {"state": "PE", "postal_code": "50010000"},
        },
        "items": [
            {
                "code": "1",
                "product_code": "TELEMED",
                "plan": "gold",
                "quantity": 2,
                "integration": "main",
                "price": "1234.56",
                "attributes": {"a": 1},
                "consent": {"at": "2025-12-31T13:00:00Z", "channel": "app", "text_version": "2"},
            }
        ],
        "due_day": 10,
        "price": "99.90",
    }


def test_without_the_column_block_reasons_say_nothing_and_a_blank_cell_says_none() -> None:
    header = REQUIRED + ";block_reasons"
    assert accepted(row()).block_reasons is None
    assert accepted(row("C1", "1", "Ana", ""), header=header).block_reasons == ()
    assert accepted(row("C1", "1", "Ana", "staff, overdue"), header=header).block_reasons == (
        Reason.OVERDUE,
        Reason.STAFF,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ","])
def test_delimiter_and_encoding_are_recognised(delimiter: str, encoding: str) -> None:
    lines = [line.replace(";", delimiter) for line in (REQUIRED, row("C1"), row("C2", "1", "José Conceição"))]
    found = list(read(BytesIO("\n".join(lines).encode(encoding)), FileFormat.CSV))
    assert isinstance(found[1], ContractRow)
    assert found[1].customer.name == "José Conceição"


def test_a_row_in_another_encoding_than_the_file_is_refused_alone() -> None:
    utf8, latin = (row(f"C{number}", "1", "José") for number in (1, 2))
    content = f"{REQUIRED}\n{utf8}\n".encode() + f"{latin}\n{row('C3')}\n".encode("cp1252")
    found = list(read(BytesIO(content), FileFormat.CSV))
    assert outcome(found) == {"C1": True, "C2": False, "C3": True}
    assert isinstance(found[1], Rejected)
    assert messages(found[1]) == ["line 3: the line is not utf-8 like the lines before"]


def test_letters_that_neither_encoding_has_are_refused() -> None:
    content = f"{REQUIRED}\n".encode() + row("C1", "1", "Jos@").encode().replace(b"@;", b"\x81;") + b"\n"
    (found,) = read(BytesIO(content), FileFormat.CSV)
    assert isinstance(found, Rejected)
    assert messages(found) == ["line 2: the line is neither UTF-8 nor Windows-1252"]


def test_names_of_columns_are_taken_without_case_and_blanks() -> None:
    assert accepted(row(), header=REQUIRED.upper().replace(";", " ; ")).contract_id == "C1"


def test_blank_rows_are_passed_over() -> None:
    first, second = read_all("", row("C1"), ";;;;;", "", row("C2"))
    assert (first.line, second.line) == (3, 6)


def test_line_numbers_are_right_after_cells_with_line_breaks() -> None:
    header = REQUIRED + ";customer_address_street"
    first, second = read_all(row("C1", "1", "Ana", '"Rua\r\nAzul\r\n3"'), row("C2", "1", "Ana", ""), header=header)
    assert isinstance(first, ContractRow)
    assert first.customer.address is not None
    assert first.customer.address.street == "Rua Azul 3"
    assert second.line == 5


def test_an_error_of_an_item_has_the_line_of_its_row_and_the_name_of_its_column() -> None:
    header = REQUIRED + ";item_quantity;customer_email"
    found = rejected(row("C1", "1", "Ana", "1", "x"), row("C1", "2", "Ana", "none", "x"), header=header)
    assert messages(found) == [
        "line 2, customer_email: this is not an e-mail address",
        "line 3, item_quantity: must be a whole number from 1 to 100000",
    ]


def test_required_cells_that_are_blank_are_named() -> None:
    assert messages(rejected("C1;;;;;")) == [
        "line 2, customer_id: is required",
        "line 2, customer_name: is required",
        "line 2, customer_document: is required",
        "line 2, item_code: is required",
        "line 2, item_product_code: is required",
    ]


def test_rows_of_a_contract_must_agree_on_what_is_the_contracts() -> None:
    assert messages(rejected(row("C1", "1", "Ana"), row("C1", "2", "Bia"))) == [
        "line 3, customer_name: differs from the first row of the contract"
    ]


def test_the_same_code_twice_rejects_the_contract() -> None:
    assert messages(rejected(row("C1", "1"), row("C1", "1"))) == [
        "line 2, item_code: two items of the contract have the same code"
    ]


def test_a_contract_that_appears_again_is_an_error_where_it_does() -> None:
    found = read_all(row("C1", "1"), row("C2", "1"), row("C1", "2"), row("C3"))
    assert [(each.contract_id, isinstance(each, ContractRow)) for each in found] == [
        ("C1", True),
        ("C2", True),
        ("C1", False),
        ("C3", True),
    ]
    assert isinstance(found[2], Rejected)
    assert found[2].errors[0].line == 4
    assert "appears again" in found[2].errors[0].reason


def test_a_cpf_that_lost_its_zeros_in_a_spreadsheet_is_refused_with_that_advice() -> None:
    (error,) = rejected(row().replace(CPF, "1234567890")).errors
    assert error.column == "customer_document"
    assert "leading zeros" in error.reason


def test_attributes_that_are_not_json_are_refused() -> None:
    found = rejected(row("C1", "1", "Ana", "{a"), header=REQUIRED + ";item_attributes")
    assert messages(found) == ["line 2, item_attributes: must be a JSON object"]


@pytest.mark.parametrize(
    "broken",
    [
        row("C2") + ";extra",
        "C2;7;Ana",
        row("C2", "1", 'Ana"').replace('Ana"', '"Ana" Souza'),
        row("C2", "1", '"Ana'),
        row("C2", "1", "A\0na"),
        row("C2", "1", "A\rna"),
        row("C2", "1", "x" * (1 << 20)),
        row("C2", "1", "x" * 200_000),
        row("C2", "1", "x" * 201),
    ],
    ids=["more", "fewer", "stray quote", "open quote", "NUL", "carriage return", "long line", "long cell", "long name"],
)
def test_a_broken_row_rejects_its_whole_contract_and_no_other(broken: str) -> None:
    found = read_all(row("C1"), row("C2", "0"), broken, row("C2", "2"), row("C3"), row("C4", "1", '"Bia ""B"""'))
    assert outcome(found) == {"C1": True, "C2": False, "C3": True, "C4": True}
    assert isinstance(found[1], Rejected)
    assert {error.line for error in found[1].errors} == {4}


def test_a_quote_that_is_never_closed_hides_no_other_contract() -> None:
    found = read_all(row("C1", "1", '"Ana'), *(row(f"D{number}", "1", "x" * 150) for number in range(2000)))
    assert len(found) == 2001
    assert [each.contract_id for each in found if isinstance(each, Rejected)] == ["C1"]


def test_quotes_that_alternate_over_many_rows_are_given_up_early() -> None:
    found = read_all(row("C1", "1", '"Ana'), *['x";"y'] * 500, row("C2"), row("C3"))
    assert outcome(found) == {"C1": False, "C2": False, "C3": True}


def test_two_open_quotes_do_not_swallow_what_is_between() -> None:
    found = read_all(row("C1", "1", '"Ana'), row("C2"), row("C3", "1", '"Bia'), row("C4"))
    assert outcome(found) == {"C1": False, "C2": True, "C3": False, "C4": True}


def test_the_rest_of_a_broken_cell_is_nobodys_id() -> None:
    found = read_all(row("C0"), row("C1", "1", '"Ana\r\nSouza" x'), row("C2"), row("C3"))
    assert outcome(found) == {"C0": True, "C1": False, "C2": False, "C3": True}


def test_a_quoted_id_of_a_broken_row_is_still_its_own() -> None:
    found = read_all(row("C0"), row('"C1;x"', "0"), row('"C1;x"', "1", '"Ana" S'), row('"C2"', "1", '"A" S'), row("C3"))
    assert outcome(found) == {"C0": True, "C1;x": False, "C2": False, "C3": True}


def test_a_row_of_nobody_rejects_the_contracts_that_it_may_belong_to() -> None:
    found = read_all(row("C1"), row("C2"), row(""), row("C3"), row("C4"))
    assert outcome(found) == {"C1": True, "C2": False, "C3": False, "C4": True}


def test_a_row_of_nobody_within_a_contract_rejects_that_one_only() -> None:
    found = read_all(row("C1", "1"), row(""), row("C1", "2"), row("C2"))
    assert outcome(found) == {"C1": False, "C2": True}


def test_where_the_id_is_not_the_first_column_a_ragged_row_is_of_nobody() -> None:
    header = "customer_name;contract_id;customer_id;customer_document;item_code;item_product_code"
    good = [f"Ana;C{number};7;{CPF};1;T" for number in range(4)]
    found = read_all(good[0], good[1], "Ana;Souza;C9;7", good[2], good[3], header=header)
    assert outcome(found) == {"C0": True, "C1": False, "C2": False, "C3": True}


def test_a_contract_of_too_many_items_is_rejected_without_being_gathered() -> None:
    found = read_all(*(row("C1", str(number)) for number in range(1200)), row("C2"))
    assert outcome(found) == {"C1": False, "C2": True}
    assert isinstance(found[0], Rejected)
    assert messages(found[0]) == ["line 1002: the contract has more than 1000 items"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("contract_id;customer_id", "line 1, customer_name: the column is missing"),
        (f"{REQUIRED};customer_emial", "line 1: unknown column 'customer_emial'; did you mean 'customer_email'?"),
        (f"{REQUIRED};", "line 1: column 7 has no name"),
        (f"{REQUIRED};item_code", "line 1, item_code: the column appears twice"),
        (row(), "line 1: the first line must name the columns: contract_id, customer_id, customer_name, "),
        (f"{REQUIRED};ana@example.com", "line 1: unknown column '…'"),
        ('"contract_id', "line 1: the quotes do not match: a cell that holds a quote is wrapped in quotes "),
        ("contract\0id", "line 1: the line has NUL bytes"),
    ],
)
def test_a_wrong_header_is_one_rejection_of_the_file(header: str, expected: str) -> None:
    (found,) = read_all(row(), header=header)
    assert isinstance(found, Rejected)
    assert found.contract_id is None
    assert any(message.startswith(expected) for message in messages(found)), messages(found)
    assert not any(secret in message for message in messages(found) for secret in ("Ana", "529", "ana@"))


def test_a_file_with_only_a_header_has_no_contracts() -> None:
    assert read_all() == []
