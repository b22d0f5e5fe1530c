from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.errors import Refused
from svahub_asaas.charges.text import DEFAULT, LONGEST, NAMES, checked, filled, values_of

if TYPE_CHECKING:
    from conftest import Isp

VALUES = values_of("Pessoa Inventada da Silva", "C1", "2026-11", Decimal("1234.50"), date(2026, 11, 10))


def test_a_text_names_what_the_customer_wants_to_know() -> None:
    text = "Olá, $first_name: contrato $contract, $month, R$$ $value até $due_date"
    assert filled(checked(text), VALUES) == "Olá, Pessoa: contrato C1, 11/2026, R$ 1.234,50 até 10/11/2026"


def test_the_default_can_be_filled_in() -> None:
    assert filled(checked(DEFAULT), VALUES) == "Contrato C1, 11/2026"


def test_an_unknown_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(Refused, match=r"cannot have \$cpf.*\$first_name"):
        checked("$cpf")


@pytest.mark.parametrize("text", ["R$ 10", "${", "", "  "])
def test_what_cannot_be_filled_in_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        checked(text)


def test_every_name_has_a_value() -> None:
    assert VALUES.keys() == NAMES.keys()


@given(st.text(max_size=800), st.text(max_size=800))
def test_a_text_is_never_longer_than_asaas_takes(template: str, name: str) -> None:
    assert len(filled(template, VALUES | {"name": name})) <= LONGEST


# -- as commands -------------------------------------------------------------------------------------------------------


def test_a_text_that_is_set_is_what_customers_read(isp: Isp) -> None:
    isp.told("asaas", "templates", "set", "charge", "Olá $first_name, $month")
    assert isp.told("asaas", "templates", "show", "charge") == {"name": "charge", "text": "Olá $first_name, $month"}
    isp.charge(1)
    assert [one["description"] for one in isp.asaas.state()["payments"]] == ["Olá Pessoa, 11/2026"]


def test_a_text_with_a_name_that_there_is_not_is_refused_with_those_that_there_are(isp: Isp) -> None:
    for command in ("set", "test"):
        told = isp.invoke("asaas", "templates", command, "charge", "$cpf $name", code=1).stderr
        assert "cannot have $cpf" in told
        assert all(f"${name}" in told for name in NAMES)
    assert (
        "$value"
        not in isp.invoke("asaas", "templates", "set", "birthday", "$value!", code=1).stderr.partition("may")[2]
    )
    assert isp.told("asaas", "templates", "show", "charge")["text"] == DEFAULT


def test_a_text_is_tried_before_it_is_set(isp: Isp) -> None:
    tried = isp.told("asaas", "templates", "test", "charge", "$name " * 40)
    assert (len(tried["read"]), tried["length"], tried["read"][-1]) == (LONGEST, LONGEST, "…")
    assert "cut: Asaas takes 500" in isp.invoke("asaas", "templates", "test", "charge", "$name " * 40).stdout
    assert "Contrato C1" in isp.invoke("asaas", "templates", "test", "charge").stdout


def test_each_integration_has_its_own_texts(isp: Isp) -> None:
    isp.add("other")
    assert "bill, other" in isp.invoke("asaas", "templates", "list", code=1).stderr
    isp.told("asaas", "templates", "set", "birthday", "Oi", "--integration", "other")
    assert isp.told("asaas", "templates", "show", "birthday", "--integration", "bill")["text"] != "Oi"
    listed = isp.told("asaas", "templates", "list", "--integration", "other")
    assert {one["name"]: one["is_default"] for one in listed} == {
        "charge": True, "birthday": False, "birthday-subject": True,
    }  # fmt: skip
