"""The toolkit for simulators of large providers: routes of several owners, more timings, work between requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub import brazil
from svahub.testing import Answer, Fault, Problem, Request, Simulator, Timings, checks, route


@dataclass(slots=True)
class PostalTimings(Timings):
    """Those of every simulator and one more."""

    letter_seconds: float = 86_400.0


class Letters:
    """One part of a provider."""

    @route("GET", "/letters/{letter}")
    def get(self, _request: Request, letter: str) -> Answer:
        return Answer(200, {"letter": letter})

    @route("GET", "/letters/all")
    def get_all(self, _request: Request) -> Answer:
        return Answer(200, {"all": True})


class Whistle:
    """Runtime control of a provider's own."""

    @route("POST", "/_simulator/whistle")
    def whistle(self, _request: Request) -> Answer:
        return Answer(200, {"whistled": True})


class Post(Simulator):
    """A provider made up of parts, which signs all its answers."""

    def __init__(self) -> None:
        super().__init__(seed=1, timings=PostalTimings())
        self.sold = 0
        self.add_routes(Letters())
        self.add_controls(Whistle())

    def make_credentials(self) -> dict[str, str]:
        return {"name": "somebody"}

    def authorize(self, request: Request) -> None:
        if not request.header("name"):
            raise Problem(401, "who", "say who you are")

    def complete(self, answer: Answer) -> Answer:
        return replace(answer, headers={**answer.headers, "Signed": "yes"})

    def state(self) -> dict[str, int]:
        return {"sold": self.sold}

    @route("POST", "/stamps")
    def sell(self, _request: Request) -> Answer:
        self.sold += 1
        return Answer(200, {})


@pytest.fixture
def post():
    with Post().running() as running:
        yield running


@pytest.fixture
def http(post):
    with httpx.Client(base_url=post.url, headers={"name": "Ana"}) as client:
        yield client


def test_routes_of_parts_are_answered_beside_the_simulators_own(post, http):
    assert http.get("/letters/a").json() == {"letter": "a"}
    assert http.post("/stamps").status_code == 200
    assert post.routes() == {("GET", "/letters/{letter}"), ("GET", "/letters/all"), ("POST", "/stamps")}


def test_a_word_in_a_path_goes_before_a_parameter(http):
    assert http.get("/letters/all").json() == {"all": True}


def test_control_of_a_providers_own_needs_no_credentials_and_is_not_counted(post):
    assert httpx.post(f"http://127.0.0.1:{post.port}/_simulator/whistle").json() == {"whistled": True}
    assert post.counts.total() == 0


def test_what_completes_an_answer_completes_refusals_and_faults_too(post, http):
    post.faults.next(Fault.RATE_LIMIT, Fault.ERROR_AFTER, method="POST")
    answers = [http.post("/stamps"), http.post("/stamps"), http.get("/nowhere"), httpx.get(f"{post.url}/letters/a")]
    assert [answer.status_code for answer in answers] == [429, 500, 404, 401]
    assert {answer.headers.get("signed") for answer in answers} == {"yes"}


def test_a_timing_of_a_providers_own_is_set_like_the_others(post):
    post.timings.update({"letter_seconds": 1, "lag_seconds": 2})
    assert (post.timings.letter_seconds, post.timings.lag_seconds) == (1, 2)
    with pytest.raises(ValueError, match=r"lag_seconds, .*letter_seconds"):
        post.timings.update({"tea_seconds": 1})


def test_work_between_requests_never_meets_a_handler(post):
    def sell_one() -> None:
        before = post.sold
        post.sold = before + 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: post.between_requests(sell_one), range(200)))
    assert post.state() == {"sold": 200}


def test_work_between_requests_is_done_at_once_where_nothing_runs():
    still = Post()
    assert still.between_requests(lambda: still.sold) == 0


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12), st.integers(0, 99))
def test_a_cnpj_is_one_where_the_product_says_so(base, digits):
    written = f"{base}{digits:02d}"
    assert checks.cnpj(written) == brazil.is_document(written)


@pytest.mark.parametrize("written", ["12ABC34501DE35", "11222333000181", "1Q2W3E4R000106", "AAAAAAAAAAAA45"])
def test_a_known_cnpj_is_taken(written):
    assert checks.cnpj(written)


@pytest.mark.parametrize(
    "written", ["12abc34501de35", "1122233300018", "11222333000182", "0" * 14, None, 11222333000181]
)
def test_what_only_looks_like_a_cnpj_is_not_taken(written):
    assert not checks.cnpj(written)
