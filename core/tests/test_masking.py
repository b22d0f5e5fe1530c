"""What people and logs may see of personal data and secrets."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.masking import (
    FIELDS,
    Kind,
    kind_of,
    mask_document,
    mask_email,
    mask_headers,
    mask_json,
    mask_name,
    mask_phone,
    mask_query,
    mask_text,
    personal_values,
)

digits = st.text("0123456789", min_size=11, max_size=11)
cpfs = st.one_of(digits, digits.map(lambda d: f"{d[:3]}.{d[3:6]}.{d[6:9]}-{d[9:]}"))
bases = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12)
bare_cnpjs = st.builds("{}{:02}".format, bases, st.integers(0, 99))
cnpjs = st.one_of(bare_cnpjs, bare_cnpjs.map(lambda c: f"{c[:2]}.{c[2:5]}.{c[5:8]}/{c[8:12]}-{c[12:]}"))
mobiles = st.builds("{}9{:08}".format, st.integers(11, 99), st.integers(0, 99_999_999))
phones = st.one_of(
    mobiles,
    mobiles.map(lambda p: f"+55{p}"),
    mobiles.map(lambda p: f"({p[:2]}) {p[2:7]}-{p[7:]}"),
    mobiles.map(lambda p: f"+55 {p[:2]} {p[2:7]}-{p[7:]}"),
)
emails = st.from_regex(r"[a-z][a-z0-9._+-]{1,20}[a-z0-9]@example\.com", fullmatch=True)
before = st.sampled_from(["", "user ", "cpf: ", "(", "[", '"', "error=", "/users/", "_"])
after = st.sampled_from(["", " exists", ")", '"', ", again", "/block", "?", "\n"])


def test_a_cpf_shows_its_middle() -> None:
    assert mask_document("52998224725") == mask_document("529.982.247-25") == "***.982.247-**"


def test_a_cnpj_shows_its_middle_letters_included() -> None:
    assert mask_document("12.ABC.345/01DE-35") == mask_document("12ABC34501DE35") == "**.ABC.345/****-**"


def test_an_email_shows_its_first_letter_and_domain() -> None:
    assert mask_email("maria@example.com") == "m***@example.com"


def test_a_phone_shows_its_area_and_last_four_digits() -> None:
    assert mask_phone("+5511987654321") == mask_phone("(11) 98765-4321") == "+55 11 *****-4321"


def test_a_name_shows_its_initials() -> None:
    assert mask_name("Maria da Silva") == "M*** d*** S***"


@pytest.mark.parametrize("mask", [mask_document, mask_email, mask_phone, mask_name])
@pytest.mark.parametrize("odd", ["", "x", "@", "12", "ção 3"])
def test_what_is_no_such_value_is_hidden(mask: object, odd: str) -> None:
    assert "*" in mask(odd)  # type: ignore[operator]  # all four take and return a text


@given(before, st.one_of(cpfs, cnpjs, phones, emails), after)
def test_no_text_keeps_a_document_phone_or_email(prefix: str, value: str, suffix: str) -> None:
    assert value not in mask_text(prefix + value + suffix)


@given(st.uuids())
def test_our_references_stay_legible(key: uuid.UUID) -> None:
    assert mask_text(str(key)) == str(key)
    assert mask_text(f"/users/{key}/plans") == f"/users/{key}/plans"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789",
        "got Basic dXNlcjpzZWNyZXQ= here",
        "client_secret=abcdef0123456789&x=1",
        '"access_token": "abcdef0123456789"',
        "password: abcdef0123456789",
    ],
)
def test_no_text_keeps_a_credential(text: str) -> None:
    assert "abcdef0123456789" not in mask_text(text)
    assert "dXNlcjpzZWNyZXQ=" not in mask_text(text)
    assert "***" in mask_text(text)


@given(st.text(max_size=300))
def test_masking_text_twice_hides_nothing_wrong(text: str) -> None:
    assert isinstance(mask_text(mask_text(text)), str)


@pytest.mark.parametrize(
    "field", ["customer_document", "accessUrl", "ACCESS_TOKEN", "customerName", "phones", "cpfCnpj"]
)
def test_a_field_is_known_in_any_spelling(field: str) -> None:
    assert kind_of(field) is not None


@pytest.mark.parametrize("field", ["id", "status", "planId", "externalReference", "total", "price", "reason"])
def test_what_is_not_personal_is_not_masked_by_its_field(field: str) -> None:
    assert kind_of(field) is None


def test_json_is_masked_by_its_fields_at_any_depth() -> None:
    user = {
        "id": "u1",
        "name": "Maria Silva",
        "cpf": 52998224725,
        "contacts": [{"email": "maria@example.com", "verified": True}],
        "address": {"street": "Rua A", "number": 12},
        "login": "maria",
        "accessUrl": "https://example.com/maria",
        "birthDate": None,
    }
    assert mask_json(user) == {
        "id": "u1",
        "name": "M*** S***",
        "cpf": "***.982.247-**",
        "contacts": [{"email": "m***@example.com", "verified": True}],
        "address": {"street": "***", "number": "***"},
        "login": "***",
        "accessUrl": "***",
        "birthDate": None,
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_masked_json_is_json_of_the_same_shape(value: object) -> None:
    masked = mask_json(value)
    assert type(masked) is type(value) or isinstance(value, int)
    json.dumps(masked)


SECRETS = sorted(field for field, kind in FIELDS.items() if kind is Kind.SECRET)


@given(st.sampled_from(SECRETS), st.text("abcdefgh", min_size=8), st.booleans())
def test_no_secret_field_survives(field: str, secret: str, nested: bool) -> None:
    body = {field: {"value": [secret]} if nested else secret}
    assert secret not in json.dumps(mask_json(body))


def test_headers_with_credentials_are_hidden() -> None:
    headers = {"Authorization": "Basic x", "Set-Cookie": "a=b", "X-Api-Key": "k", "Content-Type": "application/json"}
    masked = mask_headers(headers)
    assert set(masked.values()) == {"***", "application/json"}


def test_a_query_is_masked_like_a_body() -> None:
    assert mask_query({"cpf": "52998224725", "page": 1, "status": None}) == "cpf=***.982.247-**&page=1"


def test_personal_values_are_those_that_fields_name() -> None:
    assert set(personal_values({"name": "Maria", "id": "u1", "tags": [{"cpf": 529}]})) == {"Maria", "529"}
