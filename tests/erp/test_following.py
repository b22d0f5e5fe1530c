"""What changes in the ERP is followed at the provider within one poll; what does not change costs nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event, select
from svahub.cli import main
from svahub.debt_rule import Policy
from svahub.errors import Refused
from svahub.store import tables
from svahub.testing.clocks import HandClock

from erp.conftest import CODE, TELE, Isp

ACTIVE, BLOCKED, CANCELLED = "ACTIVE", "BLOCKED", "CANCELLED"
TABLE = {
    ("A", "A"): ACTIVE,
    **{("A", internet): BLOCKED for internet in ("CM", "CA", "FA", "CE", "D")},
    **{(status, internet): CANCELLED for status in ("I", "D") for internet in ("A", "D", "CA")},
    ("N", "A"): BLOCKED,
}
PENDING = [("P", "AA"), ("P", "A"), ("A", "AA")]


def test_each_state_of_the_table_is_followed_at_the_provider_within_one_poll(isp: Isp) -> None:
    isp.register()
    contracts = {isp.ixc.sign(TELE): wanted for wanted in TABLE}
    isp.follow()
    assert isp.at_clinic() == dict.fromkeys(contracts, ACTIVE)
    for contract, (status, internet) in contracts.items():
        isp.ixc.change("cliente_contrato", contract, status=status, status_internet=internet)
    isp.follow()
    assert isp.at_clinic() == {contract: TABLE[state] for contract, state in contracts.items()}
    blocked = [contract for contract, state in contracts.items() if TABLE[state] == BLOCKED]
    for contract in blocked:
        isp.ixc.change("cliente_contrato", contract, status="A", status_internet="A")
    isp.follow()
    assert {isp.at_clinic()[contract] for contract in blocked} == {ACTIVE}


def test_only_what_is_signed_and_not_blocked_is_sold_at_all(isp: Isp) -> None:
    isp.register()
    for status, internet in [*TABLE, *PENDING]:
        isp.ixc.sign(TELE, status=status, status_internet=internet)
    isp.follow()
    assert isp.at_clinic() == {"1": ACTIVE}


def test_a_pre_contract_is_sold_when_it_is_signed(isp: Isp) -> None:
    isp.register()
    contracts = [isp.ixc.sign(TELE, status=status, status_internet=internet) for status, internet in PENDING]
    isp.follow()
    assert isp.at_clinic() == {}
    for contract in contracts:
        isp.ixc.change("cliente_contrato", contract, status="A", status_internet="A")
    isp.follow()
    assert isp.at_clinic() == dict.fromkeys(contracts, ACTIVE)


def test_a_product_that_leaves_a_contract_ends_and_one_that_comes_is_sold(isp: Isp) -> None:
    isp.register()
    leaving, coming = isp.ixc.sign(TELE), isp.ixc.sign("1")
    isp.follow()
    isp.ixc.remove("vd_contratos_produtos", "1")
    isp.ixc.write("vd_contratos_produtos", id_contrato=coming, id_produto=TELE, qtde="1")
    isp.follow()
    assert isp.at_clinic() == {leaving: CANCELLED, coming: ACTIVE}


def test_a_customers_new_address_reaches_the_provider(isp: Isp) -> None:
    isp.register()
    isp.ixc.sign(TELE)
    isp.follow()
    isp.ixc.change("cliente", "1", email="nova@example.com")
    isp.follow()
    assert [user.email for user in isp.clinic.users] == ["nova@example.com"]


def test_a_product_that_nothing_serves_is_counted_and_one_that_cannot_be_read_hurts_no_other(isp: Isp) -> None:
    isp.register()
    isp.ixc.sign("1", TELE)
    isp.ixc.sign(TELE, status="X")
    pulled = isp.follow()
    assert (dict(pulled.contracts.not_served), pulled.contracts.rejected) == ({"1": 1}, 1)
    assert "its status is 'X'" in str(pulled.contracts.errors[0])
    assert isp.at_clinic() == {"1": ACTIVE}


def test_what_is_owed_at_the_erp_blocks_by_the_policy_and_what_is_received_unblocks(isp: Isp) -> None:
    isp.register()
    isp.office.debts.set_policy(Policy(5))
    contract = isp.ixc.sign(TELE)
    isp.follow()
    usual = {"id_contrato": contract, "valor": "99.90", "valor_aberto": "99.90", "liberado": "S"}
    late = isp.ixc.write("fn_areceber", data_vencimento="2026-11-17", status="A", **usual)
    isp.ixc.write("fn_areceber", data_vencimento="2026-11-20", status="A", **usual)
    isp.follow()
    assert isp.at_clinic() == {contract: BLOCKED}
    isp.ixc.change("fn_areceber", late, status="R", valor_aberto="0.00", pagamento_data="2026-11-23")
    isp.follow()
    assert isp.at_clinic() == {contract: ACTIVE}
    assert [debt.reference for debt in isp.office.debts.list()] == ["2"]


BOOKS = {"sources", "audit", "chains", "exchanges", "tallies"}
"""The tables in which it is booked that a pull was made."""


def test_a_second_pull_with_nothing_changed_writes_nothing_and_asks_for_the_overlap_alone(isp: Isp) -> None:
    isp.register(overlap=60)
    for _ in range(3):
        isp.ixc.sign(TELE)
    isp.clock.advance(minutes=5)
    isp.follow()
    isp.clock.advance(minutes=5)
    written: list[str] = []

    def keep(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if found := re.match(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)', sql):
            written.append(found[1])

    event.listen(isp.hub.store.engine, "before_cursor_execute", keep)
    asked = isp.ixc.listings
    pulled = isp.pull()
    event.remove(isp.hub.store.engine, "before_cursor_execute", keep)
    assert set(written) <= BOOKS
    assert (pulled.contracts.unchanged, isp.ixc.listings - asked) == (0, 3)  # contracts, customers, receivables


def test_a_pull_goes_on_through_an_overloaded_erp(isp: Isp) -> None:
    isp.register(page_size=20)
    isp.ixc.populate(60, TELE)
    isp.ixc.upsets.set(dict.fromkeys(["504", "html", "short_page"], 0.1))  # type: ignore[arg-type]  # as its names
    pulled = isp.pull()
    assert (pulled.contracts.added, pulled.contracts.rejected) == (60, 0)
    assert sum(isp.ixc.upsets.struck.values()) > 0


def test_the_code_of_a_product_may_be_set_and_what_serves_it_is_shown(isp: Isp) -> None:
    def ask(*arguments: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(main, ["ixc", *arguments, "--json"], obj=isp.hub)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    isp.register(products='{"3": "FILMES"}')
    contract = isp.ixc.sign("1", TELE)
    before = {row["id"]: row for row in ask("products", "map")}
    assert (before["1"]["code"], before[TELE]["code"]) == ("1", CODE)
    assert before[TELE]["served_by"] == "telemedicine at tele"
    assert ask("products", "map", "1=NET", "--dry-run")[0]["code"] == "NET"
    assert ask("products", "map")[0]["code"] == "1"
    ask("products", "map", "1=NET", "2=TELE")
    assert [row["code"] for row in ask("products", "map", "--forget", TELE)] == ["NET", CODE, "FILMES", "iot-9-3"]
    (shown,) = ask("contracts", contract)
    assert (shown["read_as"], shown["items"]) == ("active", ["1 NET x1", f"2 {CODE} x1"])
    assert ask("contracts", "--document", isp.ixc.row("cliente", "1")["cnpj_cpf"]) == [shown]


@pytest.mark.parametrize("apart", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_clock_of_the_erp_that_is_wrong_loses_nothing_and_asks_for_no_more(isp: Isp, apart: timedelta) -> None:
    isp.register(overlap=60)
    isp.ixc.clock = HandClock(isp.clock.now() + apart)
    contract = isp.ixc.sign(TELE)
    isp.follow()
    for state, level in (("CA", BLOCKED), ("A", ACTIVE)):
        isp.clock.advance(minutes=10)
        isp.ixc.clock.advance(minutes=11)
        isp.ixc.change("cliente_contrato", contract, status_internet=state)
        isp.follow()
        assert isp.at_clinic() == {contract: level}
    told = []
    for _ in range(2):
        isp.clock.advance(minutes=10)
        isp.ixc.clock.advance(minutes=10)
        told.append(isp.pull().contracts.unchanged)
    assert told == [1, 0]  # what changed in the minute before the last pull is asked for once more


def test_what_is_kept_of_the_calls_names_nobody(isp: Isp) -> None:
    isp.register()
    whose = {"razao": "Zulmira Inventada", "fantasia": "Padaria Zulmira", "cnpj_cpf": "529.982.247-25"}
    where = {"email": "zulmira@example.com", "whatsapp": "(11) 98765-4321", "endereco": "Rua das Acácias"}
    isp.ixc.sign(TELE, id_cliente=isp.ixc.write("cliente", **whose, **where, data_nascimento="1990-01-31"))
    isp.pull()
    CliRunner().invoke(main, ["ixc", "contracts", "--document", "52998224725"], obj=isp.hub)
    with isp.hub.store.read() as connection:
        kept = str(connection.execute(select(tables.exchanges.c.request_body, tables.exchanges.c.response_body)).all())
    assert '"cliente_contrato' in kept
    assert "Z*** I***" in kept
    for told in ("Zulmira", "529.982", "52998224725", "zulmira@", "98765-4321", "Acácias", "1990-01-31"):
        assert told not in kept


def test_a_ca_file_that_cannot_be_read_is_told_before_any_call(isp: Isp) -> None:
    isp.register(ca_file="no-such-file.pem")
    with pytest.raises(Refused, match=r"The CA file no-such-file\.pem cannot be read"):
        isp.pull()
    assert isp.ixc.listings == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("products", "map", "9=X"), "IXC has no product '9'"),
        (("products", "map", "X"), "is no pair"),
        (("contracts",), "Name contracts"),
        (("contracts", "--document", "1"), "--document"),
        (("contracts", "1", "--source", "epr"), "Did you mean 'erp'?"),
    ],
)
def test_what_cannot_be_asked_says_what_can(isp: Isp, arguments: tuple[str, ...], said: str) -> None:
    isp.register()
    result = CliRunner().invoke(main, ["ixc", *arguments], obj=isp.hub)
    assert (result.exit_code in {1, 2}, said in result.output) == (True, True), result.output
