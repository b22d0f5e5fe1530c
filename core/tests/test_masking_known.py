"""What is hidden because it is known, and what free text may not keep whatever stands around it."""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64encode
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.br import cnpj as cnpj_digits
from svahub import literals
from svahub.exchange import recording, shown_body
from svahub.literals import about, remember, remember_token
from svahub.masking import (
    SENSITIVE,
    integration_label,
    kind_of,
    mask_actor,
    mask_headers,
    mask_json,
    mask_sentence,
    mask_text,
)
from svahub.models import Address, Customer, DocumentKind

if TYPE_CHECKING:
    from collections.abc import Callable

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def cpf_of(digits: str) -> str:
    """Append the check digits, by the rule that Receita Federal publishes."""
    for length in (9, 10):
        rest = sum(int(d) * w for d, w in zip(digits, range(length + 1, 1, -1), strict=True)) * 10 % 11 % 10
        digits += str(rest)
    return digits


cpfs = st.text("0123456789", min_size=9, max_size=9).filter(lambda d: len(set(d)) > 1).map(cpf_of)
cnpjs = st.text(LETTERS, min_size=12, max_size=12).map(lambda base: base + cnpj_digits.calc_check_digits(base))
written_cpfs = cpfs.flatmap(
    lambda c: st.sampled_from(
        [c, f"{c[:3]}.{c[3:6]}.{c[6:9]}-{c[9:]}", f"{c[:9]}-{c[9:]}", f"{c[:3]} {c[3:6]} {c[6:9]} {c[9:]}"]
    )
)  # fmt: skip
written_cnpjs = cnpjs.map(lambda c: f"{c[:2]}.{c[2:5]}.{c[5:8]}/{c[8:12]}-{c[12:]}")
mobiles = st.builds("{}9{:08}".format, st.integers(11, 99), st.integers(0, 99_999_999))
written_phones = mobiles.flatmap(
    lambda p: st.sampled_from([f"+55{p}", f"({p[:2]}) {p[2:7]}-{p[7:]}", f"+55 {p[:2]} {p[2:7]}-{p[7:]}"])
)
emails = st.from_regex(r"[a-z][a-z0-9._+-]{1,20}[a-z0-9]@example\.com", fullmatch=True)
no_digit = st.text(max_size=30).filter(lambda text: not any(c.isdigit() for c in text[-1:] + text[:1]))
no_letter = no_digit.filter(lambda text: not any(c.isalnum() for c in text[-1:] + text[:1]))
token = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$&/'\"\\ãç", min_size=8, max_size=40)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "_secrets", literals.Secrets())


@given(no_digit, written_cpfs, no_digit)
def test_a_valid_cpf_is_hidden_in_any_text(before: str, value: str, after: str) -> None:
    assert value not in mask_text(before + value + after)


@given(no_digit, written_cnpjs, no_digit)
def test_a_valid_cnpj_is_hidden_in_any_text(before: str, value: str, after: str) -> None:
    assert value not in mask_text(before + value + after)


@given(no_letter, cnpjs, no_letter, st.booleans())
def test_a_bare_cnpj_is_hidden_where_it_stands_alone(before: str, value: str, after: str, lower: bool) -> None:
    written = value.lower() if lower else value
    assert written not in mask_text(before + written + after)


@given(no_digit, written_phones, no_digit)
def test_a_written_phone_is_hidden_in_any_text(before: str, value: str, after: str) -> None:
    assert value not in mask_text(before + value + after)


@given(st.text(max_size=30), emails, st.text(max_size=30))
def test_an_email_is_hidden_in_any_text(before: str, value: str, after: str) -> None:
    assert value not in mask_text(before + value + after)


@given(st.sampled_from(["52998224725", "12.ABC.345/01DE-35", "maria@example.com", "+5511987654321"]))
def test_percent_encoding_hides_nothing_from_the_mask(value: str) -> None:
    shown = mask_text(f"/find?q={quote(value, safe='')}&page=1")
    assert value not in shown
    assert quote(value, safe="") not in shown


pieces = st.one_of(
    st.text(max_size=12), written_cpfs, written_cnpjs, written_phones, emails, mobiles, st.uuids().map(str),
    st.sampled_from(["token=", "password: ", "Bearer ", "Basic ", "%40", "%2540", "@", "***", " ", '"', "'", "&", "="]),
)  # fmt: skip


