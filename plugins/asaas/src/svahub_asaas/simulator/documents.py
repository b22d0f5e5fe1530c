"""Which CPF and CNPJ Asaas takes: with or without punctuation, with the right check digits. Pure."""

from __future__ import annotations

import re

from svahub.testing import checks

PUNCTUATION = str.maketrans("", "", " .-/")


def bare(document: object, *, letters: bool) -> str | None:
    """Return the characters of a CPF or CNPJ, None if it is neither; `letters` lets a CNPJ have them."""
    if not isinstance(document, str):
        return None
    characters = document.translate(PUNCTUATION).upper()
    if checks.cpf(characters) or (checks.cnpj(characters) and (letters or characters.isdecimal())):
        return characters
    return None


def person_type(document: str) -> str:
    """Return what a document's holder is to Asaas."""
    return "FISICA" if len(document) == 11 else "JURIDICA"


def is_phone(text: str) -> bool:
    """Tell whether it is a Brazilian number with its area code, in national digits, not one digit repeated."""
    digits = re.sub(r"[ ().-]", "", text)
    return re.fullmatch(r"[1-9][0-9]{9,10}", digits) is not None and len(set(digits[2:])) > 1
