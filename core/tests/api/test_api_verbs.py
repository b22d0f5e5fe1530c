"""Verbs over HTTP: written down and answered at once, repeated without harm, waited for where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from svahub import errors
from svahub.hub import TenantHub
from svahub.models import Reason


def verb(client: Any, name: str, key: str | None = None, contract: str = "C1", **body: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/contracts/{contract}/{name}", json=body, headers=headers)


@pytest.fixture
def client(api: Any, office: TenantHub, sign: Any) -> Any:
    """Return an operator's client of an ISP with one contract, C1, that is sold."""
    sign(office)
    return api.bearer(name="erp")


def numbers(answer: Any) -> list[int]:
    return [operation["id"] for operation in answer.json()["operations"]]


def test_a_verb_is_written_down_and_its_operations_are_told(client: Any, office: TenantHub) -> None:
    answer = verb(client, "block", reason="legal", note="letter 12")
    (operation,), (subscription,) = answer.json()["operations"], answer.json()["subscriptions"]
    assert answer.status_code == 202
    assert (operation["verb"], operation["outcome"], operation["reason"], operation["note"]) == (
        "block", "queued", "legal", "letter 12",
    )  # fmt: skip
    assert (subscription["contract_id"], subscription["desired"]) == ("C1", "BLOCKED")
    assert [o.id for o in office.operations.list()][-1] == operation["id"]


def test_what_is_asked_needs_no_body(client: Any) -> None:
    assert client.post("/contracts/C1/block").status_code == 202


def test_what_is_so_already_is_nothing_to_do(client: Any) -> None:
    answer = verb(client, "activate")
    assert (answer.status_code, numbers(answer)) == (200, [])


def test_a_remark_is_told(client: Any) -> None:
    assert verb(client, "unblock").json()["remarks"] == ["not blocked"]


def test_a_block_ends_at_the_start_of_a_day_of_the_tenants(client: Any, office: TenantHub) -> None:
    verb(client, "block", until="2027-01-02")
    (reason,) = office.contracts.show("C1").block_reasons
    assert f"{reason.until:%Y-%m-%d %H:%M}" == "2027-01-02 03:00"


def test_an_item_alone_can_be_meant(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office, items=[{"code": c, "product_code": "CAM"} for c in "12"])
    answer = verb(api.bearer(), "cancel", item="2")
    assert [s["item_code"] for s in answer.json()["subscriptions"]] == ["2"]


def test_a_quantity_is_changed(api: Any, office: TenantHub, sign: Any) -> None:
    sign(office, product="CAM")
    assert verb(api.bearer(), "change", quantity=3).json()["subscriptions"][0]["quantity"] == 3


def test_what_a_provider_cannot_do_is_refused(client: Any) -> None:
    answer = verb(client, "change", quantity=3)
    assert (answer.status_code, answer.json()["detail"]) == (409, "Clinic sells one for each subscription, not 3.")


def test_a_contract_is_found_whatever_its_id_is(api: Any, office: TenantHub, sign: Any) -> None:
    client = api.bearer()
    for id in ("2024/17", "50%2F", "a b?#", "ção", "..", "%", "+"):
        sign(office, id)
        name = "".join(f"%{byte:02x}" for byte in id.encode())
        assert client.get(f"/contracts/{name}").json()["contract_id"] == id
        assert client.post(f"/contracts/{name}/block").json()["operations"][0]["contract_id"] == id


# -- idempotency -------------------------------------------------------------------------------------------------------


def test_the_same_key_and_body_return_the_same_operations(client: Any, office: TenantHub) -> None:
    first, again = (verb(client, "block", "k1", reason="staff") for _ in range(2))
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert (first.status_code, numbers(first)) == (again.status_code, numbers(again))
    assert len(list(office.operations.list())) == 2


def test_they_are_the_same_after_others_were_asked(client: Any) -> None:
    first = verb(client, "block", "k1")
    verb(client, "unblock")
    again = verb(client, "block", "k1")
    assert numbers(again) == numbers(first)
    assert again.json()["operations"][0]["outcome"] == "superseded"
    assert again.status_code == 200


def test_the_same_key_with_another_body_is_refused(client: Any, office: TenantHub) -> None:
    verb(client, "block", "k1", reason="staff")
    others = [verb(client, "block", "k1", reason="legal"), verb(client, "unblock", "k1", reason="staff")]
    assert [(o.status_code, o.json()["type"].rpartition(":")[2]) for o in others] == [
        (409, "idempotency-key-reused"),
    ] * 2
    assert [r.reason for r in office.contracts.show("C1").block_reasons] == [Reason.STAFF]


def test_a_key_of_anothers_tenant_is_another(client: Any, api: Any, office: TenantHub, sign: Any) -> None:
    sign(office.hub.tenant("other"))
    verb(client, "block", "k1")
    assert verb(api.bearer(tenant="other"), "block", "k1").json()["repeated"] is False


def test_what_is_refused_can_be_asked_with_the_same_key_again(client: Any, api: Any, office: TenantHub) -> None:
    refused = verb(client, "block", "k1", until="2020-01-01")
    assert (refused.status_code, verb(client, "block", "k1").status_code) == (409, 202)


# -- waiting -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def driven(open_isp: Callable[..., Any], finding: Any, serve: Callable[..., Any]) -> tuple[Any, Any]:
    """Return an ISP at a provider that can be called, and an operator's client of it."""
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    return isp, serve(isp.hub).bearer()


def test_who_waits_is_told_that_it_is_done(driven: tuple[Any, Any]) -> None:
    isp, client = driven
    answer = verb(client, "block", wait=5)
    assert (answer.status_code, answer.json()["operations"][0]["outcome"]) == (200, "succeeded")
    assert answer.json()["subscriptions"][0]["observed"] == "BLOCKED"
    assert isp.remote.calls[-1] == "block ['staff']"


def test_who_does_not_wait_calls_no_provider(driven: tuple[Any, Any]) -> None:
    isp, client = driven
    before = list(isp.remote.calls)
    assert verb(client, "block").status_code == 202
    assert isp.remote.calls == before


def test_what_needs_a_person_is_told_with_its_attempts(driven: tuple[Any, Any]) -> None:
    isp, client = driven
    isp.remote.troubles.append(errors.Rejected("E7", "no such plan"))
    (number,) = numbers(verb(client, "block", wait=5))
    shown = client.get(f"/operations/{number}").json()
    assert (shown["operation"]["outcome"], shown["operation"]["cause"]) == ("parked", "Rejected: E7: no such plan")
    assert [(a["step"], a["certainty"]) for a in shown["attempts"]] == [("block", "rejected")]
    assert shown["subscription"]["state"] == "parked"
