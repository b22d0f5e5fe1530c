"""The simulator toolkit over real sockets: routes, log, life of the server, and runtime control."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from click.testing import CliRunner
from svahub.cli.simulate import command
from svahub.errors import UnknownName
from svahub.testing import Fault, simulator_process

from .conftest import Notes, put


def test_an_answer_comes_over_a_real_socket(http):
    answer = put(http)
    assert (answer.status_code, answer.json()) == (201, {"name": "one", "kind": "red"})
    assert answer.headers["content-type"] == "application/json"


def test_a_connection_is_kept_and_used_again(simulator, http):
    sockets = {put(http, str(n)).extensions["network_stream"].get_extra_info("client_addr") for n in range(5)}
    assert len(sockets) == 1


def test_an_unknown_path_another_method_and_another_base_path_are_told_apart(http):
    assert http.get("/other").json()["error"]["code"] == "no_such_route"
    assert http.post("/notes/one").status_code == 405
    assert http.get(str(http.base_url.join("/v2/notes"))).status_code == 404


def test_a_problem_becomes_the_envelope(http):
    answer = http.delete("/notes/one")
    assert answer.status_code == 409
    assert answer.json() == {"error": {"code": "kept", "message": "notes are kept", "name": "one"}}


def test_a_broken_handler_is_an_error_of_the_server_and_is_logged(http, caplog):
    assert http.get("/broken").status_code == 500
    assert "the simulator itself is broken" in caplog.text


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic", "Basic !", "Basic cmVhZGVyOndyb25n"])
def test_other_credentials_are_turned_away(simulator, header):
    answer = httpx.get(f"{simulator.url}/notes", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_the_log_holds_method_path_and_status(simulator, http):
    put(http)
    http.delete("/notes/one")
    assert [tuple(seen) for seen in simulator.requests] == [("PUT", "/notes/one", 201), ("DELETE", "/notes/one", 409)]


def test_stopping_does_not_wait_for_the_silent(simulator, http):
    simulator.faults.next(Fault.TIMEOUT_BEFORE)
    with ThreadPoolExecutor() as threads:
        silent = threads.submit(put, http, timeout=60)
        while not control(simulator, "GET", "requests").json()["total"]:
            assert not silent.done()
        simulator.stop()
        assert isinstance(silent.exception(timeout=10), httpx.TransportError)


def test_state_outlives_the_server_and_the_port_can_be_taken_again(simulator, http):
    put(http)
    again = Notes(seed=1)
    again.notes = simulator.notes
    with again.running():
        assert httpx.get(f"{again.url}/notes", auth=tuple(again.credentials.values())).json()["total"] == 1


def test_a_port_in_use_is_said_by_running(simulator):
    with pytest.raises(OSError, match="in use"), Notes().running(port=simulator.port):
        pass


def test_a_simulator_that_is_not_running_cannot_refuse():
    with pytest.raises(RuntimeError, match="not running"):
        Notes().refuse()


def test_credentials_differ_and_ids_repeat_with_the_seed():
    one, other = Notes(seed=7), Notes(seed=7)
    assert one.credentials != other.credentials
    assert [one.new_id("x") for _ in range(3)] == [other.new_id("x") for _ in range(3)]


def control(simulator, method, name, **options):
    return httpx.request(method, f"http://127.0.0.1:{simulator.port}/_simulator/{name}", **options)


def test_faults_are_switched_over_http(simulator, http):
    assert control(simulator, "PUT", "faults", json={"500-before": 1}).json()["rates"] == {"500_before": 1}
    assert put(http).status_code == 500
    assert control(simulator, "GET", "faults").json()["struck"] == {"500_before": 1}
    control(simulator, "PUT", "faults", json={})
    assert put(http).status_code == 201


def test_a_script_and_timings_are_set_over_http(simulator, http):
    control(simulator, "PUT", "timings", json={"retry_after_seconds": 7})
    script = {"faults": [None, ["429_retry_after", "lag"]], "method": "PUT"}
    assert control(simulator, "POST", "next", json=script).status_code == 204
    assert [put(http).status_code for _ in range(3)] == [201, 429, 201]
    assert simulator.timings.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("method", "name", "body"),
    [
        ("PUT", "faults", {"flood": 1}),
        ("PUT", "faults", {"drop": 2}),
        ("PUT", "faults", {"drop": None}),
        ("PUT", "faults", []),
        ("POST", "next", {}),
        ("POST", "next", {"faults": ["flood"]}),
        ("POST", "next", {"faults": [["drop", "429"]]}),
        ("PUT", "timings", {"flood_seconds": 1}),
        ("PUT", "timings", {"lag_seconds": -1}),
    ],
)
def test_control_refuses_what_it_does_not_know(simulator, method, name, body):
    assert control(simulator, method, name, json=body).status_code == 422


def test_state_and_counts_are_read_over_http_and_are_not_counted(simulator, http):
    put(http, "one")
    put(http, "two")
    assert control(simulator, "GET", "state").json() == {"notes": list(simulator.notes)}
    told = control(simulator, "GET", "requests").json()
    assert told == {"total": 2, "counts": {"PUT /notes/{name}": {"201": 2}}}
    assert control(simulator, "GET", "nothing").status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"kind": NaN}', b'{"kind": "red", "more": 1}', b'{"kind": ""}'])
def test_a_body_that_does_not_fit_is_refused(http, body):
    answer = http.put("/notes/one", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}


def test_a_body_of_another_type_is_refused(http):
    assert http.put("/notes/one", data={"kind": "red"}).status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "page=0", "page=-1", "sort=name"])
def test_a_query_that_does_not_fit_is_refused(http, query):
    assert http.get(f"/notes?{query}").status_code == 422


def invoked(*arguments):
    return CliRunner().invoke(command, arguments)


def test_an_unknown_simulator_is_named():
    error = invoked("nobody").exception
    assert isinstance(error, UnknownName)
    assert "'nobody'" in str(error)


def test_a_process_that_does_not_start_is_an_error():
    with pytest.raises(RuntimeError, match="not ready"), simulator_process("nobody"):
        pass
