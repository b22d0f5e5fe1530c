"""Where Asaas is to tell of payments: registered, looked at, resumed."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

WEBHOOK = ("asaas", "webhook")
TOKEN = "ASAAS_TOKEN_OF_TESTS"  # noqa: S105  # the name of a variable


@pytest.fixture
def ready(isp: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return an installation with the token that Asaas is to send."""
    monkeypatch.setenv(TOKEN, secrets.token_urlsafe(32))
    isp.office.integrations.set("bill", secret={"webhook_token": f"env:{TOKEN}"})
    return isp


def hook(isp: Any) -> Any:
    (only,) = isp.asaas.postman.webhooks.values()
    return only


def test_a_webhook_leads_to_the_integrations_own_address_and_bears_its_token(
    ready: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ready.told(*WEBHOOK, "register", "http://127.0.0.1:9/", "--email", "isp@example.com")
    endpoint = ready.office.integrations.show("bill").endpoint
    assert told["url"] == f"http://127.0.0.1:9{endpoint}"
    assert (hook(ready).send_type, hook(ready).email) == ("SEQUENTIALLY", "isp@example.com")
    assert len(hook(ready).token) >= 32
    assert "PAYMENT_RECEIVED" in hook(ready).events
    assert hook(ready).token not in str(told)


def test_registering_again_sets_the_same_one_anew(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.told(*WEBHOOK, "register", "http://127.0.0.1:9")
    before = hook(ready).token
    monkeypatch.setenv(TOKEN, secrets.token_urlsafe(32))
    url = ready.told(*WEBHOOK, "status")[0]["url"]
    ready.told(*WEBHOOK, "register", url)
    assert hook(ready).token != before


def test_without_a_token_nothing_is_registered_and_it_is_said_how(isp: Any) -> None:
    told = isp.invoke(*WEBHOOK, "register", "http://127.0.0.1:9", code=1).output
    assert "svahub integration set bill --secret webhook_token=env:VARIABLE" in told
    assert isp.asaas.postman.webhooks == {}


@pytest.mark.parametrize("url", ["billing.example.br", "ftp://a.example", "https://a.example/?x=1", "https://"])
def test_what_is_no_address_of_a_server_is_refused(ready: Any, url: str) -> None:
    assert "write it as https://host" in ready.invoke(*WEBHOOK, "register", url, code=1).output


def test_an_interrupted_webhook_is_shown_and_resumed(ready: Any) -> None:
    assert ready.told(*WEBHOOK, "status") == []
    assert "webhook register URL" in ready.invoke(*WEBHOOK, "resume", code=1).output
    ready.told(*WEBHOOK, "register", "http://127.0.0.1:9")
    hook(ready).interrupted = True
    assert "svahub asaas webhook resume" in ready.invoke(*WEBHOOK, "status").stderr
    assert ready.told(*WEBHOOK, "status")[0]["interrupted"]
    assert not ready.told(*WEBHOOK, "resume")["interrupted"]
    assert not hook(ready).interrupted


def test_what_is_done_at_asaas_is_in_the_audit_without_the_token(ready: Any) -> None:
    ready.told(*WEBHOOK, "register", "http://127.0.0.1:9")
    entries = str(ready.told("audit", "list"))
    assert "asaas webhook register" in entries
    assert hook(ready).token not in entries
