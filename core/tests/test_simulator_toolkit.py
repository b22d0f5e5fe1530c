"""The simulator toolkit over real sockets: faults, log and runtime control."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from click.testing import CliRunner
from svahub.cli.simulate import command
from svahub.errors import UnknownName
from svahub.testing import (
    Answer,
    Fault,
    Problem,
    Records,
    Request,
    Simulator,
    Timings,
    checks,
    require_basic,
    route,
    simulator_process,
)
from svahub.testing.faults import NOT_APPLIED

QUICK = 0.3
SILENT = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER)
CUT = (Fault.DROP, Fault.DROP_AFTER, Fault.REFUSE, Fault.TRUNCATED)
FAILURES = dict.fromkeys(SILENT, httpx.ReadTimeout) | dict.fromkeys(CUT, httpx.TransportError)


class HandClock:
    """A clock that moves when told."""

    def __init__(self):
        self.instant = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self):
        return self.instant

    def monotonic(self):
        return self.instant.timestamp()

    def sleep(self, seconds):
        self.instant += timedelta(seconds=seconds)


class Notes(Simulator):
    """A provider that keeps notes."""

    huge_bytes = 3 * 2**20

    def __init__(self, **options):
        super().__init__(**options)
        self.notes = Records(self.clock, lambda note: note["kind"])

    def make_credentials(self):
        return {"username": "reader", "password": f"made-at-start-{random.random()}"}

    def authorize(self, request: Request):
        require_basic(request, **self.credentials)

    def state(self):
        return {"notes": list(self.notes)}

    @route("GET", "/notes")
    def list(self, request: Request):
        number, limit = checks.page_of(request, "kind")
        rows, total = self.notes.page(number, limit, request.query.get("kind"))
        return Answer(200, {"rows": rows[:-1] if request.short else rows, "total": total})

    @route("PUT", "/notes/{name}")
    def put(self, request: Request, name: str):
        body = checks.fields(request, {"kind": checks.text})
        return Answer(201, self.notes.write(name, {"name": name, **body}, request.lag))

    @route("DELETE", "/notes/{name}")
    def delete(self, request: Request, name: str):
        raise Problem(409, "kept", "notes are kept", name=name)

    @route("GET", "/broken")
    def broken(self, request: Request):
        return Answer(200, [][0])


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def simulator(clock):
    with Notes(seed=1, clock=clock, timings=Timings(delay_seconds=0.1, refuse_seconds=0.2)).running() as running:
        yield running


@pytest.fixture
def http(simulator):
    auth = (simulator.credentials["username"], simulator.credentials["password"])
    with httpx.Client(base_url=simulator.url, auth=auth, timeout=5) as client:
        yield client


def put(http, name="one", kind="red", **options):
    return http.put(f"/notes/{name}", json={"kind": kind}, **options)


def rows(http, **query):
    return http.get("/notes", params=query).json()


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


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.suits("PUT")])
def test_a_fault_applies_what_it_says_and_only_once(simulator, http, fault):
    simulator.faults.next(fault, path="/notes/")
    simulator.timings.drip_seconds = 0.001
    with pytest.raises(FAILURES[fault]) if fault in FAILURES else nullcontext():
        put(http, timeout=QUICK if fault in SILENT else 5)
    assert (len(simulator.notes) == 0) == (fault in NOT_APPLIED)
    simulator.listen()
    assert put(http, "two").status_code == 201


def test_what_a_request_presents_may_be_taken_for_expired(simulator, http):
    simulator.faults.next(Fault.UNAUTHORIZED)
    assert [put(http).status_code, put(http).status_code] == [401, 201]


def test_a_duplicate_is_applied_twice_and_the_second_answer_comes(simulator, http):
    simulator.faults.next(Fault.DUPLICATE)
    put(http)
    assert [tuple(seen) for seen in simulator.requests] == [("PUT", "/notes/one", 201)] * 2


def test_a_repeated_page_is_the_one_before(simulator, http):
    for name in ("one", "two", "three"):
        put(http, name)
    simulator.faults.next(None, Fault.REPEATED_PAGE)
    first, second = (http.get("/notes", params={"page": page, "limit": 2}).json() for page in (1, 2))
    assert first == second


def test_answers_grow_fields_and_kinds_that_nobody_told_of(simulator, http):
    put(http)
    told = http.get("/notes").json()["rows"]
    simulator.faults.next(Fault.UNKNOWN_FIELDS, Fault.UNKNOWN_VALUES)
    (more,), (other,) = http.get("/notes").json()["rows"], http.get("/notes").json()["rows"]
    assert told[0].items() <= more.items()
    assert (told[0].keys() < more.keys(), other["kind"]) == (True, "SOMETHING_NEW")


def test_a_refusal_may_repeat_what_it_was_told(simulator, http):
    simulator.faults.next(Fault.REPEATING)
    assert '"kind"' in put(http).json()["error"]["message"]


def test_an_answer_may_drip_for_longer_than_anybody_waits(simulator, http):
    simulator.timings.drip_seconds = 0.02
    simulator.faults.next(Fault.DRIP)
    began = time.monotonic()
    assert put(http).status_code == 201
    assert time.monotonic() - began > 0.2


def test_a_429_may_say_for_how_long(simulator, http):
    simulator.faults.next(Fault.RATE_LIMIT, Fault.RATE_LIMIT_RETRY_AFTER)
    plain, telling = put(http), put(http)
    assert (plain.status_code, plain.headers.get("retry-after")) == (429, None)
    assert (telling.status_code, telling.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.ERROR_AFTER])
def test_an_error_of_the_server_is_a_500_with_the_envelope(simulator, http, fault):
    simulator.faults.next(fault)
    answer = put(http)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")


def test_a_malformed_answer_is_a_2xx_that_is_not_json(simulator, http):
    simulator.faults.next(Fault.MALFORMED)
    answer = put(http)
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_truncated_answer_ends_before_its_length(simulator, http):
    simulator.faults.next(Fault.TRUNCATED)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        put(http)


def test_a_huge_answer_is_many_megabytes_of_unannounced_length(simulator, http):
    simulator.faults.next(Fault.HUGE)
    answer = put(http)
    assert len(answer.content) > simulator.huge_bytes
    assert "content-length" not in answer.headers
    assert answer.json()["name"] == "one"


def test_a_redirect_points_to_another_host(simulator, http):
    simulator.faults.next(Fault.REDIRECT)
    answer = put(http)
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://elsewhere.example/v1/notes/one"


def test_a_delay_holds_back_the_change_as_well(simulator, http):
    simulator.timings.delay_seconds = 60
    simulator.faults.next(Fault.DELAY)
    with pytest.raises(httpx.ReadTimeout):
        put(http, timeout=QUICK)
    assert not simulator.notes.truth


def test_a_refused_request_makes_the_system_refuse_for_a_while(simulator, http):
    simulator.timings.refuse_seconds = 60
    simulator.faults.next(Fault.REFUSE)
    with pytest.raises(httpx.TransportError):
        put(http)
    with pytest.raises(httpx.ConnectError):
        put(http)
    simulator.listen()
    assert put(http).status_code == 201


def test_a_port_held_closed_refuses_until_it_listens_again(simulator, http):
    put(http)
    simulator.refuse()
    for _ in range(3):
        with pytest.raises(httpx.ConnectError):
            httpx.get(simulator.url)
    simulator.listen()
    assert rows(http)["total"] == 1


def test_a_lagging_write_is_seen_when_its_time_has_come(simulator, http, clock):
    simulator.faults.next(Fault.LAG, method="PUT")
    put(http)
    assert rows(http) == {"rows": [], "total": 0}
    clock.sleep(simulator.timings.lag_seconds)
    assert rows(http)["total"] == 1


def test_a_lagging_change_shows_the_old_value(simulator, http, clock):
    put(http, kind="red")
    simulator.faults.next(Fault.LAG)
    put(http, kind="blue")
    assert rows(http, kind="blue")["total"] == 0
    assert rows(http, kind="red")["rows"] == [{"name": "one", "kind": "red"}]
    clock.sleep(2)
    assert rows(http, kind="blue")["total"] == 1


def test_a_write_that_does_not_lag_is_not_undone_by_one_that_did(simulator, http, clock):
    simulator.faults.next(Fault.LAG, None, method="PUT")
    put(http, kind="red")
    put(http, kind="blue")
    clock.sleep(60)
    assert rows(http)["rows"] == [{"name": "one", "kind": "blue"}]


def test_a_short_page_lacks_a_row_that_the_total_counts(simulator, http):
    put(http, "one")
    put(http, "two")
    simulator.faults.next(Fault.SHORT_PAGE)
    page = rows(http)
    assert (len(page["rows"]), page["total"]) == (1, 2)


def test_a_request_can_meet_lag_and_silence_at_once(simulator, http):
    simulator.faults.next({Fault.LAG, Fault.TIMEOUT_AFTER})
    with pytest.raises(httpx.ReadTimeout):
        put(http, timeout=QUICK)
    assert (len(simulator.notes), rows(http)["total"]) == (1, 0)


def test_a_script_waits_for_the_request_it_is_for(simulator, http):
    simulator.faults.next(Fault.ERROR_BEFORE, method="PUT", path="/notes/two")
    assert [put(http, name).status_code for name in ("one", "two", "two")] == [201, 500, 201]


def test_none_in_a_script_spares_a_request_whatever_the_rates(simulator, http):
    simulator.faults.set({Fault.ERROR_BEFORE: 1})
    simulator.faults.next(None)
    assert [put(http).status_code for _ in range(2)] == [201, 500]


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
