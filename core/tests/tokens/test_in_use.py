"""Tokens in an installation: workers and commands share them, a refusal stops the integration, copies have none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from svahub import (
    Auth,
    BlockReason,
    BlockScope,
    ChecksConnection,
    ClientCredentials,
    Deduplication,
    Environment,
    IntegrationSettings,
    Lifecycle,
    Observed,
    Plan,
    RemoteUser,
    Subscription,
    hookimpl,
)
from svahub.areas import backups, copies
from svahub.doctor.accounts import shared_tokens
from svahub.doctor.findings import Verdict
from svahub.doctor.premises import Premises
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.registry import ProviderKind, Registry
from svahub.secrets import KEY_VARIABLE
from svahub.store import Store, catalogue, tokens, versions
from svahub.store.rows import LinkRow

VARIABLE = "WORD_OF_THE_ISSUER"
LEVEL = {
    "contract_id": "C1",
    "customer": {"id": "P1", "name": "Pessoa Inventada", "document": "52998224725"},
    "items": [{"code": "1", "product_code": "X", "quantity": 1}],
}


class BearingSettings(IntegrationSettings):
    """Credentials that bring a token."""

    client_id: str
    client_secret: SecretStr

    def auth(self) -> Auth:
        return ClientCredentials("/oauth/token", self.client_id, self.client_secret)


class Bearing(Lifecycle, ChecksConnection):
    """Does a thing at the provider for whatever it is asked."""

    title = "Bearing"
    contract_version = 1
    deduplication = Deduplication.IDEMPOTENCY_KEY
    block_scope = BlockScope.SUBSCRIPTION
    settle_seconds = 10
    hosts = {Environment.STAGING: ("https://bearing.example.com",)}  # noqa: RUF012 -- as plugins write it
    Settings = BearingSettings

    def __init__(self, settings: BearingSettings, client: Any) -> None:
        self.client = client

    def _do(self) -> None:
        self.client.post("/things")

    @hookimpl
    def create_user(self, subscription: Subscription) -> RemoteUser:
        self._do()
        return RemoteUser(f"user-{subscription.key}", Observed.ACTIVE)

    @hookimpl
    def block(self, subscription: Subscription, reasons: frozenset[BlockReason]) -> None:
        self._do()

    @hookimpl
    def unblock(self, subscription: Subscription) -> None:
        self._do()

    @hookimpl
    def cancel(self, subscription: Subscription) -> None:
        self._do()

    @hookimpl
    def sync_plans(self) -> list[Plan]:
        self._do()
        return []

    @hookimpl
    def check_connection(self) -> None:
        self._do()


class OneInstalled(Registry):
    """A registry in which that provider is installed."""

    def installed(self, provider: str) -> bool:
        return True

    def provider(self, name: str) -> ProviderKind:
        return ProviderKind(name, Bearing, "svahub-bearing", "1")


@pytest.fixture
def office(sqlite_url, clock, issuer, key, monkeypatch) -> Iterator[TenantHub]:
    """Return a tenant that sells X at an integration `it`, whose credentials bring a token."""
    monkeypatch.setenv(VARIABLE, issuer.credentials["client_secret"])
    Hub.open(sqlite_url, clock=clock).close()
    with Hub(Store(sqlite_url, clock), OneInstalled(), draw=lambda: 0.5) as hub:
        office = hub.tenant("default")
        id, secret = {"client_id": issuer.credentials["client_id"]}, {"client_secret": f"env:{VARIABLE}"}
        office.integrations.add("it", "bearing", Environment.STAGING, address=issuer.url, settings=id, secret=secret)
        with hub.store.write() as connection:
            catalogue.put_link(connection, LinkRow("default", "X", "anything", "it", None))
        yield office


def _sell(office: TenantHub) -> None:
    assert not office.contracts.take_in([ContractRow.model_validate(LEVEL)]).errors
    with office.hub.work(threads=1) as worker:
        worker.drain()


def _kept(office: TenantHub) -> list[tuple[str, bool]]:
    with office.hub.store.read() as connection:
        return [(row.integration, bool(row.sealed)) for row in tokens.of_tenant(connection, "default")]


def test_a_worker_and_a_command_share_a_token(office, issuer) -> None:
    _sell(office)
    assert _kept(office) == [("it", True)]
    office.catalogue.sync("it")
    assert (issuer.tokens.given, issuer.things) == (1, 2)


@pytest.mark.parametrize(("permitted", "cause"), [(True, "credentials"), (False, "permission")])
def test_a_token_that_is_not_given_quarantines_and_says_what_is_at_fault(office, issuer, permitted, cause) -> None:
    issuer.tokens.permitted = permitted
    if permitted:
        issuer.accept()
    _sell(office)
    shown = office.integrations.show("it")
    assert shown.status == "quarantined"
    assert cause in shown.cause
    assert (VARIABLE in shown.cause) is permitted  # no other secret would help
    assert office.integrations.test("it").fault == cause


def test_nothing_of_tokens_or_credentials_is_in_the_clear_in_the_files_of_the_store(office, issuer, key) -> None:
    _sell(office)
    (token,) = issuer.tokens.alive()
    file = Path(office.hub.store.url.database)
    written = b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    assert b"/oauth/token" in written  # the exchange is recorded
    assert not [word for word in (token, issuer.credentials["client_secret"], key) if word.encode() in written]


def test_the_doctor_counts_shared_tokens_and_says_when_the_key_does_not_open_them(office, monkeypatch) -> None:
    assert list(shared_tokens(Premises(office.hub.store))) == []
    office.catalogue.sync("it")
    (found,) = shared_tokens(Premises(office.hub.store))
    assert (found.verdict, found.found) == (Verdict.OK, "1 access tokens are shared by processes, encrypted")
    monkeypatch.setenv(KEY_VARIABLE, Fernet.generate_key().decode())
    (found,) = shared_tokens(Premises(office.hub.store))
    assert found.verdict is Verdict.WARNING


def test_an_integration_that_is_removed_leaves_no_token(office) -> None:
    office.catalogue.sync("it")
    office.integrations.remove("it")
    assert _kept(office) == []


def test_a_backup_and_what_comes_back_from_it_have_no_tokens(office, tmp_path, empty_sqlite_url) -> None:
    office.catalogue.sync("it")
    backups.backup(office.hub.store, tmp_path / "b.db", actor="eva")
    with closing(sqlite3.connect(tmp_path / "b.db")) as made:
        assert made.execute("SELECT count(*) FROM tokens").fetchone() == (0,)
    with closing(Store(empty_sqlite_url)) as store:
        backups.restore(tmp_path / "b.db", store, Registry(), actor="eva")
        with store.read() as connection:
            assert tokens.of_tenant(connection, "default") == []
    assert _kept(office) == [("it", True)]


def test_a_copy_has_no_tokens_and_says_of_no_table_that_it_is_left_out(office, empty_sqlite_url) -> None:
    office.catalogue.sync("it")
    moved = copies.copy(office.hub.store, empty_sqlite_url, actor="eva")
    assert moved.left_out == ()
    with closing(Store(empty_sqlite_url)) as store, store.read() as connection:
        assert versions.current(connection) == versions.HEAD
        assert tokens.of_tenant(connection, "default") == []
