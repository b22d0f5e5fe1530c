"""A boleto's bar code and the line that people type, with their check digits (FEBRABAN). Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import cycle

BANK, CURRENCY = "461", "9"
FACTOR_1000 = date(2025, 2, 22)
"""The due date whose factor is 1000, since the count began anew."""


def bar_code(value: Decimal, due: date, our_number: int) -> str:
    """Return the 44 digits of a boleto's bar code."""
    factor = 1000 + (due - FACTOR_1000).days % 9000
    rest = f"{factor:04d}{int(value * 100):010d}{our_number:025d}"
    return f"{BANK}{CURRENCY}{_modulo_11(BANK + CURRENCY + rest)}{rest}"


def typed_line(code: str) -> str:
    """Return the 47 digits that people type for a bar code."""
    bank, check, value, free = code[:4], code[4], code[5:19], code[19:]
    fields = (bank + free[:5], free[5:15], free[15:])
    return "".join(field + str(modulo_10(field)) for field in fields) + check + value


def modulo_10(digits: str) -> int:
    """Return a field's check digit."""
    products = (int(digit) * weight for digit, weight in zip(reversed(digits), cycle((2, 1)), strict=False))
    return -sum(product // 10 + product % 10 for product in products) % 10


def _modulo_11(digits: str) -> int:
    weighted = zip(reversed(digits), cycle(range(2, 10)), strict=False)
    check = 11 - sum(int(digit) * weight for digit, weight in weighted) % 11
    return 1 if check in {0, 10, 11} else check
