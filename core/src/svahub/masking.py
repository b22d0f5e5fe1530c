"""Hides personal data and secrets wherever people or logs read: one table of field names, one pass over free text.

Pure functions. What is kept of a value (`***.982.247-**`) lets an attendant recognise it, not find the person.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HIDDEN = "***"


class Kind(Enum):
    """What a field holds, hence what of it may be shown."""

    SECRET = auto()
    DOCUMENT = auto()
    EMAIL = auto()
    PHONE = auto()
    NAME = auto()
    ADDRESS = auto()
    DATE = auto()


_TABLE: dict[Kind, str] = {
    Kind.SECRET: "secret "  # pragma: allowlist secret: the names of fields
    "password passwd senha token apikey privatekey authorization cookie login username usuario"
    " accessurl accesslink activationurl activationlink loginurl otp pin passcode cvv ccv cardnumber credentials",
    Kind.DOCUMENT: "document documento documentnumber cpf cnpj cpfcnpj taxid rg passport",
    Kind.EMAIL: "email mail emailaddress",
    Kind.PHONE: "phone phonenumber mobile mobilenumber celular telefone fone whatsapp msisdn",
    Kind.NAME: "name nome fullname surname sobrenome razaosocial nickname",
    Kind.ADDRESS: "address addresses endereco street logradouro addressnumber complement complemento district bairro"
    " neighborhood postalcode zipcode cep",
    Kind.DATE: "birthdate birthday dateofbirth datanascimento nascimento",
}
FIELDS: dict[str, Kind] = {field: kind for kind, fields in _TABLE.items() for field in fields.split()}
"""Every field that is masked, in lower case without separators."""

_SHORTEST_ENDING = 4
_ENDINGS = sorted((f for f in FIELDS if len(f) >= _SHORTEST_ENDING or f == "cpf"), key=len, reverse=True)
_SEPARATORS = str.maketrans("", "", "_-. ")


@lru_cache(maxsize=4096)
def kind_of(field: str) -> Kind | None:
    """Return what a field holds by its name or its name's ending (`customer_document`, `accessToken`, `phones`)."""
    name = field.lower().translate(_SEPARATORS)
    for candidate in (name, name.removesuffix("s")):
        if candidate in FIELDS:
            return FIELDS[candidate]
        if ending := next((known for known in _ENDINGS if candidate.endswith(known)), None):
            return FIELDS[ending]
    return None


_PUNCTUATION = str.maketrans("", "", ".-/ ")


def mask_document(value: str) -> str:
    """Mask a CPF as `***.982.247-**` and a CNPJ as `**.222.333/****-**`; anything else disappears."""
    bare = value.translate(_PUNCTUATION)
    if len(bare) == 11 and bare.isdigit():
        return f"***.{bare[3:6]}.{bare[6:9]}-**"
    if len(bare) == 14 and bare.isalnum():
        return f"**.{bare[2:5]}.{bare[5:8]}/****-**"
    return HIDDEN


def mask_email(value: str) -> str:
    """Mask an e-mail address as `m***@example.com`."""
    local, at, domain = value.replace("%40", "@").rpartition("@")
    return f"{local[0]}{HIDDEN}@{domain}" if at and local else HIDDEN


def mask_phone(value: str) -> str:
    """Mask a Brazilian phone as `+55 11 *****-4321`; of any other only the last two digits stay."""
    digits = "".join(c for c in value if c.isdigit())
    national = digits.removeprefix("55") if len(digits) > 11 else digits
    if len(national) in {10, 11}:
        return f"+55 {national[:2]} {'*' * (len(national) - 6)}-{national[-4:]}"
    return HIDDEN + digits[-2:] if len(digits) > 6 else HIDDEN


def mask_name(value: str) -> str:
    """Mask a name to the first letter of each word: `M*** S***`."""
    return " ".join(word[0] + HIDDEN for word in value.split()) or HIDDEN


