"""`svahub simulate asaas` as a process: what it prints, and how it is steered over its port."""

from __future__ import annotations

import subprocess
import sys

import httpx
from svahub.testing import simulator_process


def test_the_printed_lines_are_url_key_and_ready():
    command = [sys.executable, "-m", "svahub", "simulate", "asaas", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url, key, ready = (process.stdout.readline().rstrip("\n") for _ in range(3))
        answer = httpx.get(f"{url.removeprefix('url: ')}/finance/balance", headers={"access_token": key[5:]})
        process.terminate()
        assert process.wait(10) == 0
    assert (url[:21], url[-3:], ready) == ("url: http://127.0.0.1", "/v3", "ready")
    assert key.startswith("key: $aact_hmlg_")
    assert answer.json() == {"balance": 0.0}


def test_days_statuses_quota_mishaps_and_events_are_steered_over_its_port(receiver):
    with simulator_process("asaas") as running, httpx.Client(base_url=running.url, headers=key_of(running)) as http:
        control = httpx.URL(running.url).copy_with(path="/_simulator/")
        running.set_timings(webhook_scale=0)
        customer = http.post("/customers", json={"name": "Ana Inventada", "cpfCnpj": "52998224725"}).json()["id"]
        events = ["PAYMENT_CREATED", "PAYMENT_DUNNING_REQUESTED"]
        http.post("/webhooks", json={"name": "w", "url": receiver.url, "sendType": "SEQUENTIALLY", "events": events})
        today = http.post(control.join("advance"), json={"days": 40}).json()["today"]
        assert http.post(control.join("mishaps"), json={"mishaps": ["doubled"]}).status_code == 204
        body = {"customer": customer, "billingType": "PIX", "value": 10, "dueDate": today}
        payment = http.post("/payments", json=body).json()["id"]
        wanted = {"payment": payment, "status": "DUNNING_REQUESTED"}
        assert http.post(control.join("status"), json=wanted).json()["status"] == "DUNNING_REQUESTED"
        assert http.post(control.join("emit"), json={"event": "X", "everywhere": True}).status_code == 204
        assert http.put(control.join("quota"), json={"limit": 0}).status_code == 204
        assert http.get("/payments").status_code == 429
        asked = (http.get(control.join("deliveries")).json() for _ in range(10_000))
        told = next(told for told in asked if told["idle"])
    assert told["struck"] == {"doubled": 1}
    assert receiver.names == ["PAYMENT_CREATED", "PAYMENT_CREATED", "PAYMENT_DUNNING_REQUESTED", "X"]


def key_of(running):
    return {"access_token": running.credentials["key"]}


def test_what_cannot_be_steered_is_refused_with_a_sentence(simulator):
    control = httpx.URL(simulator.url).copy_with(path="/_simulator/")
    with httpx.Client() as http:
        refused = [
            http.post(control.join("advance"), json={"days": 0}),
            http.post(control.join("status"), json={"payment": "pay_1"}),
            http.put(control.join("quota"), json={"limit": "many"}),
            http.put(control.join("mishaps"), json={"lost": 2}),
            http.post(control.join("mishaps"), json={"mishaps": ["eaten"]}),
            http.put(control.join("timings"), json={"tea_seconds": 1}),
        ]
    assert {answer.status_code for answer in refused} == {422}
    assert "there is: lost, doubled, reordered" in refused[4].json()["errors"][0]["description"]
    assert "webhook_scale" in refused[5].json()["errors"][0]["description"]
