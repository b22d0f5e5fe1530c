"""What Asaas's error answers come to."""

from __future__ import annotations

from typing import Any

import pytest
from svahub import errors
from svahub.client import Answer
from svahub.testing import Fault
from svahub_asaas.meaning import meaning


def refusal(status: int = 429, errors: Any = None, hidden: tuple[str, ...] = (), **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("POST", status, names, None if errors is None else {"errors": errors}, hidden=hidden)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit_remaining": "0", "ratelimit_reset": "3600"}, 3600),
        ({"ratelimit_reset": "12.5"}, 12.5),
        ({"ratelimit_reset": "999999"}, 43200),
        ({"ratelimit_reset": "-3"}, 0),
        ({"ratelimit_reset": "nan"}, None),
        ({"ratelimit_reset": "soon", "retry_after": "7"}, 7),
        ({"ratelimit_remaining": "17", "ratelimit_reset": "40000"}, None),
        ({}, None),
    ],
)
def test_a_quota_that_is_used_up_is_waited_for_and_too_many_at_once_only_for_a_moment(
    headers: dict[str, str], seconds: float | None
) -> None:
    told = meaning(refusal(**headers))
    assert isinstance(told, errors.RateLimited)
    assert told.retry_after == seconds


def test_all_that_is_wrong_is_told_without_what_was_sent() -> None:
    wrong = [
        {"code": "invalid_name", "description": "O nome Ana Inventada é inválido."},
        {"code": "invalid_value", "description": "O valor é inválido."},
        {"code": "invalid_value", "description": "O valor é inválido."},
    ]
    told = meaning(refusal(400, wrong, hidden=("Ana Inventada",)))
    assert isinstance(told, errors.Rejected)
    assert told.code == "invalid_name"
    assert "O valor é inválido." in str(told)
    assert str(told).count("O valor") == 1
    assert "Inventada" not in str(told)


@pytest.mark.parametrize("body", [None, "text", [{"code": "x"}], "errors"])
def test_what_says_nothing_of_its_own_means_what_http_says(body: Any) -> None:
    assert meaning(refusal(400, body)) is None
    assert meaning(refusal(500)) is None
    assert meaning(Answer("GET", 400, {}, ["errors"])) is None


def test_the_seconds_come_from_asaas_own_header(till: Any) -> None:
    till.simulator.timings.retry_after_seconds = 77
    till.simulator.faults.next(Fault.RATE_LIMIT)
    with pytest.raises(errors.RateLimited) as caught:
        till.provider.check_connection()
    assert caught.value.retry_after == 77


def test_several_errors_of_one_answer_are_all_told(till: Any) -> None:
    with pytest.raises(errors.Rejected, match=r"invalid_billingType: .*; O campo value"):
        till.provider.client.post("/payments", {"customer": till.made().account.remote_id})
    till.simulator.asked.pop()


def test_every_request_says_who_asks(till: Any) -> None:
    till.provider.check_connection()
    assert till.simulator.asked[-1].header("user-agent").startswith("svahub-asaas/")
