"""The commands of integrations: added with secrets by reference, tested, disabled and removed."""

from __future__ import annotations

import pytest
from svahub.hub import Hub, TenantHub

from cli_calls.calls import VARIABLE, WORD, Run, shown

FROM_INPUT = "password=-"


def test_an_integration_is_added_with_its_secret_by_reference(add: Run) -> None:
    view = shown(add("--secret", f"password=env:{VARIABLE}", "--set", "routes.block=/stop/{user}", "--json"))
    assert (view["name"], view["status"]) == ("other", "enabled")
    assert view["secrets"] == {"password": f"env:{VARIABLE}"}
    assert view["settings"] == {"username": "u", "routes": {"block": "/stop/{user}"}}


@pytest.mark.parametrize(("secret", "code"), [(f"password={WORD}", 1), (WORD, 2), (f"={WORD}", 2), (f"word={WORD}", 1)])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(add: Run, secret: str, code: int) -> None:
    result = add("--secret", secret, code=code)
    assert ("env:VAR" in result.stderr, WORD in result.output) == (True, False)


def test_a_secret_from_standard_input_is_kept_encrypted(add: Run, monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    from cryptography.fernet import Fernet

    monkeypatch.setenv("SVAHUB_SECRET_KEY", Fernet.generate_key().decode())
    view = shown(add("--secret", FROM_INPUT, "--json", stdin=f"{WORD}\n"))
    assert list(view["secrets"].values()) == ["stored, encrypted"]
    with hub.store.read() as connection:
        assert WORD not in str(connection.exec_driver_sql("SELECT * FROM integrations").all())


def test_without_a_key_no_secret_is_kept(add: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SVAHUB_SECRET_KEY", raising=False)
    assert "SVAHUB_SECRET_KEY" in add("--secret", FROM_INPUT, stdin=f"{WORD}\n", code=1).stderr


def test_a_dry_run_adds_no_integration(add: Run, run: Run) -> None:
    add("--secret", f"password=env:{VARIABLE}", "--dry-run")
    assert [view["name"] for view in shown(run("integration", "list", "--json"))] == ["tele"]


@pytest.mark.parametrize("settings", [["a.b=1", "a=2"], ["a=1", "a.b=2"], ["a=1", "a=1"], ["a"], ["=1"]])
def test_settings_that_contradict_one_another_are_a_usage_error(add: Run, settings: list[str]) -> None:
    add(*[word for setting in settings for word in ("--set", setting)], code=2)


def test_the_settings_are_listed_with_a_provider_alone(run: Run) -> None:
    command = ("integration", "add", "--provider", "teleclinica", "--help-settings")
    described = {row["name"]: row for row in shown(run(*command, "--json"))}
    assert (described["password"]["kind"], described["password"]["required"]) == ("secret", True)
    assert described["routes.block"]["default"] == "/users/{user}/block"
    assert described["adopt"]["kind"] == "link|ask|refuse"
    assert "routes.block" in run(*command).stdout


@pytest.mark.parametrize("missing", ["other", "--environment"])
def test_what_is_missing_is_a_usage_error(run: Run, missing: str) -> None:
    given = ["integration", "add", "other", "--provider", "teleclinica", "--environment", "staging"]
    at = given.index(missing)
    run(*given[:at], *given[at + 1 + missing.startswith("--") :], code=2)


def test_a_test_call_tells_that_all_is_well(run: Run, office: TenantHub) -> None:
    tested = shown(run("integration", "test", "tele", "--json"))
    assert (tested["ok"], tested["fault"]) == (True, None)


def test_a_test_call_that_fails_names_what_is_at_fault(
    run: Run, office: TenantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, WORD)
    assert "credentials" in run("integration", "test", "tele", code=1).stdout


def test_an_integration_is_disabled_enabled_and_removed(run: Run, office: TenantHub) -> None:
    assert shown(run("integration", "disable", "tele", "--json"))["status"] == "disabled"
    assert shown(run("integration", "enable", "tele", "--json"))["status"] == "enabled"
    run("integration", "remove", "tele", "--dry-run")
    assert shown(run("integration", "show", "tele", "--json"))["live_subscriptions"] == 0
    run("integration", "remove", "tele", "--yes")
    assert "No integration 'tele'" in run("integration", "show", "tele", code=1).stderr


def test_an_integration_with_live_subscriptions_is_not_removed(shop: Run) -> None:
    assert "3 live subscriptions" in shop("integration", "remove", "tele", code=1).stderr
