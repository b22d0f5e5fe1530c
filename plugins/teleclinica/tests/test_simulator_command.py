"""`svahub simulate teleclinica` as a process: what it prints, how it is steered, and how it stops."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from svahub.testing import Fault, simulator_process
from svahub_teleclinica.simulator import TeleClinicaSimulator


@pytest.fixture
def simulator():
    with TeleClinicaSimulator(seed=1).running() as running:
        yield running


def simulate(*arguments):
    full = [sys.executable, "-m", "svahub", "simulate", "teleclinica", *arguments]
    return subprocess.Popen(full, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_printed_lines_are_url_credentials_and_ready_when_it_listens():
    with simulate("--port", "0", "--seed", "1") as process:
        lines = [process.stdout.readline().rstrip("\n") for _ in range(4)]
        names, values = zip(*(line.split(": ") for line in lines[:3]), strict=True)
        answer = httpx.get(f"{values[0]}/plans", auth=values[1:])
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=10)
    assert (names, lines[3]) == (("url", "username", "password"), "ready")
    assert values[0].startswith("http://127.0.0.1:")
    assert values[0].endswith("/v1")
    assert (answer.status_code, rest, errors, process.returncode) == (200, "", "", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.deep)])
def test_a_signal_stops_it_promptly_with_exit_code_0(number):
    with simulator_process("teleclinica") as running:
        running.process.send_signal(number)
        assert running.process.wait(5) == 0


def test_a_process_is_steered_and_read_over_its_port():
    with simulator_process("teleclinica", "--fault", "500-before:1") as running:
        with httpx.Client(base_url=running.url, auth=tuple(running.credentials.values())) as http:
            assert http.get("/plans").status_code == 500
            running.set_faults({Fault.RATE_LIMIT: 1.0})
            assert http.get("/plans").status_code == 429
            running.set_faults({})
            running.next(None, Fault.REDIRECT, method="GET")
            assert [http.get("/plans").status_code for _ in range(3)] == [200, 302, 200]
            running.set_timings(lag_seconds=3600)
            running.next([Fault.LAG])
            plan = running.state()["plans"][0]["id"]
            body = {"externalReference": "account-1", "name": "Ana Inventada", "cpf": "52998224725", "planId": plan}
            assert http.post("/users", json=body).status_code == 201
            assert http.get("/users").json()["total"] == 0
        assert [user["cpf"] for user in running.state()["users"]] == ["52998224725"]
        assert running.requests()["counts"]["GET /plans"] == {"200": 2, "302": 1, "429": 1, "500": 1}
        with pytest.raises(ValueError, match="no timing"):
            running.set_timings(tea_seconds=1)
        assert running.stop() == 0


def test_a_fixed_delay_holds_for_each_of_many_requests_at_once():
    with (
        simulator_process("teleclinica", "--delay-ms", "300") as running,
        httpx.Client(base_url=running.url, auth=tuple(running.credentials.values())) as http,
        ThreadPoolExecutor(50) as threads,
    ):
        started = time.monotonic()
        answers = list(threads.map(lambda _: http.get("/plans").status_code, range(50)))
        took = time.monotonic() - started
    assert set(answers) == {200}
    assert 0.3 <= took < 50 * 0.3 / 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fault", "flood:1"], "no fault 'flood'"),
        (["--fault", "drop:often"], "could not convert"),
        (["--fault", "drop:2"], "a number from 0 to 1"),
    ],
)
def test_a_fault_that_cannot_be_is_a_usage_error(arguments, sentence):
    with simulate(*arguments) as process:
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert sentence in errors


def test_a_port_in_use_is_said_in_a_sentence(simulator):
    with simulate("--port", str(simulator.port)) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors == f"Error: port {simulator.port} cannot be used: Address already in use\n"
