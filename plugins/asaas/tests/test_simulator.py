"""Asaas's simulator over a real socket: who is let in, customers, notifications, payment links, how much is left."""

from __future__ import annotations

import secrets

import httpx
import pytest
from svahub_asaas.simulator import AsaasSimulator
from svahub_asaas.simulator.documents import bare

ANA, COMPANY = "52998224725", "11222333000181"
SEEN_ORDER = (
    "object id dateCreated name email company phone mobilePhone address addressNumber complement province postalCode "
    "cpfCnpj personType deleted additionalEmails externalReference notificationDisabled observations "
    "municipalInscription stateInscription canDelete cannotBeDeletedReason canEdit cannotEditReason city cityName "
    "state country"
)


def told(answer):
    return answer.status_code, [error["code"] for error in answer.json()["errors"]]


def created(http, **more):
    return http.post("/customers", json={"name": "Ana Inventada", "cpfCnpj": ANA, **more})


def ids(answer):
    return [row["id"] for row in answer.json()["data"]]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, "access_token_not_found"),
        ({"access_token": "abc"}, "invalid_access_token_format"),
        ({"access_token": "$aact_prod_abc"}, "invalid_environment"),
        ({"access_token": "$aact_hmlg_abc"}, "invalid_access_token"),
    ],
)
def test_a_wrong_key_is_401_and_says_what_is_wrong_with_it(simulator, header, code):
    assert told(httpx.get(f"{simulator.url}/customers", headers=header)) == (401, [code])


def test_every_route_wants_the_key(simulator):
    with httpx.Client(base_url=simulator.url) as stranger:
        assert {stranger.request(method, path).status_code for method, path in simulator.routes()} == {401}


def test_a_key_that_was_revoked_is_refused(simulator, http):
    simulator.accept()
    assert told(http.get("/finance/balance")) == (401, ["invalid_access_token"])


def test_a_request_without_user_agent_is_refused(http):
    request = http.build_request("GET", "/customers")
    del request.headers["user-agent"]
    assert told(http.send(request)) == (400, ["invalid_user_agent"])


def test_a_get_with_a_body_is_refused_as_by_the_cdn(http):
    assert http.request("GET", "/customers", json={}).status_code == 403


def test_every_answer_tells_what_is_left_of_the_quota(simulator, http):
    headers = [http.get("/customers").headers, http.get("/customers/none").headers]
    assert [(one["ratelimit-limit"], one["ratelimit-remaining"]) for one in headers] == [
        ("25000", "24999"),
        ("25000", "24998"),
    ]
    assert 43_000 < int(headers[0]["ratelimit-reset"]) <= 43_200


def test_what_is_beyond_the_quota_is_429_and_not_applied_until_twelve_hours_have_passed(simulator, http):
    simulator.quota.limit = 1
    assert http.get("/customers").status_code == 200
    refused = created(http)
    assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (429, "0")
    assert simulator.state()["customers"] == []
    simulator.advance()
    assert created(http).status_code == 200


@pytest.mark.parametrize(("under_way", "method", "status"), [(49, "GET", 200), (50, "GET", 429), (50, "PUT", 404)])
def test_more_than_fifty_gets_at_once_are_429(simulator, http, under_way, method, status):
    simulator.quota.gets_under_way = under_way
    path = "/customers" if method == "GET" else "/customers/none"
    assert http.request(method, path).status_code == status


def test_a_customer_is_told_in_the_order_and_with_the_nulls_of_real_answers(simulator, http):
    answer = created(http, cpfCnpj="529.982.247-25", mobilePhone="11987654321", externalReference="a1")
    customer = answer.json()
    assert (answer.status_code, " ".join(customer)) == (200, SEEN_ORDER)
    told = {name: value for name, value in customer.items() if value is not None}
    assert told == {
        "object": "customer",
        "id": customer["id"],
        "dateCreated": simulator.today.isoformat(),
        "name": "Ana Inventada",
        "mobilePhone": "11987654321",
        "cpfCnpj": ANA,
        "personType": "FISICA",
        "deleted": False,
        "externalReference": "a1",
        "notificationDisabled": False,
        "canDelete": True,
        "canEdit": True,
        "country": "Brasil",
    }


@pytest.mark.parametrize("document", ["52998224726", "11111111111", "529982247", "", "12ABC34501DE35", 52998224725])
def test_a_wrong_document_is_refused_in_asaas_words(http, document):
    answer = created(http, cpfCnpj=document)
    assert answer.json() == {"errors": [{"code": "invalid_object", "description": "O CPF/CNPJ informado é inválido."}]}
    assert answer.status_code == 400


def test_a_cnpj_with_letters_is_taken_only_where_the_simulator_is_told_so(simulator, http):
    simulator.account.takes_letters_in_cnpj = True
    assert created(http, cpfCnpj="12.ABC.345/01DE-35").json()["personType"] == "JURIDICA"
    assert bare(COMPANY, letters=False) == COMPANY


def test_all_that_is_wrong_is_said_at_once(http):
    answer = http.post("/customers", json={"mobilePhone": "11999999999", "email": "ana", "phone": "+551133334444"})
    assert told(answer) == (
        400,
        ["invalid_name", "invalid_cpfCnpj", "invalid_phone", "invalid_mobilePhone", "invalid_email"],
    )


def test_customers_are_not_deduplicated(simulator, http):
    first, second = (created(http, externalReference="a1").json()["id"] for _ in range(2))
    assert first != second
    assert ids(http.get("/customers", params={"externalReference": "a1"})) == [second, first]


