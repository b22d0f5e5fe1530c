"""Phones, postal codes and e-mail addresses: what is accepted, and in which form it is kept."""

from __future__ import annotations

import brutils
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from svahub import brazil

from .written import full_width, refusal


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
