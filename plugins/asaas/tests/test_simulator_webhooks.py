"""Webhooks of Asaas's simulator: registered, delivered over real sockets, tried again, interrupted and resumed."""

from __future__ import annotations

import secrets
from collections import deque

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub.testing.clocks import HandClock
from svahub_asaas.simulator import AsaasSimulator, Mishap
from svahub_asaas.simulator.webhook import FAILURES, WAITS

EVENTS = ["PAYMENT_CREATED", "PAYMENT_UPDATED", "PAYMENT_RECEIVED", "PAYMENT_OVERDUE", "PAYMENT_DELETED"]


@pytest.fixture
def token():
    return secrets.token_urlsafe(40)


@pytest.fixture
def register(http, receiver, token):
    def registered(**more):
        body = {"name": "svahub", "url": receiver.url, "email": "isp@example.com", "sendType": "SEQUENTIALLY"}
        answer = http.post("/webhooks", json={**body, "events": EVENTS, "authToken": token, **more})
        return answer.json()

    return registered


@pytest.fixture
def charge(http, simulator):
    customer = http.post("/customers", json={"name": "Ana Inventada", "cpfCnpj": "52998224725"}).json()["id"]

    def made():
        body = {"customer": customer, "billingType": "PIX", "value": 10, "dueDate": simulator.today.isoformat()}
        return http.post("/payments", json=body).json()["id"]

    return made


def codes(answer):
    return [error["code"] for error in answer.json()["errors"]]


