"""What a plugin says that an answer of its provider means."""

from __future__ import annotations

import pytest
from svahub import errors
from svahub.client import Answer

from .provider import SECRET, Thing, answering, client


def test_a_plugin_may_say_what_an_error_answer_means() -> None:
    def busy(answer: Answer) -> errors.ProviderError | None:
        return errors.Busy(answer.json["state"]) if answer.status == 503 and answer.method == "POST" else None

    plain = client(answering(503, {"state": "closed"}))
    with pytest.raises(errors.Busy, match="closed"):
        plain.translating(busy).post("/things")
    with pytest.raises(errors.Unreachable):
        plain.translating(busy).get("/things")
    with pytest.raises(errors.OutcomeUnknown):
        plain.post("/things")


def refusing(answer: Answer) -> errors.ProviderError | None:
    said = answer.json.get("message") if isinstance(answer.json, dict) else answer.text
    return errors.Rejected("refused", answer.repeatable(said)) if said else None


@pytest.mark.parametrize("body", [{"message": f"no {SECRET}"}, f"<p>no {SECRET}</p>".encode()])
def test_a_success_that_is_doubted_may_be_a_refusal_and_tells_nobodys_data(body: object) -> None:
    doubting = client(answering(200, body)).translating(refusing, successes=True)
    with pytest.raises(errors.Rejected, match=r"no \*\*\*") as caught:
        doubting.post("/things", {"cpf": SECRET})
    assert SECRET not in str(caught.value)


def test_a_success_that_says_nothing_amiss_is_one_though_it_is_doubted() -> None:
    doubting = client(answering(200, {"id": "t1"})).translating(refusing, successes=True)
    assert doubting.get("/things", returns=Thing) == Thing(id="t1")


def test_a_success_is_not_doubted_unasked() -> None:
    client(answering(200, {"message": "no"})).translating(refusing).post("/things")
