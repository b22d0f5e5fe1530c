"""What the tests of debts may ask for: a clock at a day on which there is debt."""

from __future__ import annotations

import pytest
from svahub.testing.clocks import HandClock

from .owing import MONDAY


@pytest.fixture
def clock() -> HandClock:
    """Return a clock at noon of a Monday, three weeks after the debts of these tests were due."""
    return HandClock(MONDAY)
