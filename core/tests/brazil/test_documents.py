"""CPF and CNPJ: which are valid, as other libraries say too, and in which form they are kept."""

from __future__ import annotations

import string

import brutils
import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import brazil
from svahub.extension import invented
from svahub.models import DocumentKind

from .written import full_width, refusal

DIGITS = st.text("0123456789", min_size=11, max_size=11)
CNPJ_BASE = st.text(string.digits + string.ascii_uppercase, min_size=12, max_size=12)


def check_digits(base: str, weights: list[list[int]]) -> str:
    for row in weights:
        rest = sum(weight * (ord(sign) - 48) for weight, sign in zip(row, base, strict=True)) % 11
        base += "0" if rest < 2 else str(11 - rest)
    return base


def cpf_of(base: str) -> str:
    return check_digits(base, [list(range(10, 1, -1)), list(range(11, 1, -1))])


def cnpj_of(base: str) -> str:
    first = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    return check_digits(base, [first, [6, *first]])


@pytest.mark.parametrize("written", ["52998224725", "529.982.247-25", " 529.982.247-25\n", "529 982 247 25"])
def test_a_cpf_is_kept_without_punctuation(written: str) -> None:
    assert brazil.cpf(written) == "52998224725"


@given(DIGITS)
def test_a_cpf_is_valid_exactly_when_another_library_says_so(digits: str) -> None:
    try:
        accepted = brazil.cpf(digits) == digits
    except ValueError:
        accepted = False
    assert accepted == brutils.is_valid_cpf(digits)


@given(st.text("0123456789", min_size=9, max_size=9).filter(lambda base: len(set(base)) > 1))
def test_every_computed_cpf_is_valid_and_no_other_check_digits_are(base: str) -> None:
    right = cpf_of(base)
    assert brazil.cpf(right) == right
    wrong = base + f"{(int(right[9:]) + 1) % 100:02}"
    assert "check digits" in refusal(brazil.cpf, wrong)


@given(st.sets(st.integers(0, 9_999_999), min_size=1, max_size=20))
def test_people_who_do_not_exist_have_a_valid_cpf_each(numbers: set[int]) -> None:
    documents = {invented.person(number)["document"] for number in numbers}
    assert {brazil.cpf(document) for document in documents} == documents
    assert len(documents) == len(numbers)


@pytest.mark.parametrize("digit", string.digits)
def test_a_cpf_of_one_repeated_digit_is_refused(digit: str) -> None:
    assert "check digits" in refusal(brazil.cpf, digit * 11)


def test_a_cpf_in_full_width_digits_is_refused() -> None:
    refusal(brazil.cpf, full_width("52998224725"))


@pytest.mark.parametrize("short", ["191", "2998224725"])
def test_a_short_cpf_is_never_padded(short: str) -> None:
    refusal(brazil.cpf, short)


@pytest.mark.parametrize("short", ["2998224725", "998224725", "2223330001811"])
def test_a_document_that_lost_its_zeros_is_refused_with_that_advice(short: str) -> None:
    assert "leading zeros" in refusal(brazil.document, short)


def test_a_document_that_a_spreadsheet_rounded_is_refused_with_that_advice() -> None:
    assert "spreadsheet" in refusal(brazil.document, "5,29982E+10")


@pytest.mark.parametrize(
    "whole",
    [
        "12ABC34501DE35",
        "11222333000181",
        "1Q2W3E4R000106",
        "A1B2C3D4000193",
        "ABCDEFGH000195",
        "00000000000A04",
        "AAAAAAAAAAAA45",
    ],
)
def test_the_published_cnpjs_are_valid_in_any_case(whole: str) -> None:
    assert brazil.cnpj(whole) == whole
    assert brazil.cnpj(whole.lower()) == whole


def test_a_cnpj_is_kept_without_punctuation() -> None:
    assert brazil.cnpj("12.ABC.345/01DE-35") == "12ABC34501DE35"


@given(CNPJ_BASE)
def test_every_computed_cnpj_is_valid_as_another_library_says(base: str) -> None:
    whole = cnpj_of(base)
    if brutils.is_valid_cnpj(whole):
        assert brazil.cnpj(whole) == whole
    else:
        refusal(brazil.cnpj, whole)


@given(CNPJ_BASE, st.text(string.digits, min_size=2, max_size=2))
def test_a_cnpj_is_valid_exactly_when_another_library_says_so(base: str, digits: str) -> None:
    try:
        accepted = brazil.cnpj(base + digits) == base + digits
    except ValueError:
        accepted = False
    assert accepted == brutils.is_valid_cnpj(base + digits)


@pytest.mark.parametrize(
    "wrong",
    [
        "12ABC34501DE36",
        "12ABC34501DEA5",
        full_width("1") + "2ABC34501DE35",
        "\u017f2ABC34501DE35",
        "",
    ],
)
def test_what_is_no_cnpj_is_refused(wrong: str) -> None:
    refusal(brazil.cnpj, wrong)


def test_the_length_tells_a_person_from_a_company() -> None:
    assert brazil.document("529.982.247-25") == (DocumentKind.CPF, "52998224725")
    assert brazil.document("12.abc.345/01de-35") == (DocumentKind.CNPJ, "12ABC34501DE35")
