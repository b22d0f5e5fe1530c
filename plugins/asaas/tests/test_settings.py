"""What an integration with Asaas can be set to, and what is refused before anything is sent."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from svahub import Environment
from svahub.errors import Refused
from svahub_asaas.settings import AsaasSettings

PRODUCTION, STAGING = Environment.PRODUCTION, Environment.STAGING


def keyed(prefix: str, environment: Environment | None, **more: Any) -> AsaasSettings:
    key = prefix + secrets.token_urlsafe(32)
    return AsaasSettings.model_validate({"key": key, **more}, context={"environment": environment})


@pytest.mark.parametrize(("prefix", "environment"), [("$aact_prod_", STAGING), ("$aact_hmlg_", PRODUCTION)])
def test_the_key_of_the_other_environment_is_refused_and_not_repeated(prefix: str, environment: Environment) -> None:
    with pytest.raises(ValidationError, match="the key is of") as caught:
        keyed(prefix, environment)
    assert prefix not in str(caught.value)


@pytest.mark.parametrize(
    ("prefix", "environment"),
    [("$aact_prod_", PRODUCTION), ("$aact_hmlg_", STAGING), ("$aact_", STAGING), ("$aact_", PRODUCTION)],
)
def test_a_key_of_its_environment_or_an_older_one_that_tells_nothing_is_taken(
    prefix: str, environment: Environment
) -> None:
    assert keyed(prefix, environment).auth().header == "access_token"


def test_nothing_is_sent_with_the_key_of_the_other_environment(isp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "$aact_prod_" + secrets.token_urlsafe(32))
    add = isp.office.integrations.add
    told = "are wrong: the key is of production, and this integration is for staging: give it a key of staging. See"
    with pytest.raises(Refused, match=told):
        add("other", "asaas", STAGING, address=isp.asaas.url, secret={"key": "env:OTHER"})
    monkeypatch.setenv("ASAAS_KEY_OF_TESTS", "$aact_prod_" + secrets.token_urlsafe(32))
    isp.invoke("integration", "test", "bill", code=1)
    assert not isp.asaas.requests


@pytest.mark.parametrize(
    ("name", "value"),
    [("fine_percent", "2.005"), ("fine_percent", -1), ("discount_percent", 100), ("due_day", 32), ("cycle", "DAILY")],
)
def test_what_asaas_would_not_take_is_refused_when_it_is_set(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        keyed("$aact_", None, **{name: value})


def test_nothing_is_said_of_lateness_unless_it_is_set() -> None:
    assert keyed("$aact_", None).of_lateness() == {}


def test_an_item_says_what_is_its_own_and_the_settings_the_rest() -> None:
    settings = keyed("$aact_", None, fine_percent=2, due_day=5)
    assert settings.terms({}).due_day == 5
    assert settings.terms({}, 10).due_day == 10
    own = settings.terms({"due_day": 31, "fine_percent": "0.5", "key": "stays out"}, 10)
    assert (own.due_day, own.fine_percent) == (31, Decimal("0.5"))
    assert not hasattr(own, "key")