@given(st.lists(pieces, max_size=8).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


@given(st.lists(pieces, max_size=8).map("".join))
def test_masked_text_is_not_much_longer(text: str) -> None:
    assert len(mask_text(text)) <= 4 * len(text) + 3


@given(token)
def test_a_known_secret_is_hidden_however_it_is_written(secret: str) -> None:
    remember(secret)
    basic = b64encode(f"user:{secret}".encode()).decode()
    for written in (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assert written not in mask_text(f"echo <{written}>")
    assert basic not in mask_text(f"echo <{basic}>")
    assert secret not in json.dumps(mask_json({"message": f"no {secret}", secret: [1]}), ensure_ascii=False)


def test_a_secret_in_the_middle_of_base64_is_hidden() -> None:
    secret = remember(secrets.token_urlsafe(16))
    for before in ("", "a", "ab", "abc", "user:"):
        written = b64encode(f"{before}{secret} and more".encode()).decode()
        assert written[8:20] not in mask_text(f"got {written}")


def test_a_secret_that_is_a_reference_or_a_number_is_hidden() -> None:
    key, number = remember("0b9f0b2c-7a53-4b7f-9f3e-0a1b2c3d4e5f"), remember("84736251")
    assert mask_json({"a": key, "b": int(number)}) == {"a": "***", "b": "***"}


def test_a_short_secret_is_hidden_only_where_it_stands_alone() -> None:
    remember("tele")
    assert mask_text("telephone: tele!") == "telephone: ***!"


def test_what_a_call_is_about_is_hidden_in_free_text() -> None:
    address = Address(street="Rua das Laranjeiras")
    born = date(1990, 5, 17)
    maria = Customer("1", "Maria Inventada", "52998224725", DocumentKind.CPF, birth_date=born, address=address)
    body = b'{"message": "MARIA INVENTADA (17/05/1990), Rua das Laranjeiras 5, is blocked", "plan": "Anual"}'
    with recording(("a", 1), maria):
        shown = shown_body(body) or ""
    assert ["maria" in shown.lower(), "1990" in shown, "Laranjeiras" in shown, "Anual" in shown] == [
        False, False, False, True,
    ]  # fmt: skip
    assert "MARIA" in (shown_body(body) or "")


def test_a_name_is_no_part_of_a_word() -> None:
    with about("Anna"):
        assert mask_text("Annapolis, anna") == "Annapolis, ***"


def test_json_in_a_text_is_masked_by_its_fields() -> None:
    inner = json.dumps({"nome": "Maria Inventada", "status": "ACTIVE"})
    assert mask_json({"detail": inner}) == {"detail": '{"nome":"M*** I***","status":"ACTIVE"}'}


@pytest.mark.parametrize(
    "field", ["nomeTitular", "cpf_do_cliente", "telefoneCelular", "enderecoCobranca", "senhaAtual"]
)
def test_portuguese_puts_the_noun_first(field: str) -> None:
    assert kind_of(field) is not None


def test_the_query_of_a_header_is_masked_by_its_fields() -> None:
    masked = mask_headers({"Location": "https://example.com/u?nome=Maria+Inventada&cpf=52998224725&page=1"})
    assert masked == {"Location": "https://example.com/u?nome=M*** I***&cpf=***.982.247-**&page=1"}


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("No contract '1234567890'.", "No contract '1234567890'."),
        ("No contract '52998224725'.", "No contract '***.982.247-**'."),
        ("Give it as --secret password=env:VAR.", "Give it as --secret password=env:VAR."),
        ("maria@example.com is no name", "m***@example.com is no name"),
    ],
)
def test_a_sentence_keeps_its_own_words(sentence: str, shown: str) -> None:
    assert mask_sentence(sentence) == shown


@pytest.mark.parametrize(
    ("actor", "shown"), [("ana@isp.example", "ana@isp.example"), ("ana 529.982.247-25", "ana ***.982.247-**")]
)
def test_who_acts_stays_known_without_a_document(actor: str, shown: str) -> None:
    assert mask_actor(actor) == shown


