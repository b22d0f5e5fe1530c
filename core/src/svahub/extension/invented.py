"""People who do not exist, for acts of `svahub demo`, tests and benchmarks: the same number is the same person."""

from __future__ import annotations

NAMES = ("Ana", "Bento", "Clara", "Davi", "Elisa", "Fábio", "Gabi", "Hugo", "Iara", "João", "Lia", "Mário")


def person(number: int) -> dict[str, str]:
    """Return a customer as contract files have them."""
    return {"id": f"P{number:02}", "name": f"{NAMES[number % len(NAMES)]} da Silva", "document": cpf(number)}


def cpf(number: int) -> str:
    """Return a CPF with its two check digits, another one for each number below 900 million."""
    digits = [int(digit) for digit in f"{100_000_000 + number}"]
    for weight in (10, 11):
        total = sum(digit * by for digit, by in zip(digits, range(weight, 1, -1), strict=True))
        digits.append(total * 10 % 11 % 10)
    return "".join(map(str, digits))
