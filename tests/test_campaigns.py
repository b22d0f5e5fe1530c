"""A great campaign whose worker is killed, and gone on with. How one goes otherwise: `lives`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select
from svahub.cli import main
from svahub.extension.invented import person
from svahub.hub import Hub, TenantHub
from svahub.intake import ContractRow
from svahub.store import tables
from svahub.store.states import RowState
from svahub_teleclinica.simulator import TeleClinicaSimulator


@pytest.fixture
def sold(office: TenantHub) -> TenantHub:
    """Return the office with what makes it possible to sell."""
    asked(office.hub, "plans sync")
    plan = asked(office.hub, "plans list")[0]["remote_id"]
    asked(office.hub, f"products link TM --product-type telemedicine --plan {plan}")
    return office


def asked(hub: Hub, line: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, [*line.split(), "--json"], obj=hub)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def sell(office: TenantHub, many: int) -> None:
    item = {"code": "1", "product_code": "TM"}
    rows = [{"contract_id": f"C{n}", "customer": person(n) | {"id": f"P{n}"}, "items": [item]} for n in range(many)]
    assert office.contracts.take_in(map(ContractRow.model_validate, rows)).rejected == 0
    asked(office.hub, "work --once")


def count(office: TenantHub, query: Any) -> int:
    with office.hub.store.read() as connection:
        return int(connection.execute(query).scalar_one())


RELEASED = select(func.count()).where(tables.campaign_rows.c.state == RowState.RELEASED)


@pytest.mark.deep
def test_a_campaign_whose_worker_is_killed_again_and_again_asks_each_once(
    sold: TenantHub, clinic: TeleClinicaSimulator
) -> None:
    sell(sold, 1_500)
    asked(sold.hub, "block --where product_type=telemedicine --max-percent 100 --max-changes 2000 --yes --no-wait")
    url = sold.hub.store.url.render_as_string(hide_password=False)
    for few in (1, 500, 1_000):
        worker = subprocess.Popen([sys.executable, "-m", "svahub", "--database", url, "work"], env=dict(os.environ))
        while count(sold, RELEASED) < few:
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert count(sold, RELEASED) < 1_500
    asked(sold.hub, "work --once")
    o = tables.operations.c
    with sold.hub.store.read() as connection:
        query = select(o.subscription_key, func.count()).where(o.campaign_id == 1).group_by(o.subscription_key)
        counts = [many for _, many in connection.execute(query)]
    assert counts == [1] * 1_500
    assert {line["outcome"] for line in asked(sold.hub, "campaigns report 1")} == {"reached"}
    assert {user.status.value for user in sold.users.list("tele")} == {"BLOCKED"}
