"""What the tests of copies may ask for: a filled store, and the place of an empty one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from svahub.store import Store

from copied.stores import OTHERS, THERE, two_stores


@pytest.fixture(params=[THERE, *OTHERS])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Store]]:
    """Return a filled store and the place of an empty one: on SQLite and PostgreSQL, on every pair in long proofs."""
    one, other = request.param.split("-")
    with two_stores(request, f"{one}_url", f"empty_{other}_url") as both:
        yield both


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Store, Store]]:
    """Return a filled store and an empty place, both on SQLite."""
    with two_stores(request, "sqlite_url", "empty_sqlite_url") as both:
        yield both
