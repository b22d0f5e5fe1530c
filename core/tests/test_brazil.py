"""Brazilian values: what is accepted, in which form it is kept, and that no sentence repeats what was refused."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import brutils
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from svahub import brazil
from svahub.extension import invented
from svahub.models import DocumentKind

DIGITS = st.text("0123456789", min_size=11, max_size=11)
CNPJ_BASE = st.text(string.digits + string.ascii_uppercase, min_size=12, max_size=12)
CENTS = st.integers(0, 999_999_999_999).map(lambda cents: Decimal(cents) / 100)


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


def full_width(digits: str) -> str:
    return digits.translate({ord("0") + value: 0xFF10 + value for value in range(10)})


def refusal(parse: Callable[[str], object], text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is what the callers look at
        parse(text)
    assert caught.value.__cause__ is None
    return str(caught.value)


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


@pytest.mark.parametrize(
    "written",
    [
        "11987654321",
        "(11) 98765-4321",
        "(+55) 11 98765-4321",
        "+55 11 98765-4321",
        "55 11 987654321",
        "011 98765-4321",
        "(11) 9.8765-4321",
    ],
)
def test_a_mobile_is_kept_in_e164(written: str) -> None:
    assert brazil.phone(written) == "+5511987654321"


def test_a_fixed_line_is_accepted() -> None:
    assert brazil.phone("(11) 3333-4444") == "+551133334444"


@given(st.integers(900_000_00, 999_999_99), st.sampled_from([11, 21, 31, 55, 61, 71, 81, 91]))
def test_a_phone_in_e164_stays_as_it_is(line: int, area: int) -> None:
    kept = brazil.phone(f"({area}) 9{line}")
    assert kept == f"+55{area}9{line}" == brazil.phone(kept)


@given(st.from_regex(r"[1-9][0-9]{9,10}", fullmatch=True))
def test_a_phone_is_accepted_exactly_as_its_library_parses_it(digits: str) -> None:
    number = phonenumbers.parse(digits, "BR")
    if phonenumbers.number_type(number) in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE}:
        assert brazil.phone(digits) == phonenumbers.format_number(number, PhoneNumberFormat.E164)
    else:
        refusal(brazil.phone, digits)


@pytest.mark.parametrize("service", ["0800 722 0001", "4004-1234", "3003 1234"])
def test_a_service_number_is_refused(service: str) -> None:
    assert "0800" in refusal(brazil.phone, service)


@pytest.mark.parametrize(
    "wrong",
    [
        "1187654321",
        "98765-4321",
        "+1 202 555 0134",
        full_width("11987654321"),
        "11987654321 ramal 5",
        "190",
        "",
        "++++++++",
        "11 98765-4321 / 11 3333-4444",
        "11 98765-4321 11 3333-4444",
    ],
)
def test_what_is_no_phone_of_a_customer_is_refused(wrong: str) -> None:
    refusal(brazil.phone, wrong)


@pytest.mark.parametrize("written", ["01310-100", "01310100", "01.310-100", " 01310100 "])
def test_a_cep_is_kept_as_eight_digits(written: str) -> None:
    assert brazil.cep(written) == "01310100"
    assert brutils.is_valid_cep(brazil.cep(written))


@pytest.mark.parametrize("wrong", ["1310100", "00000-000", "0131010A", "", full_width("01310100")])
def test_what_is_no_cep_is_refused(wrong: str) -> None:
    refusal(brazil.cep, wrong)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" ana@example.com ", "ana@example.com"),
        ("Ana.Souza+sva@EXAMPLE.com", "Ana.Souza+sva@example.com"),
        ("josé@example.com", "josé@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
    ],
)
def test_an_email_is_normalised(written: str, kept: str) -> None:
    assert brazil.email(written) == kept


@pytest.mark.parametrize(
    "wrong",
    [
        "ana",
        "ana@",
        "@example.com",
        "ana@example",
        "a..b@example.com",
        ".a@example.com",
        "a@b@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 300 + ".com",
        "ana@exa mple.com",
        "Ana <ana@example.com>",
        "",
    ],
)
def test_what_is_no_email_is_refused(wrong: str) -> None:
    refusal(brazil.email, wrong)


@given(st.text("ab1.+-_@", max_size=20), st.sampled_from(["example.com", "EXAMPLE.com", "example", "-.com", "a@b.com"]))
def test_an_email_is_accepted_exactly_as_its_library_does(local: str, domain: str) -> None:
    from email_validator import EmailNotValidError, validate_email

    try:
        expected = validate_email(f"{local}@{domain}", check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        refusal(brazil.email, f"{local}@{domain}")
    else:
        assert brazil.email(f"{local}@{domain}") == expected


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1.234,56", "1234.56"),
        ("1234.56", "1234.56"),
        ("1234,5", "1234.50"),
        ("R$ 12,90", "12.90"),
        ("R$\u00a01.234.567,00", "1234567.00"),
        ("0", "0.00"),
        (12.9, "12.90"),
        (12, "12.00"),
        (-0.0, "0.00"),
        (Decimal("12.900"), "12.90"),
    ],
)
def test_money_has_two_places(written: str | float | Decimal, kept: str) -> None:
    assert str(brazil.money(written)) == kept


@given(CENTS)
def test_money_is_the_same_in_every_notation(amount: Decimal) -> None:
    american = f"{amount:,.2f}"
    brazilian = american.replace(",", "_").replace(".", ",").replace("_", ".")
    notations = (amount, float(amount), f"{amount:.2f}", f"{amount:.2f}".replace(".", ","), brazilian)
    assert {brazil.money(notation) for notation in notations} == {amount}


@pytest.mark.parametrize(
    "wrong",
    [
        "12,345",
        "1.234",
        "1.000",
        "12,900",
        "1,234.56",
        "1.23.456,00",
        "-1,00",
        "1e3",
        "",
        "R$",
        full_width("12"),
        "12,",
        "NaN",
        0.1 + 0.2,
        12.345,
        -0.01,
        float("inf"),
        float("nan"),
        Decimal("1e12"),
        1e300,
        Decimal("1e-400"),
        "99999999999,00",
    ],
)
def test_money_is_never_rounded_nor_guessed(wrong: str | float | Decimal) -> None:
    with pytest.raises(ValueError, match="an amount"):
        brazil.money(wrong)


@pytest.mark.parametrize("written", ["1990-12-31", "31/12/1990", " 31/12/1990 "])
def test_a_date_is_read_as_iso_and_as_brazilians_write_it(written: str) -> None:
    assert brazil.date_of(written) == date(1990, 12, 31)


@given(st.dates())
def test_every_date_is_read_in_both_notations(day: date) -> None:
    assert brazil.date_of(day.isoformat()) == day
    assert brazil.date_of(f"{day.day:02}/{day.month:02}/{day.year:04}") == day


@pytest.mark.parametrize(
    "wrong",
    [
        "31/02/1990",
        "12/31/1990",
        "1990-13-01",
        "31/12/90",
        "1990-12-31T00:00",
        "",
        full_width("1") + "990-12-31",
    ],
)
def test_what_is_no_date_is_refused(wrong: str) -> None:
    refusal(brazil.date_of, wrong)


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-31T17:30:00Z",
        "2026-12-31T14:30-03:00",
        "2026-12-31 14:30:00 -0300",
        "2026-12-31T14:30:00.000000",
        "31/12/2026 14:30",
    ],
)
def test_an_instant_is_kept_in_utc_and_without_offset_is_the_time_in_sao_paulo(written: str) -> None:
    assert brazil.instant_of(written) == datetime(2026, 12, 31, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize("wrong", ["2026-12-31", "2026-12-31T25:00", "9999-12-31T23:59", "31/02/2026 10:00", "now", ""])
def test_what_is_no_instant_is_refused(wrong: str) -> None:
    refusal(brazil.instant_of, wrong)


@pytest.mark.parametrize(
    "parse",
    [
        brazil.cpf,
        brazil.cnpj,
        brazil.document,
        brazil.phone,
        brazil.cep,
        brazil.email,
        brazil.money,
        brazil.date_of,
        brazil.instant_of,
    ],
)
@given(text=st.text(min_size=5) | st.from_regex(r"[0-9./@ -]{5,20}", fullmatch=True))
def test_no_sentence_repeats_the_value(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        shown = " ".join(str(part) for part in (error, error.__cause__))
        assert text.strip() == "" or len(text.strip()) < 5 or text.strip() not in shown
