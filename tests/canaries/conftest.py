"""What canaries may ask for: an ISP that has sold one contract at the simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from svahub.cli import main
from svahub.hub import Hub
from svahub.models import Environment
from svahub.testing.clocks import HandClock
from svahub_teleclinica.simulator import TeleClinicaSimulator

from canaries.persons import Person
from canaries.shop import Shop


@pytest.fixture
def hub(usual_database_url: str) -> Iterator[Hub]:
    """Return an installation with an empty store; nobody waits for its retries."""
    with Hub.open(usual_database_url, clock=HandClock()) as hub:
        yield hub


@pytest.fixture
def shop(hub: Hub, clinic: TeleClinicaSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return an ISP that has sold one contract to a made-up person."""
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("SVAHUB_SECRET_KEY", key)
    monkeypatch.setenv("SVAHUB_DEBUG", "1")
    monkeypatch.setenv("SVAHUB_LOG_LEVEL", "debug")
    shop = Shop(hub, tmp_path, Person(), clinic.credentials["password"], key)
    user = f"username={clinic.credentials['username']}"
    shop.run(
        "integration", "add", "tele", "--provider", "teleclinica", "--environment", Environment.STAGING.value,
        "--base-url", clinic.url, "--set", user, "--secret", "password=-", stdin=shop.password + "\n",
    )  # fmt: skip
    shop.run("plans", "sync", "tele")
    plan = json.loads(CliRunner().invoke(main, ["--log-level", "error", "plans", "list", "--json"], obj=hub).stdout)[0]
    shop.run(
        "products", "link", "TM", "--product-type", "telemedicine", "--integration", "tele", "--plan", plan["remote_id"]
    )
    shop.run("contracts", "import", shop.file("first.jsonl", json.dumps(shop.person.level("C1", "P1"))))
    shop.run("work", "--once")
    return shop
