"""`svahub integration set`: changing how an integration is called, checked as when it was registered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main


@pytest.fixture
def isp(open_isp: Callable[..., Any], bell: type) -> Any:
    """Return an ISP whose integration may be retried three times."""
    return open_isp(bell, retry_budget="3")


def set_(isp: Any, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["integration", "set", "basic", *arguments], stdin, obj=isp.hub)


def shown(isp: Any) -> Any:
    return json.loads(CliRunner().invoke(main, ["integration", "show", "basic", "--json"], obj=isp.hub).stdout)


def test_what_is_named_changes_and_the_rest_stays(isp: Any) -> None:
    before = shown(isp)
    assert set_(isp, "--set", "timeout=9", "--base-url", "https://basic.example.com/v2").exit_code == 0
    after = shown(isp)
    assert after["settings"] == {"retry_budget": "3", "timeout": "9"}
    assert after["base_url"] == "https://basic.example.com/v2"
    assert {name for name in before if before[name] != after[name]} == {"settings", "base_url"}


def test_what_is_let_go_is_as_the_plugin_has_it(isp: Any) -> None:
    assert set_(isp, "--unset", "retry_budget").exit_code == 0
    assert (shown(isp)["settings"], isp.office.bench.integration("basic").settings) == ({}, {})


def test_a_secret_is_set_by_reference_and_shown_by_it(isp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_THE_BELL", "a-token-of-the-test")
    assert set_(isp, "--secret", "webhook_token=env:TOKEN_OF_THE_BELL").exit_code == 0
    assert shown(isp)["secrets"] == {"webhook_token": "env:TOKEN_OF_THE_BELL"}
    assert set_(isp, "--unset", "webhook_token").exit_code == 0
    assert shown(isp)["secrets"] == {}


def test_a_dry_run_shows_what_would_be_and_changes_nothing(isp: Any) -> None:
    before = shown(isp)
    told = json.loads(set_(isp, "--set", "timeout=9", "--dry-run", "--json").stdout)
    assert (told["settings"]["timeout"], shown(isp)) == ("9", before)


REFUSED = {
    (): "Say what to change",
    ("--set", "timeout=soon"): "timeout: ",
    ("--set", "nothing=1"): "nothing: ",
    ("--unset", "timeout"): "timeout is not set",
    ("--base-url", "http://basic.example.com"): "basic.example.com",
    ("--set", "webhook_token=literal"): "webhook_token",
    ("--secret", "webhook_token=env:THERE_IS_NO_SUCH_VARIABLE"): "THERE_IS_NO_SUCH_VARIABLE",
}


def test_what_does_not_fit_is_refused_and_nothing_changes(isp: Any) -> None:
    before = shown(isp)
    for arguments, told in REFUSED.items():
        result = set_(isp, *arguments)
        assert (result.exit_code, told in result.stderr) == (1, True), result.stderr
        assert "literal" not in result.stderr.replace("literals", "")
    assert shown(isp) == before


WRONGLY_WRITTEN = (("--set", "timeout"), ("--secret", "webhook_token"), ("--set", "a=1", "--set", "a=2"))


def test_what_is_written_wrongly_is_a_usage_error(isp: Any) -> None:
    assert [set_(isp, *arguments).exit_code for arguments in WRONGLY_WRITTEN] == [2, 2, 2]


def test_the_books_tell_what_was_changed_and_no_value(isp: Any) -> None:
    set_(isp, "--set", "timeout=9", "--unset", "retry_budget")
    (entry,) = [entry for entry in isp.office.audit.list() if entry.command == "integration set"]
    assert entry.details["settings"] == ["retry_budget", "timeout"]


def test_the_path_at_which_deliveries_are_taken_is_shown_and_differs_by_integration(isp: Any) -> None:
    isp.integrate("second", "Y")
    views = json.loads(CliRunner().invoke(main, ["integration", "list", "--json"], obj=isp.hub).stdout)
    paths = [view["endpoint"] for view in views]
    assert all(path.startswith("/webhooks/") and len(path) == 10 + 32 for path in paths)
    assert len(set(paths)) == 2