@pytest.mark.parametrize(("sensitive", "label"), [(True, SENSITIVE), (False, "cameras")])
def test_a_sensitive_integration_is_not_named(sensitive: bool, label: str) -> None:
    assert integration_label("cameras", sensitive=sensitive) == label


@pytest.mark.parametrize("mask", [mask_text, mask_sentence, mask_actor])
def test_a_long_text_is_masked_in_a_moment(mask: Callable[[str], str]) -> None:
    for text in ("a" * 100_000 + "@", "a-" * 50_000, "1" * 100_000, "1 " * 50_000, "%41" * 20_000):
        mask(text)


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_renewed_tokens_leave_what_is_configured_and_other_owners_tokens_known() -> None:
    password, header, other = (remember(secrets.token_urlsafe(12)) for _ in range(3))
    remember_token("quiet", other_token := secrets.token_urlsafe(40))
    tokens = [secrets.token_urlsafe(40) for _ in range(600)]
    for token in tokens:
        remember_token("busy", token)
    for secret in (password, header, other, other_token, *tokens[-2:]):
        assert secret not in mask_text(f"echo {secret}")
    assert literals.without_secrets(tokens[0]) == tokens[0]


def test_an_old_token_that_is_also_configured_stays_hidden() -> None:
    secret = remember(secrets.token_urlsafe(12))
    for token in (secret, *(secrets.token_urlsafe(12) for _ in range(3))):
        remember_token("one", token)
    assert secret not in mask_text(f"echo {secret}")


def test_many_long_tokens_are_remembered_in_a_moment() -> None:
    started = time.process_time()
    for owner in range(500):
        remember_token(str(owner), secrets.token_urlsafe(640))
    assert time.process_time() - started < 5


@given(st.text(max_size=20), token, st.text(max_size=20))
def test_a_known_secret_is_found_at_any_offset(before: str, secret: str, after: str) -> None:
    remember(secret)
    assert secret not in literals.without_secrets(before + secret + after)


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cliente JOSE DA CONCEICAO ja existe", "cliente *** ja existe"),
        ("cliente JOSÉ DA CONCEIÇÃO existe", "cliente *** existe"),
        ("Olá José, bem-vindo", "Olá ***, bem-vindo"),
        ("Ola\u0301 Jose\u0301!", "Ola\u0301 ***!"),
        ("ﬁm: Conceicao, José", "ﬁm: ***, ***"),
        ("Josefina e a autoconceição", "Josefina e a autoconceição"),
    ],
)
@pytest.mark.parametrize("name", ["José da Conceição", "JOSE\u0301 DA CONCEIC\u0327A\u0303O", "jose da conceicao"])
def test_a_name_is_hidden_however_it_is_written(name: str, text: str, shown: str) -> None:
    with about(name):
        assert mask_text(text) == shown


def test_words_of_what_is_no_name_stay() -> None:
    with about("plano@example.com", "Casa 12"):
        assert mask_text("plano da casa") == "plano da casa"


@given(st.text(max_size=30), st.text(max_size=30))
def test_hiding_a_name_leaves_what_stands_beside_it(before: str, after: str) -> None:
    with about("Conceição"):
        assert literals.without_persons(f"{before} CONCEIÇÃO {after}") == f"{before} *** {after}"


# -- what one pass leaves ----------------------------------------------------------------------------------------------


def test_an_address_glued_to_another_is_hidden() -> None:
    assert "ana@example" not in mask_text("bia@example.com+ana@example.com")


def test_a_cpf_is_hidden_behind_what_might_have_been_a_cnpj() -> None:
    assert mask_text("A000000000a000.000.001-91") == "A000000000a***.000.001-**"


@pytest.mark.parametrize("mask", [mask_text, mask_sentence, mask_actor])
@pytest.mark.parametrize("before", ["00a", "1BA", "a-00a", "A000a"])
@pytest.mark.parametrize("value", ["00000000191", "000000001-91", "000 000 001-91", "000.000.001-91"])
def test_a_cpf_is_hidden_where_it_lies_in_what_is_as_long_as_a_cnpj(
    mask: Callable[[str], str], before: str, value: str
) -> None:
    assert value not in mask(f":{before}{value}")
