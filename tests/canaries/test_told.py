"""Nothing of a person, and no token, is repeated of what providers tell, of what plugins ask for, and of who owes."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from svahub import (
    Alert,
    BlockScope,
    Debt,
    Deduplication,
    Environment,
    FindsTasks,
    IntegrationSettings,
    Lifecycle,
    Notice,
    PerformsTasks,
    Received,
    ReceivesWebhooks,
    Task,
    TaskResult,
    Webhook,
    errors,
    hookimpl,
)
from svahub.hub import Hub
from svahub.registry import ProviderKind, Registry
from svahub.server.app import application
from svahub.server.serving import Serving, bound

from canaries.persons import Person, marks_of_secret
from canaries.shop import Shop, absent, stored

TOKEN, HEADER = "TOKEN_OF_THE_TELLER", "x-teller-token"
WHOLE = (errors.Rejected, errors.OutcomeUnknown, errors.NeedsPerson, errors.Busy, ValueError)
"""What the teller raises, with all it knows."""


class TellerSettings(IntegrationSettings):
    """With the token of its deliveries."""

    webhook_token: SecretStr | None = None


class Teller(Lifecycle, PerformsTasks, FindsTasks, ReceivesWebhooks):
    """Repeats what it knows of a person in whatever it answers."""

    title = "Teller"
    contract_version = 1
    deduplication = Deduplication.REFERENCE
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 0
    hosts: ClassVar = {Environment.STAGING: ("https://teller.example.com",)}
    Settings = TellerSettings
    known: ClassVar[dict[str, str]] = {}

    def __init__(self, settings: TellerSettings, client: object) -> None:
        self.settings = settings

    create_user = block = unblock = cancel = sync_plans = hookimpl(lambda self: None)

    @property
    def sentence(self) -> str:
        return " ".join(self.known.values())

    @hookimpl
    def perform(self, task: Task) -> TaskResult:
        return self._told(task)

    @hookimpl
    def find_task(self, task: Task) -> TaskResult | None:
        return self._told(task)

    def _told(self, task: Task) -> TaskResult:
        for kind in WHOLE:
            if kind.__name__ == task.name:
                raise kind(self.sentence)
        return TaskResult("r1", {"said": self.sentence, "inner": self.known})

    @hookimpl
    def authenticate_webhook(self, webhook: Webhook) -> Notice | None:
        assert self.settings.webhook_token is not None
        given, token = webhook.headers.get(HEADER, ""), self.settings.webhook_token.get_secret_value()
        told = json.loads(webhook.body)
        return Notice(told["id"], told["kind"]) if hmac.compare_digest(given.encode(), token.encode()) else None

    @hookimpl
    def receive_webhook(self, webhook: Webhook) -> Received:
        kind = json.loads(webhook.body)["kind"]
        for error in WHOLE:
            if error.__name__ == kind:
                raise error(self.sentence)
        owed = Debt("C1", "pay_1", date(2020, 1, 1), Decimal(10))
        return Received((owed, Alert(f"Call {self.sentence}")), {"said": self.sentence, "inner": self.known})


class Beside(Registry):
    """What is installed, and the teller."""

    def installed(self, provider: str) -> bool:
        return provider == "teller" or super().installed(provider)

    def provider(self, name: str) -> ProviderKind:
        return ProviderKind(name, Teller, "svahub-teller", "1") if name == "teller" else super().provider(name)


@dataclass
class Counter:
    """Where the teller's deliveries come in."""

    shop: Shop
    url: str
    token: str

    def deliver(self, kind: str) -> int:
        """Post what a provider would, all of the person in headers and body; return the answer's status."""
        known = Teller.known
        body = {"id": secrets.token_hex(4), "kind": kind, "customer": known, "note": " ".join(known.values())}
        path = self.shop.hub.tenant("default").integrations.show("teller").endpoint
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        headers = {HEADER: self.token, "X-Customer": known["document"], "Content-Type": "application/json"}
        connection.request("POST", str(path), json.dumps(body).encode(), headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def metrics(self) -> str:
        """Return what is counted for who watches."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return text


@pytest.fixture
def counter(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """Return the shop with an integration at the teller, which knows the person, served on a real socket."""
    person, token = shop.person, secrets.token_urlsafe(24)
    monkeypatch.setenv(TOKEN, token)
    names = ("document", "email", "phone", "name")
    monkeypatch.setattr(Teller, "known", {name: getattr(person, name) for name in names})
    shop.hub = Hub(shop.hub.store, Beside())
    office = shop.hub.tenant("default")
    office.integrations.add("teller", "teller", Environment.STAGING, secret={"webhook_token": f"env:{TOKEN}"})
    with bound("127.0.0.1", 0) as listening, Serving(application(shop.hub), listening) as serving:
        yield Counter(shop, serving.url, token)


LOOKS = (
    ("tasks", "list"), ("tasks", "show", "1"), ("tasks", "show", "2"), ("inbox", "list"), ("inbox", "show", "1"),
    ("inbox", "show", "2"), ("debts", "list"), ("policy", "show"), ("policy", "simulate"), ("explain", "C1"),
    ("status",), ("doctor", "--offline"), ("events",), ("audit", "list"), ("integration", "show", "teller"),
)  # fmt: skip


def hidden(person: Person) -> list[str]:
    """Return what looks like what it is; a name in free text looks like nothing, and only its field is masked."""
    shown_in_free_text = {person.name, person.street, person.birth_date}
    return [mark for mark in person.marks if mark not in shown_in_free_text and len(mark) > 9]


def test_what_is_told_asked_for_and_owed_is_shown_without_the_person(counter: Counter, sqlite_url: str) -> None:
    shop = counter.shop
    office = shop.hub.tenant("default")
    assert counter.deliver("paid") == 200
    for kind in WHOLE:
        assert counter.deliver(kind.__name__) == 200
    assert Counter(shop, counter.url, "wrong").deliver("paid") == 401
    note = f"for {shop.person.document} {shop.person.email}"
    with office.transaction("test", "contract C1", customer=Teller.known, why=note) as transaction:
        for name in ("done", *(kind.__name__ for kind in WHOLE)):
            office.tasks.submit(
                transaction, "teller", f"{name.lower()}.create", name, {}, customer_id="P1", contract_id="C1", note=note
            )
    shop.run("policy", "set", "--grace-days", "3650", "--yes")
    for style in ("text", "json"):
        shop.run("--log-format", style, "work", "--once")
        shop.run("--log-format", style, "policy", "exempt", "C1", "--note", note)
        shop.run("--log-format", style, "tasks", "discard", "2", "--note", note)
        for asked in LOOKS:
            shop.run("--log-format", style, *asked, *(["--json"] if style == "json" else []))
    told = "".join(shop.printed)
    assert all(f"{kind.__name__}" in told for kind in (errors.Rejected, errors.NeedsPerson, errors.PluginBug))
    assert shop.leaks([*hidden(shop.person), *marks_of_secret(counter.token)]) == []
    names = [one for one in shop.leaks([shop.person.name]) if f'"name": "{shop.person.name}"' in one]
    assert names == []
    absent(counter.metrics(), [*shop.person.marks, *marks_of_secret(counter.token)])
    absent(stored(shop.hub, frozenset({"customers", "inbox", "tasks"})), hidden(shop.person))
    absent(stored(shop.hub, frozenset()), marks_of_secret(counter.token))


def test_the_token_of_deliveries_is_in_no_file_of_the_store(counter: Counter) -> None:
    assert counter.deliver("paid") == 200
    url = counter.shop.hub.store.url
    if url.get_backend_name() != "sqlite":
        return
    path = Path(str(url.database))
    raw = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    assert counter.shop.person.document.encode() in raw  # as it came
    assert [mark for mark in marks_of_secret(counter.token) if mark.encode() in raw] == []


def test_no_repr_of_what_was_told_or_asked_for_shows_the_person(counter: Counter) -> None:
    from svahub.store import inbox, tasks

    shop, office = counter.shop, counter.shop.hub.tenant("default")
    counter.deliver("paid")
    with office.transaction("test", "task") as transaction:
        office.tasks.submit(transaction, "teller", "done.create", "done", {"to": shop.person.name}, customer_id="P1")
    shop.run("work", "--once")
    with shop.hub.store.read() as connection:
        rows: list[Any] = [inbox.one(connection, "default", 1), tasks.one(connection, "default", 1)]
    seen = [
        *rows,
        office.tasks.show(1),
        Webhook({HEADER: counter.token}, shop.person.name.encode(), shop.hub.clock.now()),
    ]
    seen += [Received((), {"said": shop.person.name})]
    seen.append(TaskResult("r1", {"said": shop.person.name}))
    absent("\n".join(map(repr, seen)), [*shop.person.marks, *marks_of_secret(counter.token)])
