"""TeleClínica's simulator: every route's contract over a real socket, and its process."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from svahub.testing import Fault
from svahub_teleclinica.simulator import Status, TeleClinicaSimulator

ANA, BIA = "52998224725", "11144477735"
ROUTES = [
    ("GET", "/plans"),
    ("POST", "/plans"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("PUT", "/users/x"),
    ("DELETE", "/users/x"),
    ("POST", "/users/x/block"),
    ("POST", "/users/x/unblock"),
    ("POST", "/users/x/plans"),
    ("PUT", "/users/x/plans/y"),
    ("DELETE", "/users/x/plans/y"),
]


@pytest.fixture
def simulator():
    with TeleClinicaSimulator(seed=1).running() as running:
        yield running


@pytest.fixture
def http(simulator):
    auth = (simulator.credentials["username"], simulator.credentials["password"])
    with httpx.Client(base_url=simulator.url, auth=auth) as client:
        yield client


@pytest.fixture
def sold(simulator):
    return [plan.id for plan in simulator.plans if plan.active]


@pytest.fixture
def retired(simulator):
    return next(plan.id for plan in simulator.plans if not plan.active)


@pytest.fixture
def ana(http, sold):
    return created(http, sold[0]).json()


def created(http, plan, cpf=ANA, reference="account-1", **more):
    body = {"externalReference": reference, "name": "Ana Inventada", "cpf": cpf, "planId": plan, **more}
    return http.post("/users", json=body)


def told(answer):
    return answer.status_code, answer.json()["error"]["code"]


def statuses(user):
    return {held["id"]: held["status"] for held in user["plans"]}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_the_credentials(simulator, method, path):
    answer = httpx.request(method, simulator.url + path, auth=(simulator.credentials["username"], "other"))
    assert told(answer) == (401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p in ROUTES if p.startswith("/users/x")])
def test_a_user_that_is_not_there_is_404(http, sold, method, path):
    bodies = {"block": {"reason": "overdue"}, "plans": {"planId": sold[0], "externalReference": "r"}}
    body = bodies.get(path.rpartition("/")[2])
    if method == "PUT":
        body = {"name": "Ana"} if path == "/users/x" else {"planId": sold[0]}
    assert told(http.request(method, path, json=body) if body else http.request(method, path)) == (
        404,
        "user_not_found",
    )


def test_the_catalogue_has_three_plans_on_sale_and_one_that_is_not(http):
    page = http.get("/plans").json()
    assert [plan["active"] for plan in page["data"]] == [True, True, True, False]
    assert {**page, "data": None} == {"data": None, "page": 1, "limit": 20, "total": 4}
    assert page["data"][0].keys() == {"id", "name", "description", "price", "active"}


def test_the_catalogue_is_paged(http, simulator):
    pages = [http.get("/plans", params={"page": n, "limit": 3}).json() for n in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [3, 1, 0]
    assert [plan["id"] for page in pages for plan in page["data"]] == [plan.id for plan in simulator.plans]


def test_a_plan_is_registered_once_per_reference(http):
    body = {"name": "Casal", "description": "Para dois", "price": 29.9, "externalReference": "plan-1"}
    answer = http.post("/plans", json=body)
    assert answer.status_code == 201
    plan = answer.json()
    assert (plan["name"], plan["price"], plan["active"]) == ("Casal", 29.9, True)
    again = http.post("/plans", json=body)
    assert (told(again), again.json()["error"]["planId"]) == ((409, "plan_exists"), plan["id"])


@pytest.mark.parametrize(
    "body", [{"name": "Casal"}, {"price": 1}, {"name": "Casal", "price": -1}, {"name": "", "price": 1}]
)
def test_a_plan_needs_name_and_price(http, body):
    assert told(http.post("/plans", json=body)) == (422, "invalid_field")


def test_a_new_user_is_active_with_login_access_and_the_plan(http, sold):
    answer = created(http, sold[0], email="ana@example.com", phone="+5511987654321", birthDate="1990-01-31")
    user = answer.json()
    assert answer.status_code == 201
    assert user["id"].startswith("usr_")
    assert user["login"] in user["accessUrl"]
    assert (user["status"], user["email"], user["cpf"]) == ("ACTIVE", "ana@example.com", ANA)
    assert user["plans"] == [{"id": sold[0], "externalReference": None, "status": "ACTIVE"}]


@pytest.mark.parametrize("more", [{"email": None, "phone": None, "birthDate": None}, {}])
def test_contact_and_birth_date_may_be_left_out(http, sold, more):
    assert created(http, sold[0], **more).status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"cpf": "52998224724"},
        {"cpf": "11111111111"},
        {"cpf": None},
        {"name": " "},
        {"externalReference": ""},
        {"email": "ana"},
        {"phone": "11987654321"},
        {"birthDate": "31/01/1990"},
        {"planId": None},
        {"planId": "pln_none"},
        {"nickname": "Aninha"},
    ],
)
def test_a_user_that_does_not_fit_is_refused(simulator, http, sold, wrong):
    body = {"externalReference": "account-1", "name": "Ana Inventada", "cpf": ANA, "planId": sold[0], **wrong}
    assert http.post("/users", json=body).status_code == 422
    assert len(simulator.users) == 0


def test_a_plan_that_is_not_on_sale_is_refused(http, retired):
    assert told(created(http, retired)) == (422, "plan_inactive")


def test_a_cpf_that_exists_is_answered_with_its_user(http, sold, ana):
    answer = created(http, sold[1], reference="account-2")
    assert (told(answer), answer.json()["error"]["userId"]) == ((409, "user_exists"), ana["id"])


def test_a_reference_that_exists_is_answered_with_its_user(http, sold, ana):
    answer = created(http, sold[0], cpf=BIA)
    assert (told(answer), answer.json()["error"]["userId"]) == ((409, "user_exists"), ana["id"])


def test_a_cancelled_user_may_be_created_anew(http, sold, ana):
    assert http.delete(f"/users/{ana['id']}").json()["status"] == "CANCELLED"
    again = created(http, sold[0])
    assert again.status_code == 201
    assert again.json()["id"] != ana["id"]
    found = http.get("/users", params={"cpf": ANA}).json()["data"]
    assert [user["status"] for user in found] == [
        "CANCELLED",
        "ACTIVE",
    ]


@pytest.mark.parametrize(("name", "value"), [("externalReference", "account-1"), ("cpf", ANA)])
def test_a_user_is_found_by_reference_or_cpf(http, sold, ana, name, value):
    created(http, sold[0], cpf=BIA, reference="account-2")
    assert http.get("/users", params={name: value}).json() == {"data": [ana], "page": 1, "limit": 20, "total": 1}
    assert http.get("/users", params={name: value, "status": "BLOCKED"}).json()["total"] == 0


def test_looking_for_nobody_finds_nobody(http, ana):
    assert http.get("/users", params={"externalReference": "other"}).json()["data"] == []
    assert http.get("/users", params={"externalReference": "account-1", "cpf": BIA}).json()["data"] == []


def test_users_are_listed_by_status_or_all(http, sold, ana):
    bia = created(http, sold[0], cpf=BIA, reference="account-2").json()
    http.post(f"/users/{bia['id']}/block", json={"reason": "overdue"})
    listed = {s: [u["id"] for u in http.get("/users", params={"status": s}).json()["data"]] for s in Status}
    assert listed == {"ACTIVE": [ana["id"]], "BLOCKED": [bia["id"]], "CANCELLED": []}
    assert http.get("/users").json()["total"] == 2


@pytest.mark.parametrize("query", ["status=GONE", "limit=101", "limit=0", "page=0", "order=name"])
def test_a_listing_takes_nothing_unknown(http, query):
    assert told(http.get(f"/users?{query}"))[0] == 422


def test_blocking_and_unblocking_are_levels(http, ana):
    for _ in range(2):
        blocked = http.post(f"/users/{ana['id']}/block", json={"reason": "overdue"})
        assert (blocked.status_code, blocked.json()["status"]) == (200, "BLOCKED")
    for _ in range(2):
        unblocked = http.post(f"/users/{ana['id']}/unblock")
        assert (unblocked.status_code, unblocked.json()["status"]) == (200, "ACTIVE")


def test_a_block_needs_a_reason_and_an_unblock_nothing(http, ana):
    assert told(http.post(f"/users/{ana['id']}/block", json={})) == (422, "invalid_field")
    assert told(http.post(f"/users/{ana['id']}/unblock", json={"reason": "paid"})) == (422, "unknown_field")


def test_a_plan_is_on_a_user_at_most_once(http, sold, ana):
    body = {"planId": sold[1], "externalReference": "subscription-2"}
    first, second = (http.post(f"/users/{ana['id']}/plans", json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["plans"][1] == {"id": sold[1], "externalReference": "subscription-2", "status": "ACTIVE"}
    assert len(second.json()["plans"]) == 2


def test_adding_a_plan_leaves_a_blocked_user_blocked(http, sold, ana):
    http.post(f"/users/{ana['id']}/block", json={"reason": "overdue"})
    added = http.post(f"/users/{ana['id']}/plans", json={"planId": sold[1], "externalReference": "subscription-2"})
    assert (added.status_code, added.json()["status"]) == (201, "BLOCKED")


def test_a_plan_is_replaced_under_its_reference(http, sold, ana):
    http.post(f"/users/{ana['id']}/plans", json={"planId": sold[1], "externalReference": "subscription-2"})
    changed = http.put(f"/users/{ana['id']}/plans/{sold[1]}", json={"planId": sold[2]})
    assert changed.status_code == 200
    assert changed.json()["plans"][1] == {"id": sold[2], "externalReference": "subscription-2", "status": "ACTIVE"}
    same = http.put(f"/users/{ana['id']}/plans/{sold[2]}", json={"planId": sold[2]})
    assert same.json() == changed.json()


def test_a_plan_is_not_replaced_by_one_that_is_there_or_not_sold(http, sold, retired, ana):
    http.post(f"/users/{ana['id']}/plans", json={"planId": sold[1], "externalReference": "subscription-2"})
    path = f"/users/{ana['id']}/plans"
    assert told(http.put(f"{path}/{sold[0]}", json={"planId": sold[1]})) == (409, "plan_exists")
    assert told(http.put(f"{path}/{sold[0]}", json={"planId": retired})) == (422, "plan_inactive")
    assert told(http.put(f"{path}/{sold[2]}", json={"planId": sold[0]})) == (404, "plan_not_found")


def test_a_cancelled_plan_is_gone_and_may_be_added_again(http, sold, ana):
    path = f"/users/{ana['id']}/plans"
    cancelled = http.delete(f"{path}/{sold[0]}")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "ACTIVE")
    assert statuses(cancelled.json()) == {sold[0]: "CANCELLED"}
    assert told(http.delete(f"{path}/{sold[0]}")) == (404, "plan_not_found")
    again = http.post(path, json={"planId": sold[0], "externalReference": "subscription-9"})
    assert (again.status_code, statuses(again.json())) == (201, {sold[0]: "ACTIVE"})


def test_what_is_named_of_a_user_changes_and_the_rest_stays(http, ana):
    answer = http.put(f"/users/{ana['id']}", json={"name": "Ana Outra", "email": "outra@example.com"})
    assert answer.status_code == 200
    assert answer.json() == {**ana, "name": "Ana Outra", "email": "outra@example.com"}


@pytest.mark.parametrize("body", [{}, {"name": None}, {"cpf": BIA}, {"email": "x"}])
def test_a_change_that_does_not_fit_is_refused(http, ana, body):
    assert http.put(f"/users/{ana['id']}", json=body).status_code == 422


def test_a_cancelled_user_takes_no_change_and_is_gone_for_deleting(http, sold, ana):
    path = f"/users/{ana['id']}"
    assert statuses(http.delete(path).json()) == {sold[0]: "CANCELLED"}
    refused = [
        http.post(f"{path}/block", json={"reason": "overdue"}),
        http.post(f"{path}/unblock"),
        http.post(f"{path}/plans", json={"planId": sold[1], "externalReference": "r"}),
        http.put(f"{path}/plans/{sold[0]}", json={"planId": sold[1]}),
        http.put(path, json={"name": "Ana"}),
    ]
    assert {told(answer) for answer in refused} == {(409, "user_cancelled")}
    assert told(http.delete(path)) == (404, "user_not_found")
    assert told(http.delete(f"{path}/plans/{sold[0]}")) == (404, "plan_not_found")


def test_a_lagging_user_exists_but_is_not_found(simulator, http, sold):
    simulator.timings.lag_seconds = 3600
    simulator.faults.next(Fault.LAG)
    created(http, sold[0])
    assert http.get("/users", params={"cpf": ANA}).json()["total"] == 0
    assert told(created(http, sold[0])) == (409, "user_exists")


def test_a_short_page_keeps_the_total(simulator, http, ana):
    simulator.faults.next(Fault.SHORT_PAGE)
    page = http.get("/users").json()
    assert (page["data"], page["total"]) == ([], 1)


def test_state_is_the_providers_own_list(simulator, ana):
    assert simulator.state()["users"] == [ana]
    assert len(simulator.state()["plans"]) == 4


def test_a_user_may_vanish_and_their_cpf_is_free_again(simulator, http, sold, ana):
    simulator.users.forget(ana["id"])
    assert told(http.delete(f"/users/{ana['id']}")) == (404, "user_not_found")
    assert created(http, sold[0]).status_code == 201


def test_listing_costs_the_same_on_every_page(simulator, http, ana):
    user = simulator.users.truth[ana["id"]]
    for n in range(50_000):
        simulator.users.write(f"usr_{n}", replace(user, id=f"usr_{n}"))
    page = http.get("/users", params={"page": 500, "limit": 100, "status": "ACTIVE"}).json()
    assert (len(page["data"]), page["total"]) == (100, 50_001)


def test_the_seed_repeats_ids_and_credentials_are_always_new():
    one, other = TeleClinicaSimulator(seed=5), TeleClinicaSimulator(seed=5)
    assert list(one.plans.truth) == list(other.plans.truth)
    assert one.credentials["username"] != other.credentials["username"]
    assert one.credentials["password"] != other.credentials["password"]
