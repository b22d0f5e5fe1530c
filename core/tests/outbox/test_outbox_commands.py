"""`svahub outbox`, and what else tells how it stands with what other systems are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from svahub.cli import main
from svahub.doctor.premises import Premises
from svahub.doctor.telling import outbox, targets_secrets
from svahub.secrets import KEY_VARIABLE
from svahub.server.metrics import StoreCollector
from svahub.testing.http import Answer


@pytest.fixture
def run(telling: Any) -> Callable[..., Result]:
    def run(*arguments: str, expect: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments), obj=telling.hub)
        assert result.exit_code == expect, result.output
        return result

    return run


def added(run: Callable[..., Result], telling: Any, *more: str) -> Any:
    told = run("outbox", "add", telling.ear.hook_url, "--name", "ear", "--allow-private", "--json", *more)
    shown = json.loads(told.stdout)
    telling.ear.secrets.append(shown["secret"])
    return shown


def test_a_secret_that_was_made_is_shown_once(run: Any, telling: Any) -> None:
    shown = added(run, telling)
    assert shown["secret"].startswith("whsec_")
    assert shown["secret"] not in run("outbox", "list", "--json").output + run("audit", "list", "--json").output
    with telling.hub.store.read() as connection:
        assert shown["secret"] not in str(connection.exec_driver_sql("SELECT * FROM outbox_targets").all())


def test_a_target_is_told_of_the_events_that_were_named(run: Any, telling: Any) -> None:
    added(run, telling, "--events", "customer.status,subscription.blocked", "--events", "subscription.cancelled")
    telling.live()
    telling.dispatch()
    assert {told["type"] for told in telling.ear.once} == {
        "customer.status",
        "subscription.blocked",
        "subscription.cancelled",
    }


def test_an_event_that_there_is_not_is_a_usage_error(run: Any) -> None:
    result = run("outbox", "add", "https://example.com/", "--events", "customer.born", expect=2)
    assert "there are customer.status" in result.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/hook", "Messages go by https"),
        ("ftp://example.com/hook", "A target is https"),
        ("https://eva@example.com/", "without user"),
        ("https://", "A target is https"),
        ("https://example..com/", "host is no name"),
        (f"https://{'a' * 64}.example.com/", "host is no name"),
        ("https://example.com:65536/", "from 1 to 65535"),
        ("https://[2001:db8::1]/", "--name NAME"),
    ],
)
def test_where_nothing_could_be_sent_is_refused(run: Any, url: str, said: str) -> None:
    assert said in run("outbox", "add", url, expect=1).stderr


def test_a_dry_run_adds_nothing(run: Any) -> None:
    run("outbox", "add", "https://example.com/", "--dry-run")
    assert run("outbox", "list", "--json").stdout == "[]\n"


def test_a_name_is_given_once(run: Any) -> None:
    run("outbox", "add", "https://example.com/a")
    assert "There is a target 'example.com' already" in run("outbox", "add", "https://example.com/b", expect=1).stderr


def test_a_test_shows_what_the_target_answers(run: Any, telling: Any) -> None:
    added(run, telling)
    shown = json.loads(run("outbox", "test", "ear", "--json").stdout)
    assert (shown["delivered"], shown["status"]) == (True, 204)
    ((_, told),) = telling.ear.heard
    assert {told["data"][name] for name in ("customer", "contract", "item")} == {None}
    telling.ear.answer = lambda _told: Answer(418, {"message": "short and stout"})
    shown = json.loads(run("outbox", "test", "ear", "--json", expect=1).stdout)
    assert (shown["delivered"], shown["status"]) == (False, 418)
    assert "short and stout" in shown["cause"]
    assert telling.messages() == []


def test_other_systems_are_told_by_work(run: Any, telling: Any) -> None:
    added(run, telling)
    telling.isp.sell()
    run("work", "--once", "--json")
    assert telling.kinds == ["customer.status", "subscription.activated"]


@pytest.fixture
def parked(run: Any, telling: Any) -> int:
    """Have a message parked, and return its number."""
    added(run, telling, "--events", "customer.status")
    telling.ear.answer = lambda _told: Answer(500)
    telling.isp.sell()
    telling.dispatch()
    telling.isp.clock.advance(days=3)
    telling.dispatch()
    telling.ear.answer = lambda _told: Answer(204)
    (message,) = telling.messages()
    assert message.state.value == "parked"
    return int(message.id)


def test_what_is_parked_makes_every_status_exit_with_4(run: Any, telling: Any, parked: int) -> None:
    telling.isp.work()
    for command in (("outbox", "status"), ("status",), ("work", "--once")):
        assert run(*command, "--json", expect=4).stdout
    assert f"replay {parked}" in json.loads(run("outbox", "status", "--json", expect=4).stdout)["troubled"][0]["advice"]
    assert "1 message parked" in run("status", expect=4).stdout


def test_a_replay_by_number_or_since_a_day_sends_it(run: Any, telling: Any, parked: int) -> None:
    run("outbox", "replay", str(parked))
    telling.dispatch()
    run("outbox", "replay", "--since", "2026-11-23", "--target", "ear")
    telling.dispatch()
    assert len(telling.ear.heard) == 2
    assert len(telling.ear.once) == 1
    assert "99" in run("outbox", "replay", "99", expect=1).stdout


def test_what_is_let_go_is_never_sent(run: Any, telling: Any, parked: int) -> None:
    run("outbox", "discard", str(parked), "--yes")
    telling.dispatch()
    assert telling.ear.heard == []
    assert "discarded" in run("outbox", "discard", str(parked), "--yes", expect=1).stderr


def test_a_target_that_is_removed_is_told_nothing_more(run: Any, telling: Any) -> None:
    added(run, telling)
    telling.isp.sell()
    shown = json.loads(run("outbox", "remove", "ear", "--yes", "--json").stdout)
    assert (shown["dropped"], telling.messages()) == (1, [])
    telling.isp.work()
    assert telling.dispatch() == 0


def test_rotating_shows_the_new_secret_once_and_until_when_both_sign(run: Any, telling: Any) -> None:
    first = added(run, telling)["secret"]
    shown = json.loads(run("outbox", "rotate", "ear", "--hours", "2", "--json").stdout)
    assert shown["secret"] not in {first, None}
    assert shown["former_until"] == "2026-11-23T14:00:00+00:00"


# -- what watches ------------------------------------------------------------------------------------------------------


def metrics(telling: Any) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(StoreCollector(telling.hub.store))
    return {
        (sample.name.removeprefix("svahub_outbox_"), *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if sample.name.startswith("svahub_outbox_")
    }


def test_lag_and_failures_are_metrics(run: Any, telling: Any, parked: int) -> None:
    found = metrics(telling)
    assert found["lag_seconds", "default", "ear"] == 3 * 86400
    assert found["messages", "default", "ear", "parked"] == 1
    assert found["tries_total", "default", "ear", "failed"] == 2
    run("outbox", "replay", str(parked))
    telling.dispatch()
    found = metrics(telling)
    assert found["lag_seconds", "default", "ear"] == found["messages", "default", "ear", "parked"] == 0
    assert found["tries_total", "default", "delivered", "ear"] == 1


def findings(telling: Any, check: Any) -> list[tuple[str, str]]:
    premises = Premises(telling.hub.store, telling.hub.registry)
    return [(finding.verdict.value, finding.found) for finding in check(premises)]


def test_doctor_tells_of_a_target_that_takes_nothing_and_of_messages_that_nobody_sends(run: Any, telling: Any) -> None:
    added(run, telling, "--events", "customer.status")
    telling.isp.sell()
    assert findings(telling, outbox) == []
    telling.isp.clock.advance(minutes=5)
    ((verdict, found),) = findings(telling, outbox)
    assert (verdict, "are not sent" in found) == ("error", True)
    telling.ear.answer = lambda _told: Answer(500)
    telling.dispatch()
    ((verdict, found),) = findings(telling, outbox)
    assert (verdict, "does not take" in found) == ("warning", True)


def test_doctor_tells_of_a_secret_that_cannot_be_read(run: Any, telling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    added(run, telling)
    assert findings(telling, targets_secrets) == []
    monkeypatch.delenv(KEY_VARIABLE)
    ((verdict, found),) = findings(telling, targets_secrets)
    assert (verdict, "'ear'" in found) == ("error", True)
