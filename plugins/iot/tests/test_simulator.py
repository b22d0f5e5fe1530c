"""Olli's simulator: every route's contract over a real socket, its tokens, its steering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub_iot.simulator import IotSimulator

ANA, COMPANY = "52998224725", "11222333000181"
ROUTES = [
    ("GET", "/fn/items"),
    ("GET", "/fn/customers"),
    ("POST", "/customers"),
    ("POST", "/customers/x/subscriptions"),
    ("GET", "/subscriptions"),
    ("PATCH", "/subscriptions/x"),
    ("DELETE", "/subscriptions/x"),
    ("GET", "/subscriptions/x/licenses"),
    ("POST", "/subscriptions/x/licenses"),
    ("PATCH", "/licenses/x"),
    ("DELETE", "/licenses/x"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[IotSimulator]:
    with IotSimulator(seed=1, clock=HandClock()).running() as running:
        yield running


@pytest.fixture
def simulator(running: IotSimulator) -> IotSimulator:
    """Return the simulator as it was when it started."""
    running.accounts.clear()
    running.accept({})
    running.faults.clear()
    running.access.forbidden.clear()
    return running


@pytest.fixture
def http(simulator: IotSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, headers=bearer(simulator)) as client:
        yield client


def token(simulator: IotSimulator, **more: str) -> httpx.Response:
    body = {"grant_type": "client_credentials", **simulator.credentials, **more}
    return httpx.post(f"{simulator.url}/oauth/token", json=body)


def bearer(simulator: IotSimulator, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(simulator, **more).json()['access_token']}"}


def customer(http: httpx.Client, document: str = ANA, **more: Any) -> str:
    body = {"externalReference": "a1", "name": "Ana Inventada", "document": document, **more}
    made = http.post("/customers", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def subscription(http: httpx.Client) -> str:
    item = http.get("/fn/items").json()["data"][0]["id"]
    body = {"externalReference": "s1", "itemId": item}
    return str(http.post(f"/customers/{customer(http)}/subscriptions", json=body).json()["id"])


def licence(http: httpx.Client, whole: str, **more: Any) -> httpx.Response:
    body = {"externalReference": "s1:1", "description": "Portão", **more}
    return http.post(f"/subscriptions/{whole}/licenses", json=body)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_a_token(simulator: IotSimulator, method: str, path: str) -> None:
    refused = httpx.request(method, f"{simulator.url}{path}", headers={"Authorization": "Bearer invented"})
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


def test_the_routes_are_those_that_are_assumed(simulator: IotSimulator) -> None:
    named = {(method, "/".join("x" if part[:1] == "{" else part for part in path.split("/")))
             for method, path in simulator.routes()}  # fmt: skip
    assert named == {*ROUTES, ("POST", "/oauth/token")}


def test_a_client_exchanges_its_credentials_for_a_token(simulator: IotSimulator) -> None:
    told = token(simulator).json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    assert simulator.credentials["client_id"].startswith("olli.oa2-client.")


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"client_secret": "another"}, 401, "invalid_client"),  # pragma: allowlist secret: an invented word
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_other_credentials_are_refused_as_oauth2_says(
    simulator: IotSimulator, wrong: dict[str, str], status: int, error: str
) -> None:
    refused = token(simulator, **wrong)
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert "error_description" in refused.json()


def test_a_token_expires(simulator: IotSimulator, http: httpx.Client) -> None:
    simulator.clock.advance(hours=2)  # type: ignore[attr-defined]
    assert http.get("/fn/items").status_code == 401


def test_clients_see_nothing_of_each_other(simulator: IotSimulator, http: httpx.Client) -> None:
    customer(http)
    other = {"client_id": "olli.oa2-client.other"}
    simulator.accept({}, other)
    found = httpx.get(f"{simulator.url}/fn/customers", params={"document": ANA}, headers=bearer(simulator, **other))
    assert found.json() == {"data": [], "total": 0}
    assert http.get("/fn/customers", params={"document": ANA}).json()["total"] == 1


def test_items_come_page_by_page(http: httpx.Client) -> None:
    first = http.get("/fn/items", params={"page": 1, "limit": 3}).json()
    second = http.get("/fn/items", params={"page": 2, "limit": 3}).json()
    assert (len(first["data"]), len(second["data"]), first["total"], second["page"]) == (3, 1, 4, 2)
    assert first["data"][0].keys() == {"id", "code", "name", "price", "kind"}


def test_a_customer_is_found_by_document_whoever_it_is(http: httpx.Client) -> None:
    id = customer(http, COMPANY, email="contato@example.com")
    (found,) = http.get("/fn/customers", params={"document": COMPANY}).json()["data"]
    assert (found["id"], found["externalReference"], found["email"]) == (id, "a1", "contato@example.com")


@pytest.mark.parametrize("wrong", [{"document": "12345678900"}, {"name": ""}, {"email": "no"}, {"more": 1}])
def test_a_customer_that_makes_no_sense_is_refused(http: httpx.Client, wrong: dict[str, Any]) -> None:
    body = {"externalReference": "a1", "name": "Ana", "document": ANA} | wrong
    refused = http.post("/customers", json=body)
    assert (refused.status_code, refused.json().keys()) == (422, {"code", "message"})


def test_a_licence_follows_its_subscription_until_it_ends(http: httpx.Client) -> None:
    whole = subscription(http)
    made = licence(http, whole, device="SN-1").json()
    assert (made.keys(), made["status"]) == ({"id", "code", "status"}, "ACTIVE")
    http.patch(f"/subscriptions/{whole}", json={"status": "BLOCKED"})
    (listed,) = http.get(f"/subscriptions/{whole}/licenses").json()["data"]
    assert (listed["status"], listed["device"], listed["externalReference"]) == ("BLOCKED", "SN-1", "s1:1")
    assert http.delete(f"/subscriptions/{whole}").status_code == 204
    assert http.get(f"/subscriptions/{whole}/licenses").json()["data"][0]["status"] == "CANCELLED"
    assert licence(http, whole).json()["code"] == "subscription_cancelled"


def test_a_licence_is_blocked_and_ended_by_itself_too(http: httpx.Client) -> None:
    whole = subscription(http)
    id = licence(http, whole).json()["id"]
    assert http.patch(f"/licenses/{id}", json={"status": "BLOCKED"}).json()["status"] == "BLOCKED"
    assert [http.delete(f"/licenses/{id}").status_code for _ in range(2)] == [204, 404]


def test_subscriptions_are_listed_by_status(http: httpx.Client) -> None:
    whole = subscription(http)
    http.patch(f"/subscriptions/{whole}", json={"status": "BLOCKED"})
    totals = {status: http.get("/subscriptions", params={"status": status}).json()["total"]
              for status in ("ACTIVE", "BLOCKED")}  # fmt: skip
    assert totals == {"ACTIVE": 0, "BLOCKED": 1}
    assert http.get("/subscriptions", params={"status": "OTHER"}).status_code == 422


def test_licences_run_out_and_devices_are_refused_as_it_is_steered(simulator: IotSimulator, http: httpx.Client) -> None:
    whole = subscription(http)
    steered = {"stock": 1, "refused_devices": ["SN-2"]}
    httpx.post(f"http://127.0.0.1:{simulator.port}/_simulator/licences", json=steered)
    assert licence(http, whole, device="SN-2").json()["code"] == "device_refused"
    assert [licence(http, whole).status_code for _ in range(2)] == [201, 409]
    httpx.post(f"http://127.0.0.1:{simulator.port}/_simulator/licences", json={"stock": None})
    assert licence(http, whole).status_code == 201


def test_tokens_and_clients_are_steered(simulator: IotSimulator, http: httpx.Client) -> None:
    control = f"http://127.0.0.1:{simulator.port}/_simulator"
    client = simulator.credentials["client_id"]
    assert httpx.post(f"{control}/forbidden", json={"clients": [client]}).status_code == 204
    assert http.get("/fn/items").json()["code"] == "forbidden"
    assert httpx.post(f"{control}/forbidden", json={"clients": ["nobody"]}).status_code == 422
    httpx.delete(f"{control}/tokens")
    assert http.get("/fn/items").status_code == 401


@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER, Fault.MALFORMED, Fault.RATE_LIMIT, Fault.ERROR_BEFORE])
def test_faults_apply_or_do_not_as_they_say(simulator: IotSimulator, http: httpx.Client, fault: Fault) -> None:
    simulator.faults.next(fault, method="POST", path="/customers")
    body = {"externalReference": "a1", "name": "Ana Inventada", "document": ANA}
    http.post("/customers", json=body)
    applied = fault in {Fault.ERROR_AFTER, Fault.MALFORMED}
    assert len(simulator.state()["customers"]) == applied


def test_what_lags_is_seen_later(simulator: IotSimulator, http: httpx.Client) -> None:
    simulator.faults.next(Fault.LAG, method="POST", path="/customers")
    customer(http)
    assert http.get("/fn/customers", params={"document": ANA}).json()["total"] == 0
    simulator.clock.advance(seconds=3)  # type: ignore[attr-defined]
    assert http.get("/fn/customers", params={"document": ANA}).json()["total"] == 1
