"""The ISP's texts: what is read on a charge, and what its greetings say; each integration has its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.errors import UnknownName

from svahub_asaas.charges.text import DEFAULT, NAMES, checked
from svahub_asaas.mail.letters import BIRTHDAY_SUBJECT, BIRTHDAY_TEXT
from svahub_asaas.store import texts as store

if TYPE_CHECKING:
    from svahub.hub import TenantHub

DEFAULTS = {"charge": DEFAULT, "birthday": BIRTHDAY_TEXT, "birthday-subject": BIRTHDAY_SUBJECT}
GREETING = frozenset({"name", "first_name"})
ALLOWED = {"charge": frozenset(NAMES), "birthday": GREETING, "birthday-subject": GREETING}


def text_of(office: TenantHub, integration: str, name: str) -> str:
    """Return a text as it is set, or as it comes; UnknownName where there is none of that name."""
    _known(name)
    with office.reading() as transaction:
        kept = store.one(transaction.connection, office.name, integration, name)
    return DEFAULTS[name] if kept is None else kept


def set_text(office: TenantHub, integration: str, name: str, text: str) -> None:
    """Set a text; Refused names what it may hold."""
    _known(name)
    checked(text, ALLOWED[name])
    with office.transaction("asaas templates set", f"integration {integration}", template=name) as transaction:
        store.put(transaction.connection, office.name, integration, name, text, transaction.now)


def _known(name: str) -> None:
    if name not in DEFAULTS:
        raise UnknownName("template", name, DEFAULTS)
