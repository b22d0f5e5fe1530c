"""What taking an offer does to the contract, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import update
from svahub import link_tokens
from svahub.areas.offering import Progress
from svahub.errors import Refused, UnknownName
from svahub.intake import ContractRow
from svahub.models import Consent
from svahub.offers import Standing
from svahub.secrets import KEY_VARIABLE
from svahub.store import catalogue, contracts, tables
from svahub.verbs import Action

from .conftest import IP, TERMS, TITLE, Shop


def told(**more: Any) -> ContractRow:
    customer = {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"}
    items = [{"code": "1", "product_code": "NET", "plan": "p1", "quantity": 1}]
    return ContractRow.model_validate({"contract_id": "C1", "customer": customer, "items": items} | more)


def test_taking_sells_what_was_offered_at_its_price(shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    shop.isp.work()
    (sold,) = shop.sold
    assert (sold.item_code, sold.product_type, sold.plan, sold.price) == ("X", "anything", "p1", Decimal("1234.50"))
    assert shop.isp.remote.calls == ["create"]


def test_the_consent_says_when_whence_how_and_to_which_text(shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    with shop.hub.store.read() as connection:
        (row,) = contracts.subscriptions_of(connection, "default", ["C1"])
    assert row.what_was_agreed() == Consent(shop.isp.clock.now(), "activation-link", "2026-11", IP)


def test_people_see_of_the_address_only_its_network(shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    shown = [shop.item.consent["ip"], shop.sold[0].consent["ip"]]
    assert shown == ["203.0.***", "203.0.***"]


def test_looking_changes_nothing(shop: Shop) -> None:
    id = shop.id()
    before = shop.everything()
    offer = shop.office.offering.look(id)
    assert (offer.standing, offer.title, offer.terms) == (Standing.OPEN, TITLE, TERMS)
    assert shop.everything() == before


def test_taking_twice_sells_once(shop: Shop) -> None:
    id = shop.id()
    shop.office.offering.take(id, IP)
    once = shop.everything()
    shop.office.offering.take(id, "198.51.100.1")
    assert shop.everything() == once


def test_what_was_bought_outlives_the_imports_that_do_not_know_it(shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    for day in ("", "b"):
        assert not shop.office.contracts.take_in([told(price=f"10{day and '1'}", due_day=5)]).errors
    assert not shop.item.removed
    assert [s.desired.value for s in shop.sold] == ["ACTIVE"]


def test_how_far_it_is_is_told_as_it_is(shop: Shop) -> None:
    id = shop.id()
    shop.office.offering.take(id, IP)
    queued = shop.office.offering.look(id).progress
    shop.isp.work()
    done = shop.office.offering.look(id).progress
    shop.isp.ask(Action.CANCEL, item="X")
    assert (queued, done, shop.office.offering.look(id).progress) == (Progress.QUEUED, Progress.DONE, Progress.OVER)


# -- what stands against it --------------------------------------------------------------------------------------------


def cancelled(shop: Shop, _id: str) -> None:
    shop.isp.ask(Action.CANCEL)


def blocked(shop: Shop, _id: str) -> None:
    shop.isp.ask(Action.BLOCK)


def sold_meanwhile(shop: Shop, _id: str) -> None:
    shop.office.offering.take(shop.id(), IP)


def revoked(shop: Shop, id: str) -> None:
    shop.office.activation_links.revoke(id)


def expired(shop: Shop, _id: str) -> None:
    shop.isp.clock.advance(seconds=7 * 86400)


def of_another_customer(shop: Shop, _id: str) -> None:
    customer = {"id": "P2", "name": "Outra Pessoa", "document": "11144477735"}
    assert not shop.office.contracts.take_in([told(customer=customer)]).errors


def retired(shop: Shop, _id: str) -> None:
    with shop.hub.store.write() as connection:
        rows = catalogue.all_plans(connection, "default")
        catalogue.change_plans(connection, [replace(row, retired_at=row.synced_at) for row in rows])


def without_its_plan(shop: Shop, _id: str) -> None:
    with shop.hub.store.write() as connection:
        connection.execute(update(tables.activation_links).values(plan=None))


def unlinked(shop: Shop, _id: str) -> None:
    shop.office.catalogue.unlink("X")


OBSTACLES = {
    cancelled: Standing.NOT_ACTIVE,
    of_another_customer: Standing.NOT_ACTIVE,
    blocked: Standing.BLOCKED,
    sold_meanwhile: Standing.HELD,
    revoked: Standing.REVOKED,
    expired: Standing.EXPIRED,
    retired: Standing.UNAVAILABLE,
    unlinked: Standing.UNAVAILABLE,
    without_its_plan: Standing.UNAVAILABLE,
}


@pytest.mark.parametrize(("happens", "standing"), OBSTACLES.items(), ids=lambda given: getattr(given, "__name__", ""))
def test_what_came_between_is_told_and_nothing_is_sold(
    shop: Shop, happens: Callable[[Shop, str], None], standing: Standing
) -> None:
    id = shop.id()
    happens(shop, id)
    before = shop.everything()
    shop.office.offering.take(id, IP)
    assert shop.office.offering.look(id).standing is standing
    assert shop.everything() == before


def test_an_offer_to_who_is_blocked_opens_again_when_they_are_not(shop: Shop) -> None:
    id = shop.id()
    shop.isp.ask(Action.BLOCK)
    shop.isp.ask(Action.UNBLOCK)
    assert shop.office.offering.look(id).standing is Standing.OPEN


def test_a_link_shows_what_came_of_it_for_a_day_though_it_expires(shop: Shop) -> None:
    id = shop.id(expires=timedelta(minutes=1))
    shop.office.offering.take(id, IP)
    shop.isp.clock.advance(seconds=86399)
    still = shop.office.offering.look(id).standing
    shop.isp.clock.advance(seconds=1)
    assert (still, shop.office.offering.look(id).standing) == (Standing.TAKEN, Standing.USED)


# -- which item it becomes ---------------------------------------------------------------------------------------------


def test_who_cancelled_the_product_buys_it_anew_as_the_same_item(shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    shop.isp.ask(Action.CANCEL, item="X")
    shop.office.offering.take(shop.id(), IP)
    assert [(s.item_code, s.sale, s.desired.value) for s in shop.sold] == [("X", 1, "CANCELLED"), ("X", 2, "ACTIVE")]


def test_the_code_of_another_item_is_not_taken(shop: Shop) -> None:
    items = [{"code": "X", "product_code": "NET", "plan": "p1", "quantity": 1}]
    assert not shop.office.contracts.take_in([told(items=items)]).errors
    shop.office.offering.take(shop.id(), IP)
    assert shop.item.code == "X-2"


# -- making links ------------------------------------------------------------------------------------------------------


def test_the_price_is_that_of_the_plan_unless_one_is_named(shop: Shop) -> None:
    with pytest.raises(Refused, match="--price"):
        shop.office.activation_links.make("C1", "X")
    with shop.hub.store.write() as connection:
        rows = catalogue.all_plans(connection, "default")
        catalogue.change_plans(connection, [replace(row, price=Decimal("9.90")) for row in rows])
    assert shop.office.activation_links.make("C1", "X").view.price == Decimal("9.90")


def test_nothing_is_offered_without_terms_a_link_or_a_key(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="products link"):
        shop.path(product="Y")
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(Refused, match=KEY_VARIABLE):
        shop.path()
    assert list(shop.office.activation_links.list()) == []


@pytest.mark.parametrize("happens", [cancelled, blocked, sold_meanwhile])
def test_no_link_is_made_for_what_could_not_be_sold_now(shop: Shop, happens: Callable[[Shop, str], None]) -> None:
    happens(shop, "")
    with pytest.raises(Refused, match="C1"):
        shop.path()


def test_what_was_taken_cannot_be_revoked(shop: Shop) -> None:
    id = shop.id()
    shop.office.offering.take(id, IP)
    with pytest.raises(Refused, match="svahub cancel C1 --item X"):
        shop.office.activation_links.revoke(id)


def test_a_link_is_good_while_its_key_is_among_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    id = link_tokens.drawn_id()
    monkeypatch.setenv(KEY_VARIABLE, old)
    token = link_tokens.written(id)
    monkeypatch.setenv(KEY_VARIABLE, f"{new},{old}")
    assert link_tokens.read(token) == id
    monkeypatch.setenv(KEY_VARIABLE, new)
    assert link_tokens.read(token) is None


# -- terms -------------------------------------------------------------------------------------------------------------


def test_a_version_of_terms_is_never_changed(shop: Shop) -> None:
    shop.office.terms.set("anything", "2026-11", TERMS.replace("\n", "\r\n"))
    with pytest.raises(Refused, match="another version"):
        shop.office.terms.set("anything", "2026-11", "Outro texto.")
    assert shop.office.terms.show("anything").text == TERMS


def test_an_offer_keeps_the_terms_that_it_was_made_with(shop: Shop) -> None:
    id = shop.id()
    shop.isp.clock.advance(seconds=1)
    shop.office.terms.set("anything", "2026-12", "Texto novo.")
    assert shop.office.terms.show("anything").version == "2026-12"
    assert shop.office.offering.look(id).terms_version == "2026-11"


# -- the law -----------------------------------------------------------------------------------------------------------


def test_the_address_is_exported_and_erased_and_the_consent_stays(shop: Shop) -> None:
    id = shop.id()
    shop.office.offering.take(id, IP)
    exported = json.dumps(shop.office.privacy.export("P1", actor="ana"), default=str)
    assert exported.count(IP) == 2
    assert id in exported
    shop.isp.ask(Action.CANCEL)
    shop.isp.work()
    erased = shop.office.privacy.erase("P1", actor="ana")
    assert erased.kept["activation_links"] == 1
    assert IP not in str(shop.everything())
    with shop.hub.store.read() as connection:
        (row,) = contracts.subscriptions_of(connection, "default", ["C1"])
    agreed = row.what_was_agreed()
    assert agreed is not None
    assert (agreed.channel, agreed.text_version, agreed.ip) == ("activation-link", "2026-11", None)


def test_the_audit_tells_of_the_press_and_not_whence(shop: Shop) -> None:
    id = shop.id()
    shop.office.offering.take(id, IP)
    entries = [row for row in shop.everything()["audit"] if id in str(row.actor)]
    assert {entry.command for entry in entries} == {"activate", "activation-link take"}
    assert IP not in str(entries)


def test_links_that_open_nothing_more_are_pruned_in_their_time_unless_they_sold_something(shop_on_each: Shop) -> None:
    shop, day = shop_on_each, 86_400
    links = shop.office.activation_links
    taken, revoked, expired = shop.id(), shop.id(), shop.id(expires=timedelta(days=1))
    still_open = shop.id(expires=timedelta(days=366))
    links.revoke(revoked)
    shop.office.offering.take(taken, IP)
    shop.isp.work()
    shop.isp.clock.advance(seconds=90 * day)
    assert shop.office.audit.prune().activation_links == 0
    shop.isp.clock.advance(seconds=1)
    assert (shop.office.audit.prune(dry_run=True).activation_links, shop.office.audit.prune().activation_links) == (
        1,
        1,
    )
    assert {link.id for link in links.list()} == {taken, expired, still_open}
    shop.isp.clock.advance(seconds=day)
    shop.office.audit.prune()
    assert {link.id for link in links.list()} == {taken, still_open}
    assert shop.item.consent["text_version"] == "2026-11"
