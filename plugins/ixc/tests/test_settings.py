"""What a source at IXC may be set to."""

from __future__ import annotations

import secrets
from base64 import b64encode

import pytest
from pydantic import ValidationError
from svahub import HappenedKind, Trust
from svahub_ixc import IxcSettings

HASH = secrets.token_hex(32)
PLAIN = f"12:{HASH}"
ENCODED = b64encode(PLAIN.encode()).decode()


@pytest.mark.parametrize("token", [PLAIN, ENCODED, f" {PLAIN}\n"], ids=["as shown", "as base64", "with blanks"])
def test_a_token_is_taken_as_it_is_shown_and_as_base64(token: str) -> None:
    auth = IxcSettings(token=token).auth()
    assert (auth.username, auth.password.get_secret_value()) == ("12", HASH)


@pytest.mark.parametrize(
    "token",
    [HASH, f"12:{HASH[1:]}", f"x:{HASH}", b64encode(b"12:no").decode(), "não", "="],
    ids=["no user", "too short", "no number", "base64 of none", "no base64", "nothing"],
)
def test_what_is_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(ValidationError) as caught:
        IxcSettings(token=token)
    assert "64 hexadecimal digits" in str(caught.value)
    assert token not in str(caught.value) or len(token) < 4


def test_nothing_is_written_back_unasked() -> None:
    assert IxcSettings(token=PLAIN).wants() == frozenset()


def test_each_switch_asks_for_what_it_needs() -> None:
    account = {"branch": "1", "account": "2", "account_name": "Caixa", "kind": "D"}
    wants = {
        name: IxcSettings.model_validate({"token": PLAIN, name: True, "settlements": account}).wants()
        for name in ("write_notes", "write_logins", "write_licences", "write_settlements")
    }
    assert wants["write_settlements"] == {HappenedKind.PAID}
    assert HappenedKind.FAILED in wants["write_notes"]
    assert HappenedKind.CHANGED in wants["write_licences"] & wants["write_logins"]


def test_settlements_need_an_account() -> None:
    with pytest.raises(ValidationError, match=r"settlements\.branch"):
        IxcSettings(token=PLAIN, write_settlements=True)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="no such zone"):
        IxcSettings(token=PLAIN, zone="Brazil/Nowhere")


def test_whose_certificates_are_trusted_is_set() -> None:
    settings = IxcSettings(token=PLAIN, ca_file="ca.pem", certificate_sha256="ab")
    assert (settings.trust(), IxcSettings(token=PLAIN).trust()) == (Trust("ca.pem", "ab"), Trust())


def test_what_is_given_as_text_is_read() -> None:
    settings = IxcSettings.model_validate(
        {"token": PLAIN, "products": '{"2": "TELE"}', "licence_columns": {"code": "c"}}
    )
    assert (settings.products, settings.licence_columns.code) == ({"2": "TELE"}, "c")
