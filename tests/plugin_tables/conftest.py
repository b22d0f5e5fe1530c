"""What the tests of plugins' tables share: the made-up plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from plugin_tables.beekeeper import Apiary


@pytest.fixture
def apiary(site: Any) -> Iterator[Apiary]:
    yield Apiary(site)
    sys.modules.pop("apiary", None)
