"""IXC's contracts as levels: every state, whose they are, what they sell, and what of them cannot be read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from svahub import ContractRow, ContractStatus, Reason, Rejected
from svahub_ixc.settings import InCollection
from svahub_ixc.standing import Standing, UnknownStanding, standing

from .conftest import Erp

ACTIVE, PENDING, CANCELLED = ContractStatus.ACTIVE, ContractStatus.PENDING, ContractStatus.CANCELLED
STAFF, OVERDUE = (Reason.STAFF,), (Reason.OVERDUE,)
TABLE = [
    ("A", "A", ACTIVE, ()),
    ("A", "CM", ACTIVE, STAFF),
    ("A", "CA", ACTIVE, OVERDUE),
    ("A", "FA", ACTIVE, OVERDUE),
    ("A", "CE", ACTIVE, OVERDUE),
    ("A", "D", ACTIVE, STAFF),
    ("A", "AA", PENDING, ()),
    ("A", "", ACTIVE, ()),
    *(("P", internet, PENDING, ()) for internet in ("A", "AA", "D", "")),
    *((status, internet, CANCELLED, ()) for status in ("I", "D") for internet in ("A", "CM", "AA", "D", "")),
]


@pytest.mark.parametrize(("status", "internet", "wanted", "reasons"), TABLE)
def test_each_state_means_one_level(status: str, internet: str, wanted: ContractStatus, reasons: Any) -> None:
    for policy in InCollection:
        assert standing(status, internet, policy) == Standing(wanted, reasons)


@pytest.mark.parametrize(
    ("policy", "internet", "wanted", "reasons"),
    [
        (InCollection.BLOCK, "A", ACTIVE, OVERDUE),
        (InCollection.CANCEL, "A", CANCELLED, ()),
        (InCollection.FOLLOW, "A", ACTIVE, ()),
        (InCollection.FOLLOW, "CM", ACTIVE, STAFF),
    ],
)
def test_what_is_in_collection_is_what_the_isp_says(
    policy: InCollection, internet: str, wanted: ContractStatus, reasons: Any
) -> None:
    assert standing("N", internet, policy) == Standing(wanted, reasons)


@pytest.mark.parametrize(("status", "internet"), [("X", "A"), ("", "A"), ("A", "ZZ")])
def test_a_state_that_is_not_known_is_no_level(status: str, internet: str) -> None:
    with pytest.raises(UnknownStanding, match="there is"):
        standing(status, internet, InCollection.BLOCK)


def rows(erp: Erp, **more: Any) -> list[ContractRow]:
    found = list(erp.source(**more).contracts(None))
    assert all(isinstance(row, ContractRow) for row in found)
    return found  # type: ignore[return-value]  # as the line above says


def rejected(erp: Erp) -> dict[str | None, str]:
    return {
        r.contract_id: "; ".join(map(str, r.errors)) for r in erp.source().contracts(None) if isinstance(r, Rejected)
    }


def test_a_contract_says_who_has_it_and_what_it_sells(erp: Erp) -> None:
    contract = erp.simulator.sign("1", "2", "4", status_internet="CA")
    (row,) = rows(erp)
    assert (row.contract_id, row.status, row.block_reasons) == (contract, ACTIVE, OVERDUE)
    assert [(item.product_code, item.quantity, item.price) for item in row.items] == [
        ("1", 1, Decimal("19.90")),
        ("sva-7-21", 1, Decimal("19.90")),
        ("iot-9-3", 1, Decimal("19.90")),
    ]
    assert [item.code for item in row.items] == [sold["id"] for sold in erp.simulator.rows("vd_contratos_produtos")]


def test_who_is_not_blocked_is_blocked_by_nothing_of_the_erps(erp: Erp) -> None:
    erp.simulator.sign("1")
    assert rows(erp)[0].block_reasons == ()


CUSTOMER = {
    "razao": "Bia Inventada",
    "cnpj_cpf": "529.982.247-25",
    "email": "sem e-mail; bia@example.com, outra@example.com",
    "telefone_celular": "(00) 0000-0000",
    "whatsapp": "(11) 98765-4321",
    "data_nascimento": "1990-01-31",
    "endereco": "Rua A",
    "numero": "10",
    "bairro": "Centro",
    "cep": "89.802-210",
}


def test_a_customer_is_read_as_ixc_writes_them(erp: Erp) -> None:
    customer = erp.simulator.write("cliente", **CUSTOMER)
    erp.simulator.sign("1", id_cliente=customer)
    who = rows(erp)[0].customer
    assert (who.id, who.name, who.document) == (customer, "Bia Inventada", "52998224725")
    assert (who.email, who.phone, who.birth_date) == ("bia@example.com", "+5511987654321", date(1990, 1, 31))
    assert who.address is not None
    assert (who.address.street, who.address.number, who.address.postal_code) == ("Rua A", "10", "89802210")


@pytest.mark.parametrize(
    "columns",
    [
        {"data_nascimento": "0000-00-00", "email": "", "telefone_celular": "", "cep": ""},
        {"data_nascimento": "31/31/1990", "email": "nenhum", "telefone_celular": "123", "cep": "1", "whatsapp": "0"},
    ],
)
def test_what_need_not_be_there_may_be_unreadable(erp: Erp, columns: dict[str, str]) -> None:
    usual = {"razao": "Bia Inventada", "cnpj_cpf": "529.982.247-25"}
    erp.simulator.sign("1", id_cliente=erp.simulator.write("cliente", **usual, **columns))
    who = rows(erp)[0].customer
    assert (who.email, who.phone, who.birth_date) == (None, None, None)


def test_a_company_is_known_by_its_trade_name_where_it_has_no_other(erp: Erp) -> None:
    company = {"fantasia": "Padaria Inventada", "cnpj_cpf": "12.ABC.345/01DE-35"}
    erp.simulator.sign("1", id_cliente=erp.simulator.write("cliente", **company))
    assert (rows(erp)[0].customer.name, rows(erp)[0].customer.document) == ("Padaria Inventada", "12ABC34501DE35")


def test_a_product_of_the_offer_is_one_of_each_of_its_contracts(erp: Erp) -> None:
    erp.simulator.write("vd_contratos_produtos", id_vd_contrato="5", id_produto="2", qtde="1")
    for offer in ("5", "6", "5"):
        erp.simulator.sign("1", id_vd_contrato=offer)
    assert [[item.product_code for item in row.items] for row in rows(erp)] == [
        ["1", "sva-7-21"],
        ["1"],
        ["1", "sva-7-21"],
    ]


def test_an_offers_products_may_be_left_out(erp: Erp) -> None:
    erp.simulator.write("vd_contratos_produtos", id_vd_contrato="5", id_produto="2", qtde="1")
    erp.simulator.sign("1", id_vd_contrato="5")
    assert [item.product_code for item in rows(erp, sells_offers=False)[0].items] == ["1"]


def test_a_product_of_its_own_goes_before_the_offers(erp: Erp) -> None:
    erp.simulator.write("vd_contratos_produtos", id_vd_contrato="5", id_produto="2", qtde="1")
    contract = erp.simulator.sign(id_vd_contrato="5")
    erp.simulator.write("vd_contratos_produtos", id_contrato=contract, id_vd_contrato="5", id_produto="2", qtde="3.000")
    (row,) = rows(erp)
    assert [(item.product_code, item.quantity) for item in row.items] == [("sva-7-21", 3)]


def test_a_contract_without_products_sells_itself(erp: Erp) -> None:
    erp.simulator.sign(tipo="S")
    assert [(item.code, item.product_code) for item in rows(erp)[0].items] == [("contrato", "contrato-S")]


def test_a_product_may_be_given_another_code(erp: Erp) -> None:
    erp.simulator.sign("1", "2")
    (row,) = rows(erp, products={"1": "NET", "2": "TELE"})
    assert [item.product_code for item in row.items] == ["NET", "TELE"]


def test_one_contract_that_cannot_be_read_hurts_no_other(erp: Erp) -> None:
    sign = erp.simulator.sign
    good = sign("1")
    wrong = erp.simulator.write("cliente", razao="X", cnpj_cpf="529.982.247-24")
    sign("1", id_cliente=wrong)
    sign("1", id_cliente="99")
    sign("1", status="X")
    half = sign()
    erp.simulator.write("vd_contratos_produtos", id_contrato=half, id_produto="1", qtde="1.5")
    last = sign("1")
    found = list(erp.source().contracts(None))
    assert [row.contract_id for row in found if isinstance(row, ContractRow)] == [good, last]
    reasons = rejected(erp)
    assert list(reasons) == ["2", "3", "4", "5"]
    assert "check digits" in reasons["2"]
    assert reasons["3"] == "contract 3, customer: IXC has no customer 99"
    assert "its status is 'X'" in reasons["4"]
    assert "quantity" in reasons["5"]
    assert "529" not in str(reasons)


def test_a_pull_asks_for_no_more_than_what_changed(erp: Erp) -> None:
    for _ in range(5):
        erp.simulator.sign("2")
    erp.clock.advance(minutes=5)
    since, asked = erp.clock.now(), erp.simulator.listings
    assert list(erp.source().contracts(since)) == []
    assert erp.simulator.listings - asked == 2
    erp.simulator.change("cliente_contrato", "2", status_internet="CM")
    erp.simulator.change("cliente", "4", email="nova@example.com")
    erp.clock.advance(minutes=5)
    before = erp.simulator.listings
    found = list(erp.source().contracts(since))
    assert [(row.contract_id, row.block_reasons) for row in found] == [("2", STAFF), ("4", ())]  # type: ignore[union-attr]
    assert erp.simulator.listings - before == 7
    assert list(erp.source().contracts(erp.clock.now())) == []


def test_what_changed_itself_and_by_its_customer_comes_once(erp: Erp) -> None:
    erp.simulator.sign("2")
    assert len(list(erp.source().contracts(erp.clock.now()))) == 1


def test_a_page_of_contracts_costs_few_calls(erp: Erp) -> None:
    erp.simulator.populate(100, "1", "2", "3", "4")
    before = erp.simulator.listings
    assert len(rows(erp, page_size=50)) == 100
    assert erp.simulator.listings - before == 2 * 3 + 2  # contracts, customers, what they sell; offer and products once