def clean(text: str) -> str:
    """Return text that every database and terminal takes: no NUL, no half of a surrogate pair."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")


def _hidden(_: str) -> str:
    return HIDDEN


_MASKS: dict[Kind, Callable[[str], str]] = {
    Kind.SECRET: _hidden,
    Kind.DOCUMENT: mask_document,
    Kind.EMAIL: mask_email,
    Kind.PHONE: mask_phone,
    Kind.NAME: mask_name,
    Kind.ADDRESS: _hidden,
    Kind.DATE: _hidden,
}

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_SUSPECT = re.compile(r"[@%=:\s]|\d{3}|[0-9A-Z]{12}|[0-9A-Za-z]{2}\.[0-9A-Za-z]{3}\.")
_PERSONAL = re.compile(
    r"""
      (?P<scheme> \b (?:bearer|basic) \s+ ) [\w.~+/=-]{8,}
    | (?P<field> \b [\w-]* (?:password|senha|secret|token|api[_-]?key|authorization) ["']? \s* [=:] \s* ["']? )
      (?: (?:bearer|basic) \s+ )? [^\s"'&,;}]+
    | (?P<email> [^\s@<>"(),:;]{1,64} (?:@|%40) \w [\w.-]* )
    | (?<![0-9A-Za-z]) (?:
        (?P<document>
            \d{3}\.\d{3}\.\d{3}-\d{2} | \d{11}
          | [0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2} | (?-i: [0-9A-Z]{12}\d{2} )
        )
      | (?P<phone> \+\d [\d\ ().-]{7,18} \d | (?:\(\d{2}\)|\d{2}) [\ .-]? \d{4,5} [\ .-]? \d{4} )
    ) (?![0-9A-Za-z])
    """,
    re.VERBOSE | re.IGNORECASE,
)


def _masked_match(found: re.Match[str]) -> str:
    if kept := found["scheme"] or found["field"]:
        return kept + HIDDEN
    if found["email"]:
        return mask_email(found[0])
    return mask_document(found[0]) if found["document"] else mask_phone(found[0])


def mask_text(text: str) -> str:
    """Mask each CPF, CNPJ, e-mail address, phone and credential that free text contains."""
    if not _SUSPECT.search(text) or _UUID.fullmatch(text):
        return text
    return _PERSONAL.sub(_masked_match, text)


def mask_json(value: Any, kind: Kind | None = None) -> Any:
    """Return a copy of parsed JSON, masked by the names of its fields; text in other fields as `mask_text` does.

    What lies below a masked field is masked like the field itself.
    """
    if isinstance(value, str):
        if kind is None:
            return mask_text(value)
        return _MASKS[kind](value) if value else value
    if isinstance(value, dict):
        return _mask_object(value, kind)
    if isinstance(value, list):
        return [mask_json(member, kind) for member in value]
    if value is None or isinstance(value, bool):
        return value
    return _mask_number(value, kind)


def _mask_object(value: dict[str, Any], kind: Kind | None) -> dict[str, Any]:
    masked = {}
    for field, member in value.items():
        shown, kind_by_name = _shown_field(field)
        masked[shown] = mask_json(member, kind or kind_by_name)
    return masked


@lru_cache(maxsize=1024)
def _shown_field(field: str) -> tuple[str, Kind | None]:
    return mask_text(field), kind_of(field)


def _mask_number(value: float, kind: Kind | None) -> object:
    text = str(value)
    masked = mask_text(text) if kind is None else _MASKS[kind](text)
    return value if masked == text else masked


def personal_values(value: Any, kind: Kind | None = None) -> Iterator[str]:
    """Yield the texts in parsed JSON that `mask_json` would hide because of their field."""
    if isinstance(value, dict):
        for field, member in value.items():
            yield from personal_values(member, kind or kind_of(field))
    elif isinstance(value, list):
        for member in value:
            yield from personal_values(member, kind)
    elif kind is not None and value is not None and not isinstance(value, bool):
        yield str(value)


_SECRET_HEADER = re.compile(r"auth|cookie|token|key|secret|password|signature|session", re.IGNORECASE)
_HARMLESS_HEADERS = frozenset(
    [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "host",
        "retry-after",
        "server",
        "transfer-encoding",
        "user-agent",
    ]
)


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Mask the headers that bear credentials, and personal data in all others."""
    return {
        name: value if name.lower() in _HARMLESS_HEADERS else _masked_header(name, value)
        for name, value in headers.items()
    }


def _masked_header(name: str, value: str) -> str:
    return HIDDEN if _SECRET_HEADER.search(name) else mask_text(value)


def mask_query(params: Mapping[str, object]) -> str:
    """Write query parameters as people read them, masked: `cpf=***.982.247-**&page=1`."""
    masked: dict[str, object] = mask_json({name: value for name, value in params.items() if value is not None})
    return "&".join(f"{name}={value}" for name, value in masked.items())
