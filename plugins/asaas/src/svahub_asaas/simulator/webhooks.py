"""The routes of webhooks: at most ten, whose tokens are taken and never told."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from svahub.testing import Answer, Request, checks, route

from svahub_asaas.simulator.reading import Reading
from svahub_asaas.simulator.refusals import not_found, not_possible
from svahub_asaas.simulator.webhook import Webhook
from svahub_asaas.simulator.writing import page

if TYPE_CHECKING:
    from random import Random

    from svahub_asaas.simulator.postman import Postman

MOST = 10
SHORTEST_TOKEN, LONGEST_TOKEN = 32, 255
SEND_TYPES = ("SEQUENTIALLY", "NON_SEQUENTIALLY")
PAYMENT_EVENTS = (
    "AUTHORIZED AWAITING_RISK_ANALYSIS APPROVED_BY_RISK_ANALYSIS REPROVED_BY_RISK_ANALYSIS CREATED UPDATED CONFIRMED "
    "RECEIVED ANTICIPATED OVERDUE DELETED RESTORED REFUNDED PARTIALLY_REFUNDED REFUND_IN_PROGRESS REFUND_DENIED "
    "RECEIVED_IN_CASH_UNDONE CHARGEBACK_REQUESTED CHARGEBACK_DISPUTE AWAITING_CHARGEBACK_REVERSAL DUNNING_RECEIVED "
    "DUNNING_REQUESTED BANK_SLIP_CANCELLED BANK_SLIP_VIEWED CHECKOUT_VIEWED CREDIT_CARD_CAPTURE_REFUSED "
    "SPLIT_CANCELLED SPLIT_DIVERGENCE_BLOCK SPLIT_DIVERGENCE_BLOCK_FINISHED"
)
SUBSCRIPTION_EVENTS = (
    "CREATED UPDATED INACTIVATED DELETED SPLIT_DISABLED SPLIT_DIVERGENCE_BLOCK SPLIT_DIVERGENCE_BLOCK_FINISHED"
)
KEY_EVENTS = "CREATED DELETED DISABLED ENABLED EXPIRED EXPIRING_SOON"
EVENTS = frozenset(
    f"{family}_{word}"
    for family, words in (
        ("PAYMENT", PAYMENT_EVENTS),
        ("SUBSCRIPTION", SUBSCRIPTION_EVENTS),
        ("ACCESS_TOKEN", KEY_EVENTS),
    )
    for word in words.split()
)
OTHER_FAMILIES = re.compile(
    r"(INVOICE|TRANSFER|BILL|RECEIVABLE_ANTICIPATION|MOBILE_PHONE_RECHARGE|ACCOUNT_STATUS|CHECKOUT|BALANCE_VALUE"
    r"|INTERNAL_TRANSFER|PIX_AUTOMATIC_RECURRING)_[A-Z_]+"
)


class Webhooks:
    """Keeps where events are sent."""

    def __init__(self, postman: Postman, random: Random) -> None:
        self._postman, self._random = postman, random

    @route("POST", "/webhooks")
    def create(self, request: Request) -> Answer:
        """Register a webhook."""
        reading = Reading.of(request)
        reading.need("name", "url", "sendType", "events")
        webhook = _read(reading, Webhook(str(UUID(int=self._random.getrandbits(128)))))
        if len(self._postman.webhooks) >= MOST:
            raise not_possible(f"É possível cadastrar até {MOST} webhooks.")
        return self._kept(webhook)

    @route("GET", "/webhooks")
    def list_webhooks(self, request: Request) -> Answer:
        """List them, newest first."""
        return page(request, reversed(list(self._postman.webhooks.values())))

    @route("GET", "/webhooks/{id}")
    def get(self, _request: Request, id: str) -> Answer:
        """Tell of one."""
        return Answer(200, self._there(id).json())

    @route("PUT", "/webhooks/{id}")
    def change(self, request: Request, id: str) -> Answer:
        """Change what is named; `"interrupted": false` sends at once what has waited."""
        webhook = self._there(id)
        webhook.configure(_read(Reading.of(request), webhook))
        return self._kept(webhook)

    @route("DELETE", "/webhooks/{id}")
    def delete(self, _request: Request, id: str) -> Answer:
        """Forget a webhook and what waits for it."""
        self._there(id).parcels.clear()
        del self._postman.webhooks[id]
        self._postman.look_again()
        return Answer(200, {"deleted": True, "id": id})

    @route("POST", "/webhooks/{id}/removeBackoff")
    def remove_backoff(self, _request: Request, id: str) -> Answer:
        """Send at once what a penalty holds back."""
        self._there(id).begin_anew()
        self._postman.look_again()
        return Answer(204)

    def _there(self, id: str) -> Webhook:
        if id not in self._postman.webhooks:
            raise not_found()
        return self._postman.webhooks[id]

    def _kept(self, webhook: Webhook) -> Answer:
        self._postman.webhooks[webhook.id] = webhook
        self._postman.look_again()
        return Answer(200, webhook.json())


def _read(reading: Reading, before: Webhook) -> Webhook:
    webhook = replace(
        before,
        name=reading.text("name", before.name) or before.name,
        url=reading.text("url", before.url) or before.url,
        email=reading.text("email", before.email),
        enabled=reading.flag("enabled", before.enabled),
        interrupted=reading.flag("interrupted", before.interrupted),
        token=reading.text("authToken", before.token),
        send_type=reading.one_of("sendType", SEND_TYPES, before.send_type),
        events=_events(reading, before),
    )
    _check(reading, webhook)
    reading.finish()
    return webhook


def _check(reading: Reading, webhook: Webhook) -> None:
    target = urlsplit(webhook.url)
    if reading.given("url") and not (target.scheme in {"http", "https"} and target.hostname):
        reading.wrong("url", "A URL informada é inválida.")
    if webhook.token is not None and not SHORTEST_TOKEN <= len(webhook.token) <= LONGEST_TOKEN:
        reading.wrong("authToken", f"O token deve ter de {SHORTEST_TOKEN} a {LONGEST_TOKEN} caracteres.")
    if reading.given("email") and not checks.email(webhook.email):
        reading.wrong("email", "O email informado é inválido.")
    if reading.body.get("apiVersion") not in {None, 3}:
        reading.wrong("apiVersion", "A versão da API é inválida.")


def _events(reading: Reading, before: Webhook) -> tuple[str, ...]:
    asked = reading.body.get("events")
    if asked is None:
        return before.events
    if not isinstance(asked, list) or not asked or not all(_is_event(event) for event in asked):
        reading.wrong("events", "Os eventos informados são inválidos.")
        return before.events
    return tuple(dict.fromkeys(asked))


def _is_event(name: object) -> bool:
    return isinstance(name, str) and (name in EVENTS or OTHER_FAMILIES.fullmatch(name) is not None)
