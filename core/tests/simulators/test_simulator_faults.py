"""What a simulator does to requests that a fault strikes, over real sockets."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext

import httpx
import pytest
from svahub.testing import Fault
from svahub.testing.faults import NOT_APPLIED

from .conftest import QUICK, put, rows

SILENT = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER)
CUT = (Fault.DROP, Fault.DROP_AFTER, Fault.REFUSE, Fault.TRUNCATED)
FAILURES = dict.fromkeys(SILENT, httpx.ReadTimeout) | dict.fromkeys(CUT, httpx.TransportError)


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
