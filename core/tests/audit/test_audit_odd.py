"""What is odd in the store or at the command line ends in a sentence that names it, never in an unexpected error."""

from __future__ import annotations

import math
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text, update
from svahub import entries
from svahub.areas.audit import Wanted
from svahub.chain import Fault
from svahub.cli import main
from svahub.exchange import Exchange
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.store import journal, tables
from svahub.store.states import AuditKind


def call(office: TenantHub) -> None:
    now = office.bench.now()
    said = Exchange("GET", "/users", 200, 5, {"accept": "*/*"}, None, {}, None, None, now, None)
    with office.hub.store.write() as connection:
        journal.write_exchanges(connection, [(office.name, "clinic", said)], now)


def broken(office: TenantHub) -> Any:
    found = office.audit.verify().broken
    assert found is not None
    return found


def run(hub: Hub, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments), obj=hub)
    return result.exit_code, result.stderr


# -- in the store ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_in_json_is_kept_as_text(office_on_each: TenantHub, value: float) -> None:
    office = office_on_each
    with office.hub.store.write() as connection:
        odd = entries.entry(AuditKind.COMMAND, "ana", "odd", "it", value=value)
        journal.append(connection, office.name, office.bench.now(), [odd])
    assert next(office.audit.list()).details == {"value": str(value)}
    assert office.audit.verify().broken is None


@pytest.mark.parametrize("column", ["request_headers", "response_headers"])
def test_an_exchange_whose_json_is_broken_is_named(office: TenantHub, column: str) -> None:
    call(office)
    with office.hub.store.write() as connection:
        connection.execute(text(f"UPDATE exchanges SET {column} = '{{'"))  # noqa: S608
    assert (broken(office).fault, broken(office).exchange) == (Fault.EXCHANGE_CHANGED, 1)
    assert getattr(office.audit.show(broken(office).reference), column) == "{"


def test_an_entry_whose_json_is_broken_is_named(office: TenantHub) -> None:
    with office.hub.store.write() as connection:
        connection.execute(text("UPDATE audit SET details = '{' WHERE number = 1 AND tenant = 'default'"))
    assert (broken(office).number, broken(office).fault) == (1, Fault.CHANGED)
    assert "{" in [line.details for line in office.audit.list()]


def test_an_exchange_without_an_entry_is_listed_as_it_is_named(office: TenantHub) -> None:
    call(office)
    with office.hub.store.write() as connection:
        connection.execute(update(tables.exchanges).values(audit_number=None))
    assert next(line for line in office.audit.list() if line.method).reference == "0/1"


# -- at the command line -----------------------------------------------------------------------------------------------

HUGE = "99999999999999999999999"


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "list", "--limit", HUGE),
        ("audit", "retention", "looks", HUGE),
        ("events", "--limit", HUGE),
        ("events", "--since", HUGE),
        ("events", "--since", "3000000000"),
        ("operations", "show", HUGE),
        ("operations", "retry", HUGE),
        ("operations", "discard", HUGE, "--note", "x", "--yes"),
        ("change", "C1", "--quantity", HUGE),
    ],
)
def test_a_number_that_no_row_has_is_a_usage_error(office_on_each: TenantHub, arguments: tuple[str, ...]) -> None:
    code, told = run(office_on_each.hub, *arguments)
    assert (code, "is not in the range" in told) == (2, True)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-30", "9999-12-31"])
@pytest.mark.parametrize("option", ["--since", "--until"])
def test_any_day_may_be_asked_for(office_on_each: TenantHub, option: str, day: str) -> None:
    assert run(office_on_each.hub, "audit", "list", option, day)[0] == 0


def test_up_to_the_last_day_is_everything(office: TenantHub) -> None:
    from datetime import date

    assert list(office.audit.list(Wanted(until=date.max))) == list(office.audit.list())


@pytest.mark.parametrize("odd", ["a\0b", "\udcff"])
@pytest.mark.parametrize("command", [("explain",), ("customers", "export"), ("audit", "list", "--contract")])
def test_what_is_no_text_is_refused(office_on_each: TenantHub, command: tuple[str, ...], odd: str) -> None:
    code, told = run(office_on_each.hub, *command, odd)
    assert (code, f"Argument {len(command) + 1} has a NUL, or bytes" in told) == (2, True)


# -- documents as ids --------------------------------------------------------------------------------------------------


def level(contract: str, customer: str, status: str = "cancelled") -> ContractRow:
    person = {"id": customer, "name": "Pessoa Inventada", "document": "52998224725"}
    items = [{"code": "1", "product_code": "TM"}]
    return ContractRow.model_validate({"contract_id": contract, "customer": person, "items": items, "status": status})


def test_customers_whose_id_is_a_document_are_counted(office: TenantHub, tmp_path: Any) -> None:
    levels = [level("C1", "52998224725"), level("C2", "52998224725"), level("C3", "P3"), level("C4", "11222333000181")]
    assert office.contracts.take_in(levels).documents == 2
    file = tmp_path / "contracts.jsonl"
    file.write_text("\n".join(row.model_dump_json(exclude_none=True) for row in levels))
    result = CliRunner().invoke(main, ["contracts", "import", str(file)], obj=office.hub)
    assert "outlives an erasure" in result.stdout


@pytest.mark.parametrize(("customer", "told"), [("52998224725", True), ("P1", False)])
def test_an_erasure_says_that_an_id_which_is_a_document_stays(office: TenantHub, customer: str, told: bool) -> None:
    office.contracts.take_in([level("C1", customer)])
    result = CliRunner().invoke(main, ["customers", "erase", customer, "--yes"], obj=office.hub)
    assert (result.exit_code, "id is a CPF or CNPJ. It stays" in result.stdout) == (0, told)
