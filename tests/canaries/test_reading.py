"""Whatever is looked at shows no canary, to people and to programs."""

from __future__ import annotations

from typing import Any

import click
from svahub.cli import main
from svahub.testing.command_tree import leaves
from svahub_teleclinica.simulator import TeleClinicaSimulator

from canaries.persons import marks_of_secret
from canaries.shop import Shop, absent, stored

CHANGING = frozenset([
    "access resend", "activate", "asaas invoices cancel", "asaas invoices create", "asaas invoices receive-in-cash",
    "asaas invoices refund", "asaas invoices undo-cash", "asaas mail opt-in", "asaas mail opt-out", "asaas mail test",
    "asaas notifications set", "asaas sync", "asaas templates set", "asaas webhook register", "asaas webhook resume",
    "audit prune", "audit retention", "block", "cancel", "change", "contracts import", "customers erase",
    "customers export", "db backup", "db copy", "db reopen", "db restore", "db upgrade", "demo", "inbox replay",
    "integration add", "integration disable", "integration enable", "integration remove", "integration rotate",
    "integration set", "iot licences add", "iot licences cancel", "iot licences replace",
    "keys create", "keys revoke", "operations confirm", "operations discard", "operations retry",
    "plans create", "debts forgive", "debts unforgive", "plans sync", "policy exempt", "policy set", "policy unexempt",
    "products link", "products unlink", "schedule disable", "schedule enable", "schedule run", "schedule set",
    "secrets rekey", "serve", "simulate", "source add", "source pull", "source remove", "source watch",
    "plugins check", "plugins new", "tasks confirm", "tasks discard", "tasks retry", "tenant add", "unblock",
    "work",
])  # fmt: skip
"""Every other command only looks and is walked, whatever its name."""


EVERY = {path: command for path, command in leaves(main) if any(p.name == "as_json" for p in command.params)}


def test_what_is_said_to_change_is_there() -> None:
    assert CHANGING - set(map(" ".join, EVERY)) == set()


KNOWN = {"contract": "C1", "customer": "P1", "integration": "tele", "subscription": "C1/1", "id": "1", "operation": "1"}


def arguments_of(command: click.Command) -> list[str]:
    needed = [p for p in command.params if isinstance(p, click.Argument) and p.required]
    names = [str(p.name) for p in needed]
    return [KNOWN.get(name, KNOWN["integration"] if name == "name" else "1") for name in names]


def test_whatever_is_looked_at_shows_no_canary(shop: Shop) -> None:
    shop.run("block", "C1", "--actor", shop.person.document, "--note", f"asked by {shop.person.email}", "--no-wait")
    for path, command in EVERY.items():
        if " ".join(path) not in CHANGING:
            for style, more in (("text", []), ("json", ["--json"])):
                shop.run("--log-format", style, *path, *arguments_of(command), *more)
    shop.run("access", "show", "C1", "--json")
    own_name = [mark for mark in shop.person.marks if mark not in {shop.person.name}]
    assert shop.leaks([*own_name, *marks_of_secret(shop.password), shop.key]) == []


def test_what_is_looked_at_for_a_provider_tells_no_login(shop: Shop, clinic: TeleClinicaSimulator) -> None:
    office = shop.hub.tenant("default")
    (access,) = office.users.access("C1", None, reveal=True, actor="test")
    logins = [str(access.login), str(access.access_url)]
    shop.run("access", "show", "C1")
    shop.run("access", "show", "C1", "--json")
    shop.run("users", "list", "tele", "--json")
    shop.run("subscriptions", "show", "C1/1", "--json")
    assert [user.login for user in clinic.users] == logins[:1]
    assert shop.leaks(logins) == []
    absent(stored(shop.hub, frozenset()), logins)


def test_no_repr_of_what_is_public_shows_a_canary(shop: Shop) -> None:
    from svahub.opening import open_integration
    from svahub.store import contracts, integrations, queue

    office = shop.hub.tenant("default")
    with shop.hub.store.read() as connection:
        (row,) = integrations.of_tenant(connection, "default")
        found = contracts.customers_by_id(connection, "default", ["P1"])
        rows: list[Any] = [row, found, *contracts.subscriptions_of(connection, "default", ["C1"])]
        rows += queue.subscriptions_of(connection, [rows[-1].account_key])
    opened = open_integration(row, shop.hub.registry, clock=shop.hub.clock)
    user = next(iter(opened.relay.list_users()))
    seen = [
        *rows,
        opened,
        opened.settings,
        opened.client,
        found["P1"].customer(),
        user,
        office,
        *office.users.list("tele"),
    ]
    seen += office.users.access("C1", None, reveal=True, actor="a")
    opened.client.close()
    hidden = [*shop.person.marks, *marks_of_secret(shop.password), str(user.login), str(user.access_url)]
    absent("\n".join(map(repr, seen)), hidden)
