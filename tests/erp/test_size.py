"""As many contracts as an ISP may have are pulled in a memory that their number does not raise."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from svahub import ContractRow
from svahub.hub import Hub
from svahub.models import Environment
from svahub.testing import simulator_process
from svahub_ixc import Ixc

from erp.conftest import TELE, Isp

MANY, MEGABYTE = 100_000, 2**20


def test_a_pull_holds_a_page_of_contracts_and_no_more(isp: Isp) -> None:
    isp.register(page_size=20)
    isp.ixc.populate(200, TELE)
    held = []
    with isp.office.provider("erp", Ixc) as ixc:
        for number, _ in enumerate(ixc.contracts(None)):
            if number % 50 == 49:
                held.append(sum(isinstance(one, ContractRow) for one in gc.get_objects()))
    assert len(held) == 4
    assert max(held) <= 20


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.deep
def test_a_hundred_thousand_contracts_are_pulled_in_bounded_memory(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulator_process("ixc") as simulator, Hub.open(sqlite_url) as hub:
        for _ in range(10):
            simulator.steer("populate", contracts=MANY // 10, products=[TELE])
        monkeypatch.setenv("ERP_TOKEN", simulator.credentials["token"])
        office, secret = hub.tenant("default"), {"token": "env:ERP_TOKEN"}
        given = {"watch": False, "page_size": 500}
        office.sources.add("erp", "ixc", Environment.STAGING, address=simulator.url, settings=given, secret=secret)
        sizes: dict[int, int] = {}
        read = 0

        def progress(many: int) -> None:
            nonlocal read
            read += many
            sizes[read] = resident()

        pulled = office.sources.pull("erp", progress=progress)
        again = office.sources.pull("erp")
    assert (pulled.contracts.added, pulled.contracts.rejected, again.contracts.added) == (MANY, 0, 0)
    settled = min(read for read in sizes if read >= MANY // 5)
    grown = max(size for read, size in sizes.items() if read >= settled) - sizes[settled]
    assert grown < 32 * MEGABYTE, grown
