"""The text that a customer reads on a charge: a template with a closed set of names, filled in when the charge is made.

What a task keeps is the template, so that no personal data is kept with it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from string import Template
from typing import TYPE_CHECKING

from svahub import Task
from svahub.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LONGEST = 500
"""As many characters as Asaas takes."""
NAMES = {
    "name": "the customer's name",
    "first_name": "the first word of it",
    "contract": "the contract's id",
    "month": "the month that is charged, as 11/2026",
    "value": "the amount, as 49,90",
    "due_date": "the due date, as 10/11/2026",
}
DEFAULT = "Contrato $contract, $month"


def checked(template: str, names: Collection[str] = frozenset(NAMES)) -> str:
    """Return a template that can be filled in; Refused says which of `names` it may have."""
    parsed = Template(template)
    unknown = sorted(set(parsed.get_identifiers()) - set(names))
    if not parsed.is_valid() or unknown:
        wrong = f"${', $'.join(unknown)}" if unknown else "a lone $ (write $$)"
        raise Refused(f"The text cannot have {wrong}. It may have: {', '.join(f'${name}' for name in sorted(names))}.")
    if not template.strip():
        raise Refused("The text is empty: customers read it on their charge.")
    return template


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return the text, cut to what Asaas takes."""
    text = " ".join(substituted(template, values).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def substituted(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its names filled in; one that it should not have stays as it is."""
    return Template(template).safe_substitute(values)


def values_of(name: str, contract: str, month: str, value: Decimal, due: date) -> dict[str, str]:
    """Return what a template may name."""
    year, _, number = month.partition("-")
    return {
        "name": name,
        "first_name": name.split()[0] if name.split() else "",
        "contract": contract,
        "month": f"{number}/{year}",
        "value": f"{value:,.2f}".translate(str.maketrans(",.", ".,")),
        "due_date": f"{due:%d/%m/%Y}",
    }


def described(task: Task, due: date) -> str:
    """Return the text of the charge that a task asks for, with the date on which it is due."""
    asked = task.payload
    value = Decimal(asked["value"])
    name = task.account.customer.name if task.account else ""
    return filled(asked["template"], values_of(name, task.contract_id or "", asked["month"], value, due))
