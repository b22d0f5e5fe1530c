"""What the tests of mail may ask for: a mail server that runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .post import Post


@pytest.fixture
def post() -> Iterator[Post]:
    with Post().running() as post:
        yield post
