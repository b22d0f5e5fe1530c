from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.errors import Refused
from svahub_asaas.charges.text import DEFAULT, LONGEST, NAMES, checked, filled, values_of

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
