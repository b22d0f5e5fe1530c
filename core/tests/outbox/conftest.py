"""An ISP that tells, and a system on a real socket that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select
from svahub.areas.outbox import NewTarget
from svahub.dispatching import Dispatching
from svahub.hub import Hub, TenantHub
from svahub.secrets import KEY_VARIABLE
from svahub.store.rows import MessageRow
from svahub.store.tables import outbox
from svahub.testing.ear import Ear
from svahub.verbs import Action


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
        with self.hub.store.read() as connection:
            return [MessageRow(*row) for row in connection.execute(select(outbox).order_by(outbox.c.id))]

    @property
    def kinds(self) -> list[str]:
        """What the ear was told, each message once."""
        return [told["type"] for told in self.ear.once]

    def status(self) -> Any:
        """Return how it stands with the only target."""
        return self.office.outbox.status().targets[0]


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
