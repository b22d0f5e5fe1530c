"""A system that is told, on a real socket, which checks every signature with the standard library alone."""

from __future__ import annotations

import base64
import hmac
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.fernet import Fernet
from svahub.areas.outbox import NewTarget
from svahub.dispatching import Dispatching
from svahub.hub import Hub, TenantHub
from svahub.secrets import KEY_VARIABLE
from svahub.store.states import NewsKind
from svahub.testing import Simulator
from svahub.testing.http import Answer, Problem, Request, route
from svahub.verbs import Action


class Ear(Simulator):
    """Takes messages that bear a valid signature, and remembers each that it has answered 204."""

    def make_credentials(self) -> dict[str, str]:
        return {}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.secrets: list[str] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[Request] = []
        self.answer: Callable[[dict[str, Any]], Answer] = lambda _told: Answer(204)

    def authorize(self, request: Request) -> None:
        self.asked.append(request)
        given = request.header("webhook-signature").split()
        if not any(_signature(secret, request) in given for secret in self.secrets):
            raise Problem(401, "bad_signature", "nobody that we know has signed this")

    @route("POST", "/hook")
    def hook(self, request: Request) -> Answer:
        told = request.json()
        answer = self.answer(told)
        if answer.status < 300:
            self.heard.append((request.header("webhook-id"), told))
        return answer

    def state(self) -> dict[str, Any]:
        return {"heard": [id for id, _ in self.heard]}

    @property
    def hook_url(self) -> str:
        """Where it listens."""
        return f"{self.url}/hook"

    @property
    def kinds(self) -> list[str]:
        """What it was told, in the order in which that came, each message once."""
        return [told["type"] for told in self.once]

    @property
    def once(self) -> list[dict[str, Any]]:
        """The messages in the order in which they first came."""
        return list(dict(reversed(self.heard)).values())[::-1] if self.heard else []

    @property
    def by_customer(self) -> dict[str, list[dict[str, Any]]]:
        """The same for each customer."""
        found = defaultdict(list)
        for told in self.once:
            found[told["data"]["customer"]].append(told)
        return dict(found)


def _signature(secret: str, request: Request) -> str:
    """Return what the specification says, by the standard library."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.header('webhook-id')}.{request.header('webhook-timestamp')}.{request.body.decode()}"
    return "v1," + base64.b64encode(hmac.new(key, signed.encode(), "sha256").digest()).decode()


@dataclass
class Telling:
    """An ISP at the made-up provider, and a system that it tells."""

    isp: Any
    ear: Ear
    made: list[NewTarget] = field(default_factory=list)

    @property
    def hub(self) -> Hub:
        hub: Hub = self.isp.hub
        return hub

    @property
    def office(self) -> TenantHub:
        office: TenantHub = self.isp.office
        return office

    def listen(self, name: str = "ear", ear: Ear | None = None, **more: Any) -> NewTarget:
        """Have the ear told."""
        ear = ear or self.ear
        made = self.office.outbox.add(ear.hook_url, name=name, allow_private=True, **more)
        assert made.secret
        ear.secrets.append(made.secret)
        self.made.append(made)
        return made

    def dispatch(self, *, draw: Callable[[], float] = lambda: 1.0, **more: Any) -> int:
        """Send what is due."""
        with Dispatching(self.hub, draw=draw, **more) as dispatching:
            return dispatching.drain()

    def live(self) -> None:
        """Have a subscription go through its whole life, without sending anything."""
        self.isp.sell()
        self.isp.work()
        for action in (Action.BLOCK, Action.UNBLOCK, Action.CANCEL):
            self.isp.ask(action)
            self.isp.work()

    def messages(self) -> list[Any]:
        """Return every message in the store."""
        from sqlalchemy import select
        from svahub.store.rows import MessageRow
        from svahub.store.tables import outbox

        with self.hub.store.read() as connection:
            return [MessageRow(*row) for row in connection.execute(select(outbox).order_by(outbox.c.id))]

    def status(self) -> Any:
        """Return how it stands with the only target."""
        return self.office.outbox.status().targets[0]


SUBSCRIPTIONS = tuple(kind for kind in NewsKind if kind.value.startswith("subscription."))


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear(seed=1).running() as ear:
        yield ear


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())


@pytest.fixture
def telling(open_isp: Callable[..., Any], finding: type, ear: Ear) -> Telling:
    """Return an ISP on SQLite whose target is yet to be added."""
    return Telling(open_isp(finding), ear)


@pytest.fixture
def telling_on_each(open_isp_on_each: Callable[..., Any], finding: type, ear: Ear) -> Telling:
    """Return the same, once on each database."""
    return Telling(open_isp_on_each(finding), ear)


@pytest.fixture
def telling_at() -> Callable[..., Telling]:
    """Return what makes an ISP that was opened otherwise tell."""
    return Telling
