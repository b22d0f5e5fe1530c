"""No secret leaves the store's seal, nor a plugin's bug what it was about."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from svahub.cli import main
from svahub.hub import Hub
from svahub_teleclinica.simulator import TeleClinicaSimulator

from canaries.persons import Person, marks_of_secret
from canaries.shop import Shop, absent, stored


def test_no_secret_is_repeated_when_settings_or_secrets_are_wrong(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, clinic: TeleClinicaSimulator
) -> None:
    wrong = secrets.token_urlsafe(18)
    monkeypatch.setenv("WRONG_WORD", wrong)
    add = (
        "integration",
        "add",
        "two",
        "--provider",
        "teleclinica",
        "--environment",
        "staging",
        "--base-url",
        clinic.url,
    )
    shop.run(*add, "--set", "username=u", "--secret", "password=env:WRONG_WORD")
    shop.run("integration", "test", "two")
    shop.run(*add, "--set", "timeout=soon", "--set", "routes=" + wrong, "--secret", "password=env:WRONG_WORD")
    shop.run(*add, "--set", "username=u", "--secret", f"password={wrong}")
    shop.run("--database", f"postgresql://u:{wrong}@127.0.0.1:1/none", "contracts", "list")
    result = CliRunner().invoke(main, ["--database", f"postgresql://u:{wrong}@127.0.0.1:1/none", "contracts", "list"])
    shop.printed.append("\n" + result.output)
    monkeypatch.setenv("SVAHUB_SECRET_KEY", wrong)
    shop.run("work", "--once")
    shop.run("integration", "list", "--json")
    hidden = [*marks_of_secret(wrong), *marks_of_secret(shop.password), shop.key]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub, frozenset()), hidden)


def test_no_secret_is_in_the_files_of_the_store(sqlite_url: str, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("skip"):
        return
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with Hub.open(sqlite_url) as hub:
        clinic = request.getfixturevalue("clinic")
        folder, monkeypatch = request.getfixturevalue("tmp_path"), request.getfixturevalue("monkeypatch")
        key = Fernet.generate_key().decode()
        monkeypatch.setenv("SVAHUB_SECRET_KEY", key)
        shop = Shop(hub, folder, Person(), clinic.credentials["password"], key)
        shop.run(
            "integration", "add", "tele", "--provider", "teleclinica", "--environment", "staging", "--base-url",
            clinic.url, "--set", "username=u", "--secret", "password=-", stdin=shop.password + "\n",
        )  # fmt: skip
        shop.run("plans", "sync", "tele")
        shop.run("integration", "test", "tele")
        raw = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    raw += b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    assert len(raw) > 10_000
    assert [mark for mark in [*marks_of_secret(shop.password), key] if mark.encode() in raw] == []


RARELY = [pytest.param(kind, marks=pytest.mark.deep) for kind in ("ValueError", "TypeError", "BaseException")]
BUGGY = """
from svahub import hookimpl


@hookimpl(wrapper=True)
def block(subscription, reasons):
    yield
    c = subscription.account.customer
    raise KIND(f"{c.name} {c.document} {c.email} {c.phone} {c.birth_date}")
"""


@pytest.mark.parametrize("kind", ["KeyError", "SystemExit", *RARELY])
def test_a_plugins_bug_does_not_tell_of_whom_it_was_about(shop: Shop, site: Any, kind: str) -> None:
    source = BUGGY.replace("KIND", kind)
    site.install("svahub-buggy", "[svahub.hooks]\nbuggy = svahub_buggy\n", svahub_buggy=source)
    shop.hub = Hub(shop.hub.store)
    shop.run("block", "C1", "--timeout", "2")
    shop.run("operations", "list", "--json")
    assert any("raised" in text for text in shop.printed), shop.printed[-2:]
    assert shop.leaks([*shop.person.marks, *marks_of_secret(shop.password)]) == []
    absent(stored(shop.hub), shop.person.marks)


@pytest.mark.parametrize("group", ["providers", "hooks"])
def test_a_plugin_that_cannot_be_loaded_repeats_nothing(shop: Shop, site: Any, group: str) -> None:
    whole = [shop.person.document, shop.person.email, shop.password]
    source = f"raise ValueError({' '.join(whole)!r})\n"
    site.install("svahub-torn", f"[svahub.{group}]\ntorn = svahub_torn\n", svahub_torn=source)
    for asked in (("plugins",), ("plugins", "--json"), ("doctor",), ("doctor", "--json")):
        shop.run(*asked)
    assert any("ValueError: " in text for text in shop.printed)
    assert shop.leaks(whole) == []
