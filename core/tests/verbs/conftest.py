"""What the tests of verbs may ask for: an office on the usual databases."""

from __future__ import annotations

import pytest
from svahub.hub import TenantHub


@pytest.fixture
def office(office_on_the_usual: TenantHub) -> TenantHub:
    return office_on_the_usual
