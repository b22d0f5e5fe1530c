"""Listings that go on at a cursor: what is whole, and what is not, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.client import ProviderClient
from svahub.errors import Cause, Unreachable
from svahub.extension.wire import CursorPage, Listed, by_cursor
from svahub.testing import Answer, Fault, Request, Simulator, one_page, route


class Shelf(Simulator):
    """A provider that lists `rows` by cursor; `leads_to` says otherwise than the truth where its pages go on."""

    rows: tuple[str, ...] = ("a", "b", "c", "d", "e")
    leads_to: dict[str, str]

    def make_credentials(self) -> dict[str, str]:
        return {}

    def authorize(self, request: Request) -> None: ...

    def state(self) -> dict[str, object]:
        return {}

    @route("GET", "/shelf")
    def list(self, request: Request) -> Answer:
        after = int(request.query.get("cursor", "0"))
        shown, more = one_page(request, self.rows[after:], int(request.query["size"]))
        follows = str(after + len(shown))
        told = {"items": [{"id": row} for row in shown], "next": self.leads_to.get(follows, follows) if more else None}
        return Answer(200, told)

    @route("GET", "/silent")
    def end_without_a_word(self, request: Request) -> Answer:
        return Answer(200, {"items": [{"id": "a"}]})


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Shelf, ProviderClient]]:
    with Shelf(seed=1).running() as shelf, ProviderClient(base_url=shelf.url) as client:
        yield shelf, client


@pytest.fixture
def shelf(running: tuple[Shelf, ProviderClient]) -> Shelf:
    shelf, _ = running
    shelf.rows, shelf.leads_to = Shelf.rows, {}
    shelf.faults.clear()
    return shelf


def listed(running: tuple[Shelf, ProviderClient], size: int, path: str = "/shelf") -> list[str]:
    return [entry.id for entry in by_cursor(running[1], path, CursorPage[Listed], size=size)]


@given(many=st.integers(0, 9), size=st.integers(1, 4), short=st.lists(st.booleans(), max_size=6))
def test_every_row_comes_once_however_short_pages_are(
    running: tuple[Shelf, ProviderClient], many: int, size: int, short: list[bool]
) -> None:
    shelf, _ = running
    shelf.leads_to, shelf.rows = {}, tuple("abcdefghi"[:many])
    shelf.faults.clear()
    shelf.faults.next(*[Fault.SHORT_PAGE if struck else None for struck in short])
    assert listed(running, size) == [*shelf.rows]


def test_a_cursor_that_leads_back_is_no_whole_listing(running: tuple[Shelf, ProviderClient], shelf: Shelf) -> None:
    shelf.leads_to = {"4": "2"}
    with pytest.raises(Unreachable, match="leads back") as raised:
        listed(running, 2)
    assert raised.value.cause is Cause.INCOMPLETE


def test_a_row_that_moved_on_to_the_next_page_comes_once(running: tuple[Shelf, ProviderClient], shelf: Shelf) -> None:
    shelf.leads_to = {"2": "1", "3": "3"}
    assert listed(running, 2) == ["a", "b", "c", "d", "e"]


@pytest.mark.usefixtures("shelf")
def test_an_answer_that_does_not_say_what_follows_is_no_last_page(running: tuple[Shelf, ProviderClient]) -> None:
    with pytest.raises(Unreachable):
        listed(running, 2, "/silent")
