"""Opening an integration: the environment fence, settings and secrets, and a plugin that fails to be made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr, field_validator
from svahub import Environment, IntegrationSettings
from svahub.clock import SystemClock
from svahub.errors import PluginBug, Refused
from svahub.opening import base_url, hosts, open_integration, secret_fields, validated
from svahub.registry import ProviderKind, Registry
from svahub.settings import Auth, HeaderToken
from svahub.store.rows import IntegrationRow
from svahub.store.states import IntegrationState

STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION
WORD = "opens-sesame"


class OneProvider:
    """What a registry returns; opening asks no more of a provider than this."""

    title = "One"
    block_scope = "account"
    deduplication = "reference"
    settle_seconds = 7
    hosts: ClassVar = {STAGING: ("https://staging.example.com/v1",), PRODUCTION: ("https://live.example.com/v1",)}

    class Settings(IntegrationSettings):
        region: str
        token: SecretStr
        spare: SecretStr | None = None

        @field_validator("token")
        @classmethod
        def _long(cls, token: SecretStr) -> SecretStr:
            if len(token.get_secret_value()) < 8:
                raise ValueError(f"{token.get_secret_value()} is too short")
            return token

        @field_validator("region")
        @classmethod
        def _known(cls, region: str) -> str:
            return {"south": "south", "north": "north"}[region]

        def auth(self) -> Auth:
            if self.region == "north":
                raise LookupError(WORD)
            return HeaderToken(self.token)

    def __init__(self, settings: Settings, client: Any) -> None:
        self.settings, self.client = settings, client


class FailsWhenMade(OneProvider):
    def __init__(self, settings: Any, client: Any) -> None:
        raise KeyError(WORD)


class OnlyProvider(Registry):
    """A registry of one provider and no wrappers."""

    def __init__(self, cls: type[OneProvider]) -> None:
        super().__init__()
        self._kinds = {"one": ProviderKind("one", cls)}

    wrappers = ()


KIND = ProviderKind("one", OneProvider)


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> IntegrationRow:
    monkeypatch.setenv("OF_THIS_TEST", WORD)
    return IntegrationRow(
        tenant="default",
        name="one",
        provider="one",
        distribution=None,
        environment=STAGING,
        base_url="https://staging.example.com/v1",
        settings={"region": "south"},
        secrets={"token": "env:OF_THIS_TEST"},
        state=IntegrationState.ENABLED,
        cause=None,
        paused_until=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def open_it(row: IntegrationRow, cls: type[OneProvider] = OneProvider) -> Any:
    return open_integration(row, OnlyProvider(cls), clock=SystemClock())


# -- the fence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", Environment)
def test_without_an_address_the_providers_own_is_used(environment: Environment) -> None:
    assert base_url(KIND, environment, None) == OneProvider.hosts[environment][0]


@pytest.mark.parametrize(("environment", "other"), [(STAGING, PRODUCTION), (PRODUCTION, STAGING)])
def test_an_integration_never_reaches_the_other_environment(environment: Environment, other: Environment) -> None:
    with pytest.raises(Refused, match=f"{other.value} host, and this integration is for {environment.value}"):
        base_url(KIND, environment, OneProvider.hosts[other][0])


@pytest.mark.parametrize("address", ["https://LIVE.example.com/v1", "https://live.example.com:443/elsewhere"])
def test_writing_a_host_otherwise_does_not_cross_the_fence(address: str) -> None:
    with pytest.raises(Refused, match="production host"):
        base_url(KIND, STAGING, address)


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example.com/v1",
        "https://staging.example.com.elsewhere.example/v1",
        "https://live.example.com./v1",
        "https://user@staging.example.com/v1",
        "ftp://staging.example.com/v1",
        "staging.example.com",
        "",
        "https://[::1",
    ],
)
def test_an_unknown_host_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        base_url(KIND, STAGING, address)


def test_another_path_of_a_known_host_is_taken() -> None:
    assert base_url(KIND, STAGING, "https://staging.example.com/v2") == "https://staging.example.com/v2"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000/v1", "http://localhost:1", "http://[::1]:8000"])
@pytest.mark.parametrize("environment", Environment)
def test_plain_http_goes_to_this_machine(environment: Environment, address: str) -> None:
    assert base_url(KIND, environment, address) == address


@pytest.mark.parametrize("address", ["http://staging.example.com/v1", "http://10.0.0.1/v1", "http://localhost.example"])
def test_plain_http_goes_nowhere_else(address: str) -> None:
    with pytest.raises(Refused, match="Use https"):
        base_url(KIND, STAGING, address)


def test_an_environment_that_the_provider_does_not_declare_needs_an_address() -> None:
    class Staged(OneProvider):
        hosts: ClassVar = {STAGING: ("https://staging.example.com",)}

    with pytest.raises(Refused, match="--base-url"):
        base_url(ProviderKind("one", Staged), PRODUCTION, None)


def test_the_fence_stands_when_an_integration_is_opened_too(row: IntegrationRow) -> None:
    with pytest.raises(Refused, match="is no host of this provider in this environment"):
        open_it(replace(row, base_url="https://live.example.com/v1"))


def test_only_the_environments_own_hosts_may_be_called() -> None:
    assert hosts(KIND, STAGING, "https://staging.example.com/v1") == {"staging.example.com"}


class Anywhere(OneProvider):
    """Its addresses are told to who gets an account."""

    hosts: ClassVar = {}


ANYWHERE, ADDRESS = ProviderKind("one", Anywhere), "https://told.example.com/v1"


def test_a_provider_that_declares_no_host_is_called_where_the_integration_says(row: IntegrationRow) -> None:
    assert base_url(ANYWHERE, STAGING, ADDRESS) == ADDRESS
    with open_it(replace(row, base_url=ADDRESS), Anywhere).client as client:
        assert client.url("/plans") == f"{ADDRESS}/plans"


def test_a_provider_that_declares_no_host_is_not_called_without_an_address() -> None:
    with pytest.raises(Refused, match="--base-url"):
        base_url(ANYWHERE, STAGING, None)


def test_a_provider_that_declares_no_host_is_not_called_in_the_clear() -> None:
    with pytest.raises(Refused, match="Use https"):
        base_url(ANYWHERE, STAGING, "http://told.example.com/v1")


def test_without_declared_hosts_one_environment_is_not_called_where_the_other_is(row: IntegrationRow) -> None:
    live = replace(row, name="live", provider="one", environment=PRODUCTION, base_url=ADDRESS)
    with pytest.raises(Refused, match="for production by 'live', and this integration is for staging"):
        base_url(ANYWHERE, STAGING, "https://TOLD.example.com/v2", [live])
    assert base_url(ANYWHERE, PRODUCTION, ADDRESS, [live]) == ADDRESS


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"region": "south", "timeout": "-99"}, ["timeout"]),
        ({"region": "south", "regoin": "-99"}, ["regoin"]),
        ({"region": {"a": "-99"}, "adopt": "-99"}, ["region", "adopt"]),
        ({}, ["region"]),
    ],
)
def test_wrong_settings_are_named_without_their_values(settings: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        validated(KIND, settings, {"token": WORD})
    assert all(f"{field}: " in str(refusal.value) for field in fields)
    assert not {"-99", WORD} & set(str(refusal.value).replace(",", " ").split())
    assert "--help-settings" in str(refusal.value)


def test_a_secret_that_a_plugins_validator_quotes_is_hidden() -> None:
    with pytest.raises(Refused, match=r"token: \*\*\* is too short") as refusal:
        validated(KIND, {"region": "south"}, {"token": "sesame"})
    assert "sesame" not in str(refusal.value)
    assert (refusal.value.__cause__, refusal.value.__context__) == (None, None)


def test_a_validator_that_breaks_is_the_plugins_bug() -> None:
    with pytest.raises(PluginBug, match="one's Settings raised KeyError") as bug:
        validated(KIND, {"region": "west"}, {"token": WORD})
    assert "west" not in str(bug.value)


def test_a_secret_is_never_a_plain_setting() -> None:
    assert secret_fields(KIND) == {"token", "spare"}


# -- opening -----------------------------------------------------------------------------------------------------------


def test_what_is_opened_has_the_resolved_secret(row: IntegrationRow) -> None:
    opened = open_it(row)
    assert opened.settings.token.get_secret_value() == WORD
    assert WORD not in repr(opened.settings)
    opened.client.close()


def test_a_setting_outweighs_what_the_provider_declares(row: IntegrationRow) -> None:
    declared, own = open_it(row), open_it(replace(row, settings={**row.settings, "settle_seconds": 0}))
    assert (declared.facts.settle_seconds, own.facts.settle_seconds) == (7, 0)
    declared.client.close()
    own.client.close()


def test_a_secret_that_is_gone_is_named(row: IntegrationRow) -> None:
    with pytest.raises(Refused, match="env:NOT_SET"):
        open_it(replace(row, secrets={"token": "env:NOT_SET"}))


def test_a_provider_that_fails_when_it_is_made_is_the_plugins_bug(row: IntegrationRow) -> None:
    with pytest.raises(PluginBug, match="one raised KeyError") as bug:
        open_it(row, FailsWhenMade)
    assert WORD not in str(bug.value)


def test_settings_that_fail_to_tell_how_to_authenticate_are_the_plugins_bug(row: IntegrationRow) -> None:
    with pytest.raises(PluginBug, match="one's auth raised LookupError"):
        open_it(replace(row, settings={"region": "north"}))
