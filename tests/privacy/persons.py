"""Maria, whose every value is looked for, and a plugin that has notes of her: what the tests of privacy share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result
from sqlalchemy import select
from svahub.hub import Hub
from svahub.registry import Registry
from svahub.store import tables

Run = Callable[..., Result]

CPF, OTHER_CPF = "52998224725", "11144477735"
NAME, EMAIL, PHONE, STREET, WISH = (
    "Maria Canário Inventada", "canario.maria@example.com", "+5511987651234", "Rua do Canário", "canary-wish",
)  # fmt: skip
FORMER_EMAIL, NOTE = "antiga.canario@example.com", "Maria Canário asked on the phone"
CANARIES = (CPF, NAME, EMAIL, PHONE, STREET, WISH, FORMER_EMAIL, NOTE)
CONSENT = {"at": "2026-01-02T03:04:05Z", "channel": "app", "text_version": "v7"}

CRM = """
from sqlalchemy import text
from svahub import hookimpl

class Crm:
    @hookimpl
    def export_customer(self, transaction, customer_id):
        found = transaction.connection.execute(text("SELECT note FROM crm_notes WHERE tenant = :t AND customer = :c"),
                                               {"t": transaction.tenant, "c": customer_id})
        notes = [note for (note,) in found]
        return {"notes": notes, "at": transaction.now} if notes else None

    @hookimpl
    def erase_customer(self, transaction, customer_id):
        transaction.connection.execute(text("DELETE FROM crm_notes WHERE tenant = :t AND customer = :c"),
                                       {"t": transaction.tenant, "c": customer_id})
"""
SULKING = """
from sqlalchemy import text
from svahub import hookimpl

class Crm:
    @hookimpl
    def export_customer(self, transaction, customer_id):
        raise ValueError("Maria")

    @hookimpl
    def erase_customer(self, transaction, customer_id):
        transaction.connection.execute(text("DELETE FROM crm_notes"))
        raise ValueError("Maria")
"""


def contract(id: str = "C1", customer: str = "P1", **more: Any) -> dict[str, Any]:
    maria = {"id": customer, "name": NAME, "document": CPF, "email": EMAIL, "phone": PHONE, "birth_date": "1980-02-03"}
    address = {"street": STREET, "number": "7", "city": "Santos", "state": "SP", "postal_code": "11010000"}
    item = {"code": "1", "product_code": "TM", "attributes": {"wish": WISH}, "consent": CONSENT}
    return {"contract_id": id, "customer": maria | {"address": address}, "items": [item]} | more


def shown(result: Result) -> Any:
    return json.loads(result.stdout)


def tell(hub: Hub, customer: str = "P1") -> None:
    with hub.store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS crm_notes (tenant TEXT, customer TEXT, note TEXT)")
        connection.exec_driver_sql(f"INSERT INTO crm_notes VALUES ('default', '{customer}', '{NAME} likes tea')")  # noqa: S608


def install(hub: Hub, site: Any, source: str = CRM) -> None:
    """Install a plugin with tables of its own; the hub sees it as a new process would."""
    hub.registry = Registry()
    site.install("svahub-crm", "[svahub.hooks]\ncrm = svahub_crm:Crm\n", svahub_crm=source)


def everything(hub: Hub) -> str:
    """Return all rows of all tables as text."""
    with hub.store.read() as connection:
        return "\n".join(
            str(row) for table in tables.metadata.sorted_tables for row in connection.execute(select(table))
        )


def tables_as_they_are(hub: Hub) -> dict[str, list[str]]:
    with hub.store.read() as connection:
        return {t.name: [str(row) for row in connection.execute(select(t))] for t in tables.metadata.sorted_tables}


def entries(hub: Hub, command: str) -> list[Any]:
    with hub.store.read() as connection:
        return list(connection.execute(select(tables.audit).where(tables.audit.c.command == command)))
