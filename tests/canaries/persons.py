"""Made-up persons, and all the ways in which they and secrets may be written."""

from __future__ import annotations

import secrets
import string
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from stdnum.br import cnpj as cnpj_digits
from stdnum.br import cpf as cpf_digits


def digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def cpf() -> str:
    base = secrets.choice("123456789") + digits(8)
    check: str = cpf_digits.calc_check_digits(base) if hasattr(cpf_digits, "calc_check_digits") else _cpf_check(base)
    return base + check


def _cpf_check(base: str) -> str:
    return next(f"{n:02}" for n in range(100) if cpf_digits.is_valid(f"{base}{n:02}"))


def cnpj() -> str:
    base = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
    return base + str(cnpj_digits.calc_check_digits(base))


def word() -> str:
    return "".join(secrets.choice("bcdfghjklmnpqrstvwxz") for _ in range(9)).capitalize()


def birth_date() -> str:
    """Return one of many days: two persons hardly ever have the same."""
    return str(date(1900, 1, 1) + timedelta(days=secrets.randbelow(40_000)))


@dataclass
class Person:
    """A customer of whom nothing may be seen."""

    name: str = field(default_factory=lambda: f"{word()} {word()}")
    document: str = field(default_factory=cpf)
    email: str = field(default_factory=lambda: f"{word().lower()}@example.com")
    phone: str = field(default_factory=lambda: f"1191{digits(7)}")
    street: str = field(default_factory=lambda: f"Rua {word()}")
    birth_date: str = field(default_factory=birth_date)

    @property
    def marks(self) -> list[str]:
        d, p = self.document, self.phone
        written = (
            f"{d[:3]}.{d[3:6]}.{d[6:9]}-{d[9:]}" if len(d) == 11 else f"{d[:2]}.{d[2:5]}.{d[5:8]}/{d[8:12]}-{d[12:]}"
        )
        marks = [self.name, d, written, self.email, p, f"({p[:2]}) {p[2:7]}-{p[7:]}", self.street, self.birth_date]
        return [*marks, *(quote(mark, safe="") for mark in marks)]

    def level(self, contract: str, customer: str) -> dict[str, Any]:
        whole = {
            "id": customer, "name": self.name, "document": self.document, "email": self.email, "phone": self.phone,
            "birth_date": self.birth_date, "address": {"street": self.street, "number": "7"},
        }  # fmt: skip
        return {"contract_id": contract, "customer": whole, "items": [{"code": "1", "product_code": "TM"}]}


def marks_of_secret(secret: str) -> list[str]:
    return [secret, quote(secret, safe=""), b64encode(f"u:{secret}".encode()).decode()]
