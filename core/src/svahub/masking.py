"""Hides personal data and secrets wherever people or logs read: one table of field names, one pass over free text.

What is kept of a value (`***.982.247-**`) lets an attendant recognise it, not find the person. Text is masked by what
it looks like; what looks like nothing (a password, a name) is hidden where `literals` knows it.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from pydantic_core import from_json, to_json

from svahub import brazil, literals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HIDDEN = literals.HIDDEN
SENSITIVE = "sensitive"
"""What stands for an integration whose name would tell that a person uses, say, a health service."""


def integration_label(name: str, *, sensitive: bool) -> str:
    """Return how an integration is called in logs and metrics, where a line may be about one person."""
    return SENSITIVE if sensitive else name


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
    Kind.NAME: "name nome fullname surname sobrenome razaosocial nickname razao fantasia",
    Kind.ADDRESS: "address addresses endereco street logradouro addressnumber complement complemento district bairro"
    " neighborhood postalcode zipcode cep city cidade municipio",
    Kind.DATE: "birthdate birthday dateofbirth datanascimento nascimento",
}
FIELDS: dict[str, Kind] = {field: kind for kind, fields in _TABLE.items() for field in fields.split()}
"""Every field that is masked, in lower case without separators."""

_SHORTEST_ENDING = 4
_ENDINGS = sorted((f for f in FIELDS if len(f) >= _SHORTEST_ENDING or f == "cpf"), key=len, reverse=True)
_SEPARATORS = str.maketrans("", "", "_-. ")
_NOUN_FIRST = frozenset(
    ["senha", "cpf", "cnpj", "documento", "telefone", "celular", "nome", "sobrenome", "endereco", "logradouro"]
)
_FIRST_WORD = re.compile(r"[^A-Za-z]*([A-Z]?[a-z]+|[A-Z]+)")


@lru_cache(maxsize=4096)
def kind_of(field: str) -> Kind | None:
    """Return what a field holds by its name or its name's ending (`customer_document`, `accessToken`, `phones`).

    Portuguese puts the noun first: `nomeTitular`, `cpf_do_cliente`.
    """
    if (first := _FIRST_WORD.match(field)) and (noun := first[1].lower()) in _NOUN_FIRST:
        return FIELDS[noun]
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
    local, at, domain = value.rpartition("@")
    return f"{local[0]}{HIDDEN}@{domain}" if at and local else HIDDEN


def mask_phone(value: str) -> str:
    """Mask a Brazilian phone as `+55 11 *****-4321`; of any other only the last two digits stay."""
    digits = "".join(c for c in value if c.isdigit())
    national = digits.removeprefix("55") if len(digits) > 11 else digits
    if len(national) in {10, 11}:
        return f"+55 {national[:2]} {'*' * (len(national) - 6)}-{national[-4:]}"
    return HIDDEN + digits[-2:] if len(digits) > 6 else HIDDEN


def mask_ip(value: str) -> str:
    """Mask an IPv4 address as `203.0.***` and an IPv6 one as `2001:db8:***`."""
    between = ":" if ":" in value else "."
    return between.join([*value.split(between)[:2], HIDDEN])


def mask_consent(consent: dict[str, Any] | None) -> dict[str, Any] | None:
    """Mask from where the customer agreed, in a proof of consent as it is kept."""
    return {**consent, "ip": mask_ip(consent["ip"])} if consent and consent.get("ip") else consent


def mask_name(value: str) -> str:
    """Mask a name to the first letter of each word: `M*** S***`."""
    return " ".join(word[0] + HIDDEN for word in value.split()) or HIDDEN


def clean(text: str) -> str:
    """Return text that every database and terminal takes: no NUL, no half of a surrogate pair."""
    if text.isascii() and "\0" not in text:  # nearly every text that is kept, at a tenth of the cost
        return text
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

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_IS_UUID = re.compile(_UUID, re.IGNORECASE)
_SUSPECT = re.compile(r"[@%]|\d{3}|\+\d|[^\W_]{12}\d\d|/[^\W_]{4}-?\d\d")
_SCHEMES = ("bearer", "basic")
_FIELD_WORDS = ("password", "senha", "secret", "token", "api", "authorization")
_EMAIL = re.compile(
    r"""(?P<email> (?<! [^\s@<>"(),:;&}=?/'[] ) [^\s@<>"(),:;&}=?/'[]
        (?: [^\s@<>"(),:;&}=?/[]* @ \w [\w.-]* )+ )""",
    re.VERBOSE,
)
_CREDENTIALS = r"""
      (?P<scheme> \b (?:bearer|basic) \s+ ) [\w.~+/=-]{8,}
    | (?P<field> (?<![\w-]) [\w-]*? (?:password|senha|secret|token|api[_-]?key|authorization) ["']? \s* [=:] \s* ["']? )
      (?: (?:bearer|basic) \s+ )? [^\s"'&,;}]+
"""
_UUID_APART = rf"(?P<uuid> (?<![0-9a-z]) {_UUID} (?![0-9a-z]) )"
_WRITTEN_CPF = r"""
        \d{3}\.\d{3}\.\d{3} [-.]? \d{2}
      | (?<!\d) \d{3} (?: \ \d{3}\ \d{3}[-\ ] | \d{6}- ) \d{2} (?!\d)
"""
_CPFS = re.compile(rf"(?P<document> {_WRITTEN_CPF} ) | (?P<number> (?<!\d) \d{{11}} (?!\d) )", re.VERBOSE)
"""What may begin within a word that is as long as a CNPJ and none."""
_NUMBERS = (
    rf"(?P<document> {_WRITTEN_CPF}"
    + r"""
      | [0-9A-Z]{2} \.[0-9A-Z]{3} \.[0-9A-Z]{3} /[0-9A-Z]{4} -?\d{2}
      | (?<![0-9A-Z]) [0-9A-Z]{8} /[0-9A-Z]{4} -\d{2} (?!\d)
      | (?<![0-9A-Z]) (?: \d{11} | (?-i: [0-9A-Z]{12}\d{2} ) ) (?![0-9A-Z])
      )
    | (?P<number> (?<!\d) (?: \d{14} | \d{11} ) (?!\d)
      | (?<![0-9A-Z]) [0-9A-Z]{12}\d{2} (?![0-9A-Z])
      )
    | (?P<phone>
        \+\d [\d\ ().-]{7,18} \d (?!\d)
      | \(\d{2}\) [\ .-]? \d{4,5} [\ .-]? \d{4} (?!\d)
      | (?<![0-9A-Z]) \d{2} [\ .-]? \d{4,5} [\ .-]? \d{4} (?![0-9A-Z])
      )
"""
)
_LOOKS = re.compile(f"{_UUID_APART} | {_NUMBERS}", re.VERBOSE | re.IGNORECASE)
_LOOKS_AND_CREDENTIALS = re.compile(f"{_UUID_APART} | {_CREDENTIALS} | {_NUMBERS}", re.VERBOSE | re.IGNORECASE)
_BETWEEN = frozenset(["", *" \t\r\n\"'(),;:<>[]{}&?"])
"""What may stand beside a match without being part of another."""


def _masked_match(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "scheme" | "field" as group:
            return found[group] + HIDDEN
        case "email":
            return mask_email(found[0])
        case "document":
            return mask_document(found[0])
        case "number":  # it touches a word: more than its look has to tell
            return mask_document(found[0]) if brazil.is_document(found[0]) else found[0]
        case "phone":
            return mask_phone(found[0])
    return found[0]


def _masked_in_sentence(found: re.Match[str]) -> str:
    """Mask what is surely personal: a sentence of ours names ids that look like phones, and `password=env:NAME`."""
    text = found[0]
    surely = {"email": True, "document": not text.isalnum() or brazil.is_document(text), "phone": text[0] in "+("}
    return _masked_match(found) if surely.get(found.lastgroup or "", found.lastgroup == "number") else text


def mask_text(text: str) -> str:
    """Mask each CPF, CNPJ, e-mail address, phone, credential and known secret that free text contains.

    What is percent-encoded and has to be masked is shown decoded.
    """
    return literals.without_persons(_mask_text(text))


def _mask_text(text: str) -> str:
    text = literals.without_secrets(text)
    if not (_SUSPECT.search(text) or _names_credential(text)) or _IS_UUID.fullmatch(text):
        return text
    return _mask_looks(text, _masked_match)


def _names_credential(text: str) -> bool:
    folded = text.casefold()
    words = _SCHEMES + _FIELD_WORDS if "=" in folded or ":" in folded else _SCHEMES
    for word in words:  # noqa: SIM110  # any() takes thrice as long, and every text comes here
        if word in folded:
            return True
    return False


def mask_sentence(text: str) -> str:
    """Mask what a sentence of ours repeats of what somebody typed or a provider said, and keep its names and ids."""
    return literals.without_persons(_mask_looks(literals.without_secrets(text), _masked_in_sentence))


def mask_actor(text: str) -> str:
    """Mask what is personal in the name of who acts; an e-mail address stays, as it is whom the books answer for."""
    return _mask_looks(literals.without_secrets(text), _masked_but_email)


def _masked_but_email(found: re.Match[str]) -> str:
    return found[0] if found.lastgroup == "email" else _masked_in_sentence(found)


def mask_access(value: str | None) -> str | None:
    """Mask a login or an access address so that whoever has it recognises it: its first two characters stay."""
    return None if value is None else value[:2] + HIDDEN


def _mask_looks(text: str, mask: Callable[[re.Match[str]], str]) -> str:
    if "%" in text and (plain := unquote(text)) != text:
        masked = _mask_looks(literals.without_secrets(plain), mask)
        if masked != plain:
            return masked
    masked, bared = _masked_once(text, mask)
    if "@" in text:
        told, masked = masked, _EMAIL.sub(mask, masked)
        bared = bared or told not in {text, masked}
    return _mask_looks(masked, mask) if bared else masked


def _masked_once(text: str, mask: Callable[[re.Match[str]], str]) -> tuple[str, bool]:
    """Mask each match, and say whether what is hidden may have bared its neighbour."""
    parts, end, bared, looked_like_cnpj = [], 0, False, False
    for found in (_LOOKS_AND_CREDENTIALS if _names_credential(text) else _LOOKS).finditer(text):
        hidden = mask(found)
        if hidden != found[0]:
            parts += [text[end : found.start()], hidden]
            end = found.end()
            bared = bared or _may_bare(found, hidden)
        elif found.lastgroup in {"document", "number"}:
            looked_like_cnpj = True
    masked = "".join([*parts, text[end:]])
    return _CPFS.sub(mask, masked) if looked_like_cnpj else masked, bared


def _may_bare(found: re.Match[str], hidden: str) -> bool:
    text, start, end = found.string, found.start(), found.end()
    apart = text[start - 1 : start] in _BETWEEN and text[end : end + 1] in _BETWEEN
    return not apart or hidden[-1].isdigit()


def mask_json(value: Any, kind: Kind | None = None) -> Any:
    """Return a copy of parsed JSON, masked by the names of its fields; text in other fields as `mask_text` does.

    What lies below a masked field is masked like the field itself.
    """
    if isinstance(value, str):
        if kind is None:
            return _mask_nested(value) if value[:1] in {"{", "["} else _mask_text(value)
        return _MASKS[kind](value) if value else value
    if isinstance(value, dict):
        return _mask_object(value, kind)
    if isinstance(value, list):
        return [mask_json(member, kind) for member in value]
    if value is None or isinstance(value, bool):
        return value
    return _mask_number(value, kind)


def _mask_nested(text: str) -> str:
    """Mask JSON that a text holds, or what looks like it, by its fields."""
    try:
        value = from_json(text, allow_partial=True)
    except ValueError:
        return _mask_text(text)
    return to_json(mask_json(value)).decode()


def _mask_object(value: dict[str, Any], kind: Kind | None) -> dict[str, Any]:
    masked = {}
    for field, member in value.items():
        shown, kind_by_name = _shown_field(field)
        masked[shown] = mask_json(member, kind or kind_by_name)
    return masked


@lru_cache(maxsize=1024)
def _shown_field(field: str) -> tuple[str, Kind | None]:
    return _mask_text(field), kind_of(field)


literals.on_change(_shown_field.cache_clear)


def _mask_number(value: float, kind: Kind | None) -> object:
    text = str(value)
    masked = _mask_text(text) if kind is None else _MASKS[kind](text)
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
    if _SECRET_HEADER.search(name):
        return HIDDEN
    address, question, query = value.partition("?")
    return mask_text(address) + (question and question + mask_query(dict(parse_qsl(query, keep_blank_values=True))))


def mask_query(params: Mapping[str, object]) -> str:
    """Write query parameters as people read them, masked: `cpf=***.982.247-**&page=1`."""
    masked: dict[str, object] = mask_json({name: value for name, value in params.items() if value is not None})
    return literals.without_persons("&".join(f"{name}={value}" for name, value in masked.items()))