def test_customers_are_listed_newest_first_in_pages(http):
    made = [created(http, name=f"Ana {letter}").json()["id"] for letter in "abc"]
    pages = [http.get("/customers", params={"limit": 2, "offset": offset}).json() for offset in (0, 2)]
    assert [row["id"] for page in pages for row in page["data"]] == made[::-1]
    assert [{**page, "data": None} for page in pages] == [
        {"object": "list", "hasMore": more, "totalCount": 3, "limit": 2, "offset": offset, "data": None}
        for more, offset in ((True, 0), (False, 2))
    ]


def test_a_page_has_ten_rows_unless_told_otherwise_and_never_more_than_a_hundred(http):
    assert http.get("/customers").json()["limit"] == 10
    assert told(http.get("/customers", params={"limit": 101})) == (400, ["invalid_limit"])


@pytest.mark.parametrize(
    "filters",
    [{"name": "bruno"}, {"email": "bruno@example.com"}, {"cpfCnpj": COMPANY}, {"groupName": "b"}],
)
def test_customers_are_found_by_what_the_query_names(http, filters):
    created(http)
    bruno = created(http, name="Bruno", email="bruno@example.com", cpfCnpj=COMPANY, groupName="b").json()["id"]
    assert ids(http.get("/customers", params=filters)) == [bruno]


def test_a_change_leaves_what_it_does_not_name(http):
    customer = created(http, email="ana@example.com").json()
    changed = http.put(f"/customers/{customer['id']}", json={"name": "Ana Nova"}).json()
    assert changed == {**customer, "name": "Ana Nova"}


def test_a_deleted_customer_is_told_and_listed_as_deleted_and_can_be_restored(simulator, http):
    id = created(http).json()["id"]
    assert http.delete(f"/customers/{id}").json() == {"deleted": True, "id": id}
    assert http.get(f"/customers/{id}").json()["deleted"] is True
    assert told(http.put(f"/customers/{id}", json={})) == (404, ["not_found"])
    assert ids(http.get("/customers")) == [id]
    simulator.account.lists_deleted_customers = False
    assert ids(http.get("/customers")) == []
    assert http.post(f"/customers/{id}/restore").json()["deleted"] is False


def test_each_customer_has_the_eight_fixed_notifications(http):
    id = created(http).json()["id"]
    rows = http.get(f"/customers/{id}/notifications").json()["data"]
    assert sorted((row["event"], row["scheduleOffset"]) for row in rows) == [
        ("PAYMENT_CREATED", 0),
        ("PAYMENT_DUEDATE_WARNING", 0),
        ("PAYMENT_DUEDATE_WARNING", 10),
        ("PAYMENT_OVERDUE", 0),
        ("PAYMENT_OVERDUE", 7),
        ("PAYMENT_RECEIVED", 0),
        ("PAYMENT_UPDATED", 0),
        ("SEND_LINHA_DIGITAVEL", 0),
    ]
    assert rows == http.get(f"/customers/{id}/notifications").json()["data"]


def test_a_batch_of_notifications_changes_all_or_none(http):
    id = created(http).json()["id"]
    first, second = http.get(f"/customers/{id}/notifications").json()["data"][:2]
    wanted = [{"id": first["id"], "enabled": False}, {"id": second["id"], "whatsappEnabledForCustomer": True}]
    stranger = {"customer": id, "notifications": [wanted[0], {"id": "not_x"}]}
    assert http.put("/notifications/batch", json=stranger).status_code == 404
    assert http.get(f"/customers/{id}/notifications").json()["data"][0] == first
    changed = http.put("/notifications/batch", json={"customer": id, "notifications": wanted}).json()
    assert changed == {"notifications": [{**first, "enabled": False}, {**second, "whatsappEnabledForCustomer": True}]}


def test_a_notification_has_only_the_offsets_of_its_event(http):
    id = created(http).json()["id"]
    rows = http.get(f"/customers/{id}/notifications").json()["data"]
    warning = next(row["id"] for row in rows if row["event"] == "PAYMENT_DUEDATE_WARNING")
    assert http.put(f"/notifications/{warning}", json={"scheduleOffset": 30}).json()["scheduleOffset"] == 30
    assert told(http.put(f"/notifications/{warning}", json={"scheduleOffset": 7})) == (400, ["invalid_scheduleOffset"])


def test_a_new_account_has_offers_of_which_some_recur(http):
    links = http.get("/paymentLinks").json()["data"]
    assert {(link["chargeType"], link["active"]) for link in links} == {
        ("RECURRENT", True),
        ("RECURRENT", False),
        ("DETACHED", True),
    }
    assert all((link["subscriptionCycle"] is not None) == (link["chargeType"] == "RECURRENT") for link in links)


def test_an_offer_that_recurs_needs_a_cycle(http):
    body = {"name": "Fibra", "billingType": "PIX", "chargeType": "RECURRENT", "value": 10}
    assert told(http.post("/paymentLinks", json=body)) == (400, ["invalid_subscriptionCycle"])
    link = http.post("/paymentLinks", json={**body, "subscriptionCycle": "MONTHLY"}).json()
    assert http.delete(f"/paymentLinks/{link['id']}").json() == {"deleted": True, "id": link["id"]}
    assert link["id"] not in ids(http.get("/paymentLinks"))
    assert link["id"] in ids(http.get("/paymentLinks", params={"includeDeleted": "true"}))


def test_two_simulators_never_share_a_key_but_one_seed_makes_the_same_ids(simulator):
    other = AsaasSimulator(seed=1)
    assert secrets.compare_digest(other.credentials["key"], simulator.credentials["key"]) is False
    assert other.state()["paymentLinks"] == simulator.state()["paymentLinks"]