def test_an_answer_says_that_there_is_a_token_and_never_which(http, register, token):
    webhook = register()
    assert (webhook["hasAuthToken"], webhook["penalizedRequestsCount"], webhook["apiVersion"]) == (True, 0, 3)
    assert token not in http.get(f"/webhooks/{webhook['id']}").text + http.get("/webhooks").text
    assert http.get("/webhooks").json()["data"] == [webhook]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"authToken": "x" * 31}, "invalid_authToken"),
        ({"authToken": "x" * 256}, "invalid_authToken"),
        ({"url": "endpoint"}, "invalid_url"),
        ({"sendType": "SOMETIMES"}, "invalid_sendType"),
        ({"events": ["PAYMENT_PAID"]}, "invalid_events"),
        ({"events": []}, "invalid_events"),
        ({"email": "isp"}, "invalid_email"),
        ({"apiVersion": 2}, "invalid_apiVersion"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(register, more, code):
    assert [error["code"] for error in register(**more)["errors"]] == [code]


def test_an_account_has_at_most_ten_webhooks(http, register):
    made = [register()["id"] for _ in range(10)]
    assert [error["code"] for error in register()["errors"]] == ["invalid_action"]
    assert http.delete(f"/webhooks/{made[0]}").json() == {"deleted": True, "id": made[0]}
    assert "id" in register()


def test_an_event_is_posted_with_the_token_and_the_charge_as_it_was(http, simulator, receiver, register, token, charge):
    register()
    id = charge()
    simulator.wait_delivered()
    ((headers, event),) = receiver.seen
    assert (headers["asaas-access-token"], headers["content-type"]) == (token, "application/json")
    assert event["payment"] == http.get(f"/payments/{id}").json()
    assert (event["event"], event["dateCreated"]) == ("PAYMENT_CREATED", "2026-11-23 09:00:00")
    assert event["id"].startswith("evt_")
    assert "&" in event["id"]


def test_a_webhook_hears_only_of_what_it_asked_for(simulator, receiver, register, charge):
    register(events=["PAYMENT_RECEIVED"])
    simulator.pay(charge())
    simulator.wait_delivered()
    assert receiver.names == ["PAYMENT_RECEIVED"]


def test_a_life_of_a_charge_is_told_in_its_order(http, simulator, receiver, register, charge):
    register(events=[*EVENTS, "PAYMENT_RESTORED", "PAYMENT_PARTIALLY_REFUNDED", "PAYMENT_CHARGEBACK_REQUESTED"])
    id = charge()
    simulator.advance()
    http.delete(f"/payments/{id}")
    http.post(f"/payments/{id}/restore")
    simulator.pay(id)
    http.post(f"/payments/{id}/refund", json={"value": 1})
    simulator.set_status(id, "CHARGEBACK_REQUESTED")
    simulator.wait_delivered()
    words = "CREATED OVERDUE DELETED RESTORED RECEIVED PARTIALLY_REFUNDED CHARGEBACK_REQUESTED"
    assert " ".join(name.removeprefix("PAYMENT_") for name in receiver.names) == words


def test_only_200_is_success_and_an_event_that_fails_holds_up_those_behind_it(simulator, receiver, register, charge):
    receiver.statuses.extend([500, 204, 302])
    register()
    made = [charge(), charge()]
    simulator.wait_delivered()
    assert [event["payment"]["id"] for event in receiver.events] == [made[0]] * 4 + [made[1]]
    assert [(one.tries, one.status) for one in simulator.deliveries] == [
        (1, 500),
        (2, 204),
        (3, 302),
        (4, 200),
        (1, 200),
    ]
    assert len({event["id"] for event in receiver.events}) == 2


def test_where_no_order_is_promised_an_event_that_fails_holds_up_nobody(simulator, receiver, register, charge):
    simulator.timings.webhook_scale = 1
    receiver.statuses.append(500)
    register(sendType="NON_SEQUENTIALLY", events=["PAYMENT_CREATED"])
    first = charge()
    wait_for_tries(simulator, 1)
    second = charge()
    wait_for_tries(simulator, 2)
    assert [(one.entity, one.status) for one in simulator.deliveries] == [(first, 500), (second, 200)]
    simulator.advance()
    simulator.wait_delivered()
    assert [one.entity for one in simulator.deliveries] == [first, second, first]


def wait_for_tries(simulator, number):
    with simulator.postman.progress:
        assert simulator.postman.progress.wait_for(lambda: len(simulator.deliveries) >= number, 5)


def test_after_fifteen_failures_it_is_interrupted_and_resumed_all_that_was_kept_arrives(
    http, simulator, receiver, register, charge
):
    receiver.status = 503
    webhook = register()
    made = [charge()]
    simulator.wait_delivered()
    assert len(receiver.seen) == FAILURES == 15
    made.append(charge())
    told = http.get(f"/webhooks/{webhook['id']}").json()
    assert (told["interrupted"], told["penalizedRequestsCount"]) == (True, 1)
    receiver.status = 200
    assert http.put(f"/webhooks/{webhook['id']}", json={"interrupted": False}).json()["interrupted"] is False
    simulator.wait_delivered()
    assert [event["payment"]["id"] for event in receiver.events[15:]] == made


def test_an_interrupted_webhook_forgets_after_fourteen_days(http, simulator, receiver, register, charge):
    webhook = register(interrupted=True, events=["PAYMENT_CREATED"])
    charge()
    simulator.advance(10)
    young = charge()
    simulator.advance(5)
    http.put(f"/webhooks/{webhook['id']}", json={"interrupted": False})
    simulator.wait_delivered()
    assert [event["payment"]["id"] for event in receiver.events] == [young]


def test_the_documented_waits_pass_with_the_simulators_days_or_by_taking_the_backoff_away(
    http, simulator, receiver, register, charge
):
    simulator.timings.webhook_scale = 1
    receiver.statuses.extend([500, 500])
    webhook = register(events=["PAYMENT_CREATED"])
    charge()
    wait_for_tries(simulator, 1)
    assert http.get(f"/webhooks/{webhook['id']}").json()["penalizedRequestsCount"] == 1
    answer = http.post(f"/webhooks/{webhook['id']}/removeBackoff")
    assert (answer.status_code, answer.content) == (204, b"")
    wait_for_tries(simulator, 2)
    simulator.advance()
    simulator.wait_delivered()
    assert [one.status for one in simulator.deliveries] == [500, 500, 200]
    assert (WAITS[0], sum(WAITS)) == (30, 46_200)


def test_a_lost_event_never_comes_and_a_doubled_one_comes_twice_under_one_id(simulator, receiver, register, charge):
    register()
    simulator.mishaps.next(Mishap.LOST, Mishap.DOUBLED, None)
    made = [charge() for _ in range(3)]
    simulator.wait_delivered()
    assert [event["payment"]["id"] for event in receiver.events] == [made[1], made[1], made[2]]
    assert receiver.events[0]["id"] == receiver.events[1]["id"]
    assert simulator.mishaps.struck == {Mishap.LOST: 1, Mishap.DOUBLED: 1}


@pytest.mark.parametrize("send_type", ["SEQUENTIALLY", "NON_SEQUENTIALLY"])
def test_a_reordered_event_comes_after_the_one_that_follows_it(simulator, receiver, register, charge, send_type):
    simulator.timings.webhook_reorder_seconds = 3600
    register(sendType=send_type)
    simulator.mishaps.next(Mishap.REORDERED)
    first = charge()
    second = charge()
    simulator.wait_delivered()
    assert [event["payment"]["id"] for event in receiver.events] == [second, first]


def test_a_reordered_event_that_nothing_follows_comes_a_little_later(simulator, receiver, register, charge):
    register()
    simulator.mishaps.next(Mishap.REORDERED)
    charge()
    simulator.wait_delivered()
    assert receiver.names == ["PAYMENT_CREATED"]


def test_rates_of_mishaps_strike_by_the_seed(simulator, receiver, register, charge):
    simulator.mishaps.set({Mishap.LOST: 1})
    register()
    charge()
    simulator.mishaps.clear()
    charge()
    simulator.wait_delivered()
    assert len(receiver.seen) == 1
    with pytest.raises(ValueError, match="at most 1"):
        simulator.mishaps.set({Mishap.LOST: 0.6, Mishap.DOUBLED: 0.6})


def test_any_event_can_be_told_even_one_that_nobody_asked_for(simulator, receiver, register):
    register(events=["ACCESS_TOKEN_EXPIRED"])
    simulator.emit("ACCESS_TOKEN_EXPIRED", accessToken={"id": "a1"})
    simulator.emit("SOMETHING_NEW", everywhere=True, something={"id": "s1"})
    simulator.emit("SOMETHING_NEW", something={"id": "s2"})
    simulator.wait_delivered()
    assert [(event["event"], event.get("accessToken")) for event in receiver.events] == [
        ("ACCESS_TOKEN_EXPIRED", {"id": "a1"}),
        ("SOMETHING_NEW", None),
    ]


def test_nothing_is_sent_beyond_this_machine(simulator, register, charge):
    webhook = register(url="https://isp.example/webhooks/1")
    charge()
    simulator.wait_delivered()
    assert {(one.webhook, one.status) for one in simulator.deliveries} == {(webhook["id"], 0)}
    assert simulator.state()["webhooks"][0]["interrupted"] is True


def test_a_disabled_webhook_hears_nothing_and_a_deleted_one_neither(http, simulator, receiver, register, charge):
    register(enabled=False)
    http.delete(f"/webhooks/{register()['id']}")
    charge()
    simulator.wait_delivered()
    assert receiver.seen == []


def test_what_was_not_delivered_when_it_stopped_is_delivered_when_it_runs_again(receiver):
    simulator = AsaasSimulator(seed=1, clock=HandClock())
    receiver.status = 500
    with simulator.running():
        body = {"name": "w", "url": receiver.url, "sendType": "SEQUENTIALLY", "events": ["ACCESS_TOKEN_EXPIRED"]}
        httpx.post(f"{simulator.url}/webhooks", json=body, headers={"access_token": simulator.credentials["key"]})
        simulator.emit("ACCESS_TOKEN_EXPIRED")
        wait_for_tries(simulator, 1)
    receiver.status = 200
    with simulator.running():
        simulator.advance()
        simulator.wait_delivered()
    assert [one.status for one in simulator.deliveries] == [500, 200]


def test_waiting_for_what_never_arrives_ends_with_a_sentence(simulator, receiver, register, charge):
    simulator.timings.webhook_scale = 1
    receiver.status = 500
    register()
    charge()
    with pytest.raises(TimeoutError, match="webhooks left to deliver"):
        simulator.wait_delivered(0.01)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    send_type=st.sampled_from(["SEQUENTIALLY", "NON_SEQUENTIALLY"]),
    fates=st.lists(st.sampled_from([None, *Mishap]), min_size=1, max_size=8),
    failures=st.lists(st.sampled_from([201, 404, 500]), max_size=10),
)
def test_whatever_goes_wrong_all_but_the_lost_arrive_and_in_order_where_that_is_promised(
    receiver, send_type, fates, failures
):
    receiver.statuses = deque(failures)
    with AsaasSimulator(seed=1, clock=HandClock()).running() as simulator:
        simulator.timings.update({"webhook_scale": 0, "webhook_reorder_seconds": 0.01})
        body = {"name": "w", "url": receiver.url, "sendType": send_type, "events": ["PAYMENT_CREATED"]}
        headers = {"access_token": simulator.credentials["key"]}
        httpx.post(f"{simulator.url}/webhooks", json=body, headers=headers, verify=False)  # noqa: S501 -- plain http
        simulator.mishaps.next(*fates)
        for number in range(len(fates)):
            simulator.emit("PAYMENT_CREATED", payment={"id": f"pay_{number}"})
        simulator.wait_delivered()
    arrived = [one.entity for one in simulator.deliveries if one.status == 200]
    sent = [f"pay_{number}" for number, fate in enumerate(fates) if fate is not Mishap.LOST]
    copies = [f"pay_{number}" for number, fate in enumerate(fates) if fate is Mishap.DOUBLED]
    assert sorted(arrived) == sorted(sent + copies)
    if send_type == "SEQUENTIALLY" and Mishap.REORDERED not in fates:
        assert list(dict.fromkeys(arrived)) == sent
