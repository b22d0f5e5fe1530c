"""Brazilian values: what is valid, the one form that svahub keeps, and how people write it. Masking is elsewhere.

Every function that takes text raises ValueError with a sentence for people that never repeats the value: it may be
personal data.
The libraries behind phone and e-mail are imported on first use: together they cost 100 ms of start.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stdnum.br import cnpj as _stdnum_cnpj
from stdnum.br import cpf as _stdnum_cpf

from svahub.models import DocumentKind

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

ZONE = ZoneInfo("America/Sao_Paulo")
CENT = Decimal("0.01")
HIGHEST_AMOUNT = Decimal("9999999999.99")

_PUNCTUATION = str.maketrans("", "", " .-/")
_CPF = re.compile(r"[0-9]{11}")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CEP = re.compile(r"[0-9]{8}")
_SCIENTIFIC = re.compile(r"[0-9]+([.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_PHONE = re.compile(r"\(?\+?[0-9 ().-]{8,30}")
_PHONE_PUNCTUATION = str.maketrans("", "", " ().-")
_WITH_AREA_CODE = re.compile(r"[1-9][0-9]{9,10}")
_PLAIN_LOCAL_PART = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}")
_UNGROUPED = re.compile(r"-?[0-9]{1,15}(?:[.,][0-9]{1,2})?")
_MANY_PLACES = re.compile(r"-?[0-9.]*[.,][0-9]{3,}")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_BRAZILIAN_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_INSTANT = re.compile(
    r"([0-9/-]{10})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def cpf(text: str) -> str:
    """Return the eleven digits of a valid CPF."""
    digits = _bare(text)
    if not _CPF.fullmatch(digits):
        raise ValueError(_wrong_form(digits, "a CPF has 11 digits", short={8, 9, 10}))
    if len(set(digits)) == 1 or not _stdnum_cpf.is_valid(digits):
        raise ValueError("the check digits of the CPF are wrong")
    return digits


def cnpj(text: str) -> str:
    """Return the fourteen characters of a valid CNPJ, upper case; letters are allowed since July 2026."""
    characters = _bare(text)
    if not _CNPJ.fullmatch(characters):
        raise ValueError(_wrong_form(characters, "a CNPJ has 12 letters or digits and 2 digits", short={12, 13}))
    if len(set(characters)) == 1 or not _stdnum_cnpj.is_valid(characters):
        raise ValueError("the check digits of the CNPJ are wrong")
    return characters


def document(text: str) -> tuple[DocumentKind, str]:
    """Return the kind and the bare characters of a CPF or CNPJ."""
    characters = _bare(text)
    if len(characters) == 11:
        return DocumentKind.CPF, cpf(characters)
    if len(characters) == 14:
        return DocumentKind.CNPJ, cnpj(characters)
    rule = "a document is a CPF of 11 digits or a CNPJ of 14 characters"
    raise ValueError(_wrong_form(characters, rule, short={8, 9, 10, 12, 13}))


def is_document(text: str) -> bool:
    """Say whether a text is a CPF or CNPJ."""
    try:
        document(text)
    except ValueError:
        return False
    return True


def phone(text: str) -> str:
    """Return a Brazilian mobile or fixed line in E.164; 0800 and 4004 take no messages and are refused."""
    import phonenumbers

    written = text.strip()
    if not _PHONE.fullmatch(written):
        raise ValueError("a phone number is written with digits and + ( ) - . only")
    number = _phone_number(written.translate(_PHONE_PUNCTUATION).removeprefix("+55"))
    _check_line(number.country_code, phonenumbers.number_type(number))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def cep(text: str) -> str:
    """Return the eight digits of a CEP (postal code)."""
    digits = _bare(text)
    if not _CEP.fullmatch(digits):
        raise ValueError(_wrong_form(digits, "a CEP has 8 digits", short={7}))
    if digits == "00000000":
        raise ValueError("a CEP is not made of zeros only")
    return digits


def email(text: str) -> str:
    """Return the normalised e-mail address; its domain is not looked up."""
    stripped = text.strip()
    local, at, domain = stripped.rpartition("@")
    if at and len(stripped) <= 254 and _PLAIN_LOCAL_PART.fullmatch(local):
        return f"{local}@{_email_domain(domain)}"
    return _normalized_email(stripped)


def money(amount: str | float | Decimal) -> Decimal:
    """Return an amount in BRL with two places, from a number, "1.234,56", "1234,56" or "1234.56"; never rounded."""
    exact = _written_amount(amount) if isinstance(amount, str) else Decimal(str(amount))
    if not exact.is_finite() or exact > HIGHEST_AMOUNT:
        raise ValueError("an amount is below ten billion")
    if exact < 0:
        raise ValueError("an amount cannot be negative")
    cents = exact.quantize(CENT)
    if cents != exact:
        raise ValueError("an amount has at most two decimal places")
    return cents.copy_abs()


def date_of(text: str) -> date:
    """Return the date written as 2026-12-31 or 31/12/2026."""
    stripped = text.strip()
    if iso := _ISO_DATE.fullmatch(stripped):
        year, month, day = iso.groups()
    elif brazilian := _BRAZILIAN_DATE.fullmatch(stripped):
        day, month, year = brazilian.groups()
    else:
        raise ValueError("a date is written as 2026-12-31 or 31/12/2026")
    return _calendar_day(int(year), int(month), int(day))


def instant_of(text: str) -> datetime:
    """Return the instant, in UTC, of a date with a time; without an offset it is the time in Sao Paulo."""
    parts = _INSTANT.fullmatch(text.strip())
    if not parts:
        raise ValueError("an instant is written as 2026-12-31T14:30:00-03:00 or 31/12/2026 14:30")
    day, time, offset = parts.groups()
    written = f"{date_of(day).isoformat()}T{time}{offset or ''}"
    try:
        instant = datetime.fromisoformat(written)
        return (instant if instant.tzinfo else instant.replace(tzinfo=ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such time") from None


def _bare(text: str) -> str:
    """Remove the punctuation; only then upper-case, because some foreign letters become ASCII by that."""
    stripped = text.strip()
    if not stripped.isascii():
        raise ValueError("only the digits 0-9, the letters A-Z and . - / are allowed")
    if _SCIENTIFIC.fullmatch(stripped) and "+" in stripped:
        raise ValueError(
            "a spreadsheet has rounded this to a short number; format the column as text and export it anew"
        )
    return stripped.translate(_PUNCTUATION).upper()


def _wrong_form(characters: str, rule: str, short: set[int]) -> str:
    if characters.isdigit() and len(characters) in short:
        return (
            f"{rule}, here are {len(characters)}; "
            "a spreadsheet may have dropped leading zeros: format the column as text and export it anew"
        )
    return rule


@lru_cache(maxsize=1024)
def _email_domain(domain: str) -> str:
    """Customers share few domains, and checking one is most of the cost of checking an address."""
    return _normalized_email(f"a@{domain}").removeprefix("a@")


def _normalized_email(address: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False, strict=True).normalized
    except EmailNotValidError:
        raise ValueError("this is not an e-mail address") from None


def _phone_number(digits: str) -> PhoneNumber:
    """Parsing is most of the cost, and an area code with a number leaves nothing to parse."""
    import phonenumbers

    if _WITH_AREA_CODE.fullmatch(digits):
        return phonenumbers.PhoneNumber(country_code=55, national_number=int(digits))
    try:
        return phonenumbers.parse(digits, "BR")
    except phonenumbers.NumberParseException:
        raise ValueError("this is not a phone number") from None


def _check_line(country_code: int | None, line: int) -> None:
    from phonenumbers import PhoneNumberType

    if country_code != 55:
        raise ValueError("this is not a Brazilian phone number")
    if line == PhoneNumberType.UNKNOWN:
        raise ValueError("a phone number has an area code and 8 digits, a mobile 9")
    if line not in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        raise ValueError("a customer's phone is a mobile or a fixed line, not a service number such as 0800 or 4004")


def _written_amount(text: str) -> Decimal:
    bare = text.strip().removeprefix("R$").strip()
    if _GROUPED.fullmatch(bare):
        return Decimal(bare.replace(".", "").replace(",", "."))
    if _UNGROUPED.fullmatch(bare):
        return Decimal(bare.replace(",", "."))
    if _MANY_PLACES.fullmatch(bare):
        raise ValueError("an amount has at most two decimal places; thousands are written with their cents: 1.234,00")
    raise ValueError("an amount is written as 1234.56, 1234,56 or 1.234,56")


def _calendar_day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("there is no such day in the calendar") from None


def reais(value: Decimal) -> str:
    """Return an amount as Brazilians write it."""
    return "R$ " + f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
