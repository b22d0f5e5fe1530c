"""Campsoft's simulator: every route's contract over a real socket."""

from __future__ import annotations

import secrets
from datetime import datetime

import httpx
import pytest
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub_campsoft.simulator import CampsoftSimulator

ANA, BIA = "52998224725", "11144477735"
DRAWN = secrets.token_hex(8)
NEW = {"name": "Ana Inventada", "username": "ana", "login": "ana", "password": DRAWN}
ROUTES = [
    ("GET", "/products"),
    ("GET", "/customers"),
    ("POST", "/customers"),
    ("GET", "/customers/x"),
    ("PUT", "/customers/x"),
    ("PATCH", "/customers/x/inactive"),
    ("GET", "/customers/x/sso"),
    ("GET", "/customers/x/subscriptions"),
    ("POST", "/customers/x/subscriptions"),
    ("DELETE", "/customers/x/subscriptions/y"),
]


@pytest.fixture
def simulator():
    with CampsoftSimulator(seed=1, clock=HandClock()).running() as running:
        yield running


@pytest.fixture
def http(simulator):
    with httpx.Client(base_url=simulator.url) as client:
        client.headers["authorization"] = f"Bearer {entered(simulator, client).json()['AccessToken']}"
        yield client


@pytest.fixture
def products(simulator):
    return [product.id for product in simulator.products.values() if product.allowed]


@pytest.fixture
def ana(http):
    return created(http).json()


def entered(simulator, client, **other):
    keys = {**simulator.credentials, **other}
    return client.post("/authentication", json={"ApiKey": keys["api_key"], "ApiSecret": keys["api_secret"]})


def body(document=ANA, **more):
    return {"name": "Ana Inventada", "document": {"type": "CPF", "number": document}, **more}


def created(http, username="ana", document=ANA, **more):
    given = {"username": username, "login": username, "password": DRAWN, **more}
    return http.post("/customers", json=body(document, **given))


def added(http, product, username="ana"):
    return http.post(f"/customers/{username}/subscriptions", json={"ProductId": product})


def held(http, username="ana"):
    return [one["ProductId"] for one in http.get(f"/customers/{username}/subscriptions").json()["data"]]


