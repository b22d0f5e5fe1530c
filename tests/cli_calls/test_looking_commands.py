"""The commands that look: subscriptions, users and access, masked, and each look at access recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from svahub.hub import Hub
from svahub.store import tables
from svahub.store.states import AuditKind

from cli_calls.calls import CPF, Run, shown

if TYPE_CHECKING:
    from svahub_teleclinica.simulator import TeleClinicaSimulator

SUBSCRIPTION = {
    "contract_id", "item_code", "product_type", "integration", "desired", "observed", "block_reasons", "remote_id",
    "state",
}  # fmt: skip


def test_subscriptions_are_listed_with_what_scripts_rely_on(shop: Run) -> None:
    rows = shown(shop("subscriptions", "list", "--integration", "tele", "--state", "settled", "--json"))
    assert [row["contract_id"] for row in rows] == ["A1", "A2", "C1"]
    assert all(row.keys() >= SUBSCRIPTION for row in rows)
    assert "settled" in shop("subscriptions", "list").stdout


def test_a_subscription_is_shown_by_key_and_by_name_with_its_masked_exchanges(shop: Run) -> None:
    result = shop("subscriptions", "show", "C1/1", "--json")
    subscription = shown(result)
    assert subscription.keys() >= SUBSCRIPTION
    assert [attempt["step"] for attempt in subscription["attempts"]] == ["create_user"]
    assert [exchange["path"] for exchange in subscription["exchanges"]] == ["/users"]
    assert (CPF in result.output, "maria@" in result.output) == (False, False)
    assert shown(shop("subscriptions", "show", subscription["key"], "--json"))["key"] == subscription["key"]
    assert "create_user" in shop("subscriptions", "show", "C1/1").stdout
    assert "CONTRACT/ITEM" in shop("subscriptions", "show", "C1/9", code=1).stderr


def test_users_come_masked_from_the_provider(shop: Run) -> None:
    shop("block", "C1")
    rows = shown(shop("users", "list", "tele", "--json"))
    assert sorted((row["status"], row["document"]) for row in rows) == [
        ("ACTIVE", "***.444.777-**"),
        ("BLOCKED", "***.982.247-**"),
    ]
    assert [row["status"] for row in shown(shop("users", "list", "tele", "--status", "blocked", "--json"))] == [
        "BLOCKED"
    ]
    assert CPF not in shop("users", "list", "tele").output


def test_access_is_masked_unless_revealed_and_each_look_is_recorded(
    shop: Run, hub: Hub, clinic: TeleClinicaSimulator
) -> None:
    (login,) = [user.login for user in clinic.users if user.cpf == CPF]
    assert login not in shop("access", "show", "C1", "--actor", "ana", "--json").output
    assert login not in shop("access", "show", "C1").output
    (access,) = shown(shop("access", "show", "C1", "--reveal", "--actor", "bia", "--json"))["access"]
    assert access["login"] == login
    of_looks = select(tables.audit.c.actor, tables.audit.c.details).where(tables.audit.c.kind == AuditKind.LOOK)
    with hub.store.read() as connection:
        looks = connection.execute(of_looks.order_by(tables.audit.c.number)).all()
    told = [(looks[0].actor, looks[0].details), (looks[2].actor, looks[2].details)]
    assert told == [("ana", {"revealed": False}), ("bia", {"revealed": True})]


def test_what_the_provider_does_not_offer_is_an_error(shop: Run) -> None:
    assert "offers no resend access" in shop("access", "resend", "C1", code=1).stderr


def test_work_for_every_tenant_does_all_tenants(shop: Run) -> None:
    shop("tenant", "add", "north")
    shop("block", "C1", "--no-wait")
    assert shown(shop("--tenant", "north", "work", "--once", "--json"))["states"] == {}
    assert shown(shop("--tenant", "north", "work", "--once", "--all-tenants", "--json"))["states"] == {"settled": 3}
