"""Stores that are copied: filled with odd values, compared, and on which databases both may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from svahub.areas import copies
from svahub.hub import Hub
from svahub.lifecycle import Step
from svahub.models import Desired, DocumentKind, Environment, Observed
from svahub.store import Store, tables
from svahub.store.states import ContractStatus, IntegrationState, Outcome, Phase, Priority, Verb

NOON = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
THERE, BACK = "sqlite-postgresql", "postgresql-sqlite"
ALIKE = [pytest.param(f"{kind}-{kind}", marks=pytest.mark.deep) for kind in ("sqlite", "postgresql")]
OTHERS = [pytest.param(BACK, marks=pytest.mark.deep), *ALIKE]
both_ways = pytest.mark.parametrize("ends", [THERE, *OTHERS], indirect=True)
PEOPLE = 25


def fill(store: Store, people: int = PEOPLE) -> None:
    """Put rows into most tables, with values that databases like to treat differently."""
    names = ["Zoé", "ana", "Ana", "ção", "z_", "Z", "a b", "😀", "~", "Ä"]
    ids = [f"{names[n % len(names)]}{n}" for n in range(people)]
    with store.write() as connection:
        add: Callable[[Any, list[dict[str, Any]]], Any] = lambda table, rows: connection.execute(insert(table), rows)  # noqa: E731
        add(tables.integrations, [integration()])
        add(
            tables.customers,
            [
                {
                    "tenant": "default", "id": id, "name": f"Inventada {id}", "document": f"{n:011d}",
                    "document_kind": DocumentKind.CPF, "email": None, "birth_date": date(1990, 5, 1 + n),
                    "address": {"city": "São Paulo", "a": 1.5, "b": [1, None, True]} if n % 2 else None,
                    "digest": "d" * 64,
                }
                for n, id in enumerate(ids)
            ],
        )  # fmt: skip
        add(
            tables.contracts,
            [
                {
                    "tenant": "default", "id": id, "customer_id": id, "status": ContractStatus.ACTIVE, "due_day": 31,
                    "price": Decimal("1234.56"), "last_import": {"price": "1", "z": 1, "a": "\x1f"}, "changed_at": NOON,
                }
                for id in ids
            ],
        )  # fmt: skip
        add(
            tables.items,
            [
                {
                    "tenant": "default", "contract_id": id, "code": "1", "product_code": "TELE", "quantity": 1,
                    "attributes": {}, "sales": 1, "removed": n % 3 == 0,
                }
                for n, id in enumerate(ids)
            ],
        )  # fmt: skip
        keys = [f"{n:08d}-0000-5000-8000-000000000000" for n in range(people)]
        account = {"tenant": "default", "integration": "tele", "priority": Priority.BULK, "lease_number": 1}
        add(tables.accounts, [account | {"key": k, "customer_id": id} for k, id in zip(keys, ids, strict=True)])
        add(tables.subscriptions, [sold(k, id) for k, id in zip(keys, ids, strict=True)])
        asked = {"tenant": "default", "verb": Verb.BLOCK, "generation": 1, "actor": "eva", "outcome": Outcome.QUEUED}
        add(tables.operations, [asked | {"subscription_key": key, "created_at": NOON} for key in keys])
        tried = {"lease_number": 1, "tenant": "default", "step": Step.BLOCK, "generation": 1, "started_at": NOON}
        add(tables.attempts, [tried | {"account_key": k, "subscription_key": k, "ended_at": NOON} for k in keys])
        said = {"tenant": "default", "integration": "tele", "at": NOON, "method": "GET", "milliseconds": 3}
        said |= {"path": "/users", "request_headers": {"A": "b"}, "response_headers": {}, "response_body": '{"x":"é"}'}
        add(tables.exchanges, [said] * people)
        connection.execute(text("DELETE FROM exchanges"))  # pruned: their ids are given to no other


def integration() -> dict[str, Any]:
    return {
        "tenant": "default", "name": "tele", "provider": "teleclinica", "environment": Environment.STAGING,
        "base_url": "http://localhost", "settings": {"b": 1, "a": {"é": 2}}, "secrets": {},
        "state": IntegrationState.ENABLED, "created_at": NOON, "secrets_at": NOON,
    }  # fmt: skip


def sold(key: str, contract: str) -> dict[str, Any]:
    return {
        "key": key, "tenant": "default", "contract_id": contract, "item_code": "1", "sale": 1, "product_type": "t",
        "integration": "tele", "account_key": key, "quantity": 1, "attributes": {"n": 0.1}, "desired": Desired.ACTIVE,
        "generation": 1, "observed": Observed.ACTIVE, "looks": 0, "phase": Phase.SETTLED, "priority": Priority.BULK,
        "tries": 0, "created_at": NOON, "changed_at": NOON + timedelta(microseconds=1), "price": Decimal("0.01"),
    }  # fmt: skip


@contextmanager
def two_stores(request: pytest.FixtureRequest, full: str, empty: str) -> Iterator[tuple[Store, Store]]:
    source, target = Store(request.getfixturevalue(full)), Store(request.getfixturevalue(empty))
    Hub.open(address(source)).close()
    fill(source)
    yield source, target
    source.close()
    target.close()


def address(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def rows_of(store: Store) -> dict[str, list[Any]]:
    """Return all that a store holds, but its tokens, and its audit: a copy is told of there."""
    with store.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in tables.metadata.sorted_tables
            if table.name not in {"audit", "chains", "tokens"}
        }


def move(source: Store, target: Store, **more: Any) -> copies.Moved:
    return copies.copy(source, address(target), actor="eva", **more)