def told(answer):
    whole = answer.json()
    assert whole.keys() == {"status", "error_id", "message"}
    assert whole["status"] == answer.status_code
    return answer.status_code, whole["error_id"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_token(simulator, method, path):
    answer = httpx.request(method, simulator.url + path, headers={"authorization": "Bearer another"})
    assert told(answer) == (401, "invalid_token")


def test_a_token_is_given_for_the_keys_with_the_instant_of_its_end(simulator, http):
    ends = datetime.fromtimestamp(entered(simulator, http).json()["ExpiresIn"], tz=simulator.clock.now().tzinfo)
    assert (ends - simulator.clock.now()).total_seconds() == 3600
    assert told(entered(simulator, http, api_secret=DRAWN)) == (401, "invalid_client")


def test_a_token_ends(simulator, http):
    simulator.clock.advance(hours=1)
    assert told(http.get("/products")) == (401, "invalid_token")


@pytest.mark.parametrize(("method", "path"), ROUTES[3:])
def test_a_subscriber_that_is_not_there_is_404(http, method, path):
    content = {"PUT": body(), "POST": {"ProductId": "prd_x"}}.get(method)
    assert told(http.request(method, path, json=content)) == (404, "user_not_found")


def test_the_catalogue_has_four_products_to_sell_and_one_that_this_partner_may_not(http):
    page = http.get("/products").json()
    assert ([product["Active"] for product in page["data"]], page["total"]) == ([True] * 4 + [False], 5)
    assert page["data"][0].keys() == {"ProductId", "Name", "Description", "Price", "Active"}
    assert len(http.get("/products", params={"page": 2, "limit": 3}).json()["data"]) == 2


def test_a_new_subscriber_is_active_has_nothing_and_tells_no_password(http):
    answer = created(http, email={"data": "ana@example.com"}, phone=None)
    assert answer.status_code == 201
    assert answer.json() == {
        **body(), "username": "ana", "login": "ana", "status": "active",
        "email": {"data": "ana@example.com"}, "phone": None,
    }  # fmt: skip
    assert held(http) == []


@pytest.mark.parametrize(("username", "document"), [("ana", BIA), ("bia", ANA)])
def test_username_and_document_are_of_one_subscriber(http, ana, username, document):
    assert told(created(http, username, document)) == (409, "user_already_exists")


def test_a_document_is_free_when_its_subscriber_is_suspended_a_username_never(http, ana):
    http.patch("/customers/ana/inactive")
    assert told(created(http, "ana", BIA)) == (409, "user_already_exists")
    assert created(http, "other").status_code == 201


@pytest.mark.parametrize(("kind", "number"), [("CPF", "1"), ("RG", ANA), ("CNPJ", ANA)])
def test_a_document_has_to_be_valid(http, kind, number):
    answer = http.post("/customers", json={**NEW, "document": {"type": kind, "number": number}})
    assert told(answer) == (422, "invalid_document")


@pytest.mark.parametrize(
    "more", [{"email": "ana@example.com"}, {"phone": {"ddi": "55", "ddd": "11", "number": "987654321"}}, {"cpf": ANA}]
)
def test_other_forms_are_refused(http, more):
    assert created(http, **more).status_code == 422


def test_a_suspended_subscriber_keeps_the_products_and_is_enabled_by_status(http, ana, products):
    added(http, products[0])
    assert http.patch("/customers/ana/inactive").json()["status"] == "inactive"
    assert held(http) == [products[0]]
    assert http.put("/customers/ana", json=body(status="active")).json()["status"] == "active"
    assert told(http.put("/customers/ana", json=body(status="asleep"))) == (422, "invalid_status")


def test_data_are_replaced_whole(http, ana):
    http.put("/customers/ana", json=body(email={"data": "ana@example.com"}))
    changed = http.put("/customers/ana", json={**body(), "name": "Ana de Outro Nome"}).json()
    assert (changed["name"], changed["email"], changed["status"]) == ("Ana de Outro Nome", None, "active")


def test_a_product_is_added_once_and_ends_once(http, ana, products):
    assert [added(http, products[0]).status_code for _ in range(2)] == [201, 409]
    assert told(added(http, products[0])) == (409, "already_subscribed")
    assert http.delete(f"/customers/ana/subscriptions/{products[0]}").status_code == 204
    assert told(http.delete(f"/customers/ana/subscriptions/{products[0]}")) == (404, "subscription_not_found")
    assert held(http) == []


def test_what_is_not_there_or_not_allowed_is_not_added(simulator, http, ana):
    refused = next(product.id for product in simulator.products.values() if not product.allowed)
    assert told(added(http, refused)) == (422, "product_not_allowed")
    assert told(added(http, "prd_none")) == (422, "invalid_product")


def test_licences_run_out_and_come_back(simulator, http, ana, products):
    control = simulator.url.removesuffix("/v1") + "/_simulator/licences"
    assert httpx.post(control, json={"product": products[0], "left": 1}).status_code == 204
    created(http, "bia", BIA)
    added(http, products[0])
    assert told(added(http, products[0], "bia")) == (422, "no_licenses_available")
    assert simulator.state()["licences"][products[0]] == 0
    http.delete(f"/customers/ana/subscriptions/{products[0]}")
    assert added(http, products[0], "bia").status_code == 201
    assert httpx.post(control, json={"product": "prd_none", "left": 1}).status_code == 404
    assert httpx.post(control, json={"product": products[0], "left": -1}).status_code == 422


def test_subscribers_are_listed_in_order_and_found_by_what_they_are(http, ana):
    created(http, "bia", BIA, email={"data": "bia@example.com"})
    http.patch("/customers/bia/inactive")

    def listed(**query):
        page = http.get("/customers", params=query).json()
        return [one["username"] for one in page["data"]], page["total"]

    assert listed() == (["ana", "bia"], 2)
    assert listed(page=2, limit=1) == (["bia"], 2)
    assert listed(status="inactive") == (["bia"], 1)
    assert listed(document=ANA) == listed(username="ana") == (["ana"], 1)
    assert listed(email="bia@example.com") == (["bia"], 1)
    assert listed(document=BIA, status="active") == ([], 0)


def test_a_link_lets_in_who_is_active_for_ten_minutes(simulator, http, ana):
    link = http.get("/customers/ana/sso").json()
    assert link["ExpiresIn"] - simulator.clock.now().timestamp() == 600
    assert link["url"] != http.get("/customers/ana/sso").json()["url"]
    http.patch("/customers/ana/inactive")
    assert told(http.get("/customers/ana/sso")) == (409, "inactive_user")


def test_what_lags_is_read_late_and_written_at_once(simulator, http, ana, products):
    simulator.timings.lag_seconds = 5
    simulator.faults.next(Fault.LAG)
    added(http, products[0])
    assert held(http) == []
    assert told(added(http, products[0])) == (409, "already_subscribed")
    simulator.clock.advance(seconds=5)
    assert held(http) == [products[0]]


@pytest.mark.parametrize("path", ["/customers", "/customers/ana/subscriptions", "/products"])
def test_a_short_page_lacks_a_row_that_its_total_counts(simulator, http, ana, products, path):
    added(http, products[0])
    simulator.faults.next(Fault.SHORT_PAGE)
    page = http.get(path).json()
    assert len(page["data"]) == page["total"] - 1


def test_the_providers_own_list_has_the_products(simulator, http, ana, products):
    added(http, products[0])
    (listed,) = simulator.state()["customers"]
    assert (listed["username"], listed["products"]) == ("ana", [products[0]])
