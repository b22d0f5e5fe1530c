"""What lives are lived with: an ISP and its clinic, and who charges for it, at a workplace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from svahub.models import Environment
from svahub.testing.clocks import RunningClock
from svahub_asaas.texts import set_text

from lives.billing import ASAAS, Billing
from lives.life import Life
from lives.workplace import Workplace
from proof.isp import HASTY, opened
from proof.till import TEXT, Till

SHORTLY = HASTY | {"retry_base": 0.2, "retry_cap": 1, "probe_base": 0.5, "probe_cap": 1}
"""Settings under which what failed is tried again within a second."""
KEY, TOKEN = "SVAHUB_TEST_LIVES_KEY", "SVAHUB_TEST_LIVES_TOKEN"


@pytest.fixture
def life(workplace: Workplace, tmp_path: Path) -> Iterator[Life]:
    """Return an ISP that has sold nothing yet."""
    with opened(workplace.url, tmp_path, None, clock=workplace.clock, **SHORTLY) as isp, closing(workplace):
        yield Life(isp, workplace)


@pytest.fixture
def billing(life: Life) -> Iterator[Billing]:
    """Return one that charges, too; Asaas counts its days itself."""
    with Till(seed=1, clock=RunningClock()).running() as till:
        os.environ |= {KEY: till.credentials["key"], TOKEN: till.token}
        secret = {"key": f"env:{KEY}", "webhook_token": f"env:{TOKEN}"}
        add = life.isp.office.integrations.add
        add(ASAAS, "asaas", Environment.STAGING, address=till.url, settings=dict(SHORTLY), secret=secret)
        set_text(life.isp.office, ASAAS, "charge", TEXT)
        yield Billing(life.isp, life.workplace, till)
