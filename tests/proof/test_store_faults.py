"""A full disk, a read-only or locked store: a clear error or a wait, nothing half done, and it goes on afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from svahub.models import Desired
from svahub.store import tables

from proof.isp import Isp, opened
from proof.nursery import Ended, Nursery

BOOKS = {"audit", "chains", "exchanges", "events", "schedules"}
"""What tells of attempts too, so that it may grow."""
MEGABYTES = 8


def everything(isp: Isp) -> dict[str, Any]:
    """Return all that is kept, but for the books."""
    with isp.hub.store.read() as connection:
        kept = [table for table in tables.metadata.sorted_tables if table.name not in BOOKS]
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in kept}


def file_of_contracts(isp: Isp) -> str:
    path = isp.folder / "contracts.jsonl"
    path.write_text(json.dumps(isp.row(2)) + "\n" + json.dumps(isp.row(1, block_reasons=["overdue"])) + "\n")
    return str(path)


COMMANDS: dict[str, Callable[[Isp], list[str]]] = {
    "a verb": lambda _isp: ["block", "C1", "--yes", "--idempotency-key", "k"],
    "work": lambda _isp: ["work", "--once"],
    "an import": lambda isp: ["contracts", "import", file_of_contracts(isp)],
    "a sync": lambda _isp: ["plans", "sync"],
}


def prepare(isp: Isp) -> None:
    """Sell one contract, leave another to be sold, and have a plan changed."""
    isp.take_in([1])
    isp.work()
    isp.take_in([3])
    isp.rewrite_a_plan()


def refused(ended: Ended, sentence: str) -> bool:
    """Tell whether a command ended with that sentence."""
    return ended.code == 1 and sentence in ended.errors + ended.output and "Traceback" not in ended.errors


def goes_on(isp: Isp, arguments: list[str]) -> None:
    """Assert that a command does what it is for, once, now that nothing stands against it."""
    isp.succeed(*arguments)
    isp.succeed("work", "--once")
    blocked = arguments[0] in {"block", "contracts"}
    wanted = {1: Desired.BLOCKED if blocked else Desired.ACTIVE, 3: Desired.ACTIVE}
    isp.agree(wanted | ({2: Desired.ACTIVE} if arguments[0] == "contracts" else {}))
    isp.nobody_is_there_twice()


# -- a full disk -------------------------------------------------------------------------------------------------------


@dataclass
class Disk:
    """A file system of a few megabytes."""

    folder: Path

    def fill(self, isp: Isp) -> None:
        """Leave no room, not even within files that are there."""
        with isp.hub.store.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            for size in (2**16, 2**12, 1):
                self._write_all(filler, b"\0" * size)

    def _write_all(self, filler: Any, content: bytes) -> None:
        try:
            while filler.write(content) == len(content):
                pass
        except OSError:
            return

    def free(self) -> None:
        """Make room."""
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk that can be filled is a tmpfs, and only root may mount one")
    yield Disk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def isp_on_disk(disk: Disk, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    with opened(f"sqlite:///{disk.folder / 'svahub.db'}", tmp_path, nursery) as isp:
        prepare(isp)
        yield isp


@pytest.mark.parametrize("what", COMMANDS)
def test_a_full_disk_leaves_nothing_half_done(isp_on_disk: Isp, disk: Disk, what: str) -> None:
    arguments, before = COMMANDS[what](isp_on_disk), everything(isp_on_disk)
    disk.fill(isp_on_disk)
    assert refused(isp_on_disk.run(*arguments), "no room left on its disk")
    disk.free()
    assert everything(isp_on_disk) == before
    goes_on(isp_on_disk, arguments)


@pytest.mark.parametrize("what", ["work", pytest.param("a verb", marks=pytest.mark.deep)])
def test_a_disk_that_fills_up_between_a_call_and_its_result_doubles_nothing(
    isp_on_disk: Isp, disk: Disk, what: str
) -> None:
    arguments = COMMANDS[what](isp_on_disk)
    child = isp_on_disk.start(*arguments, at=1, where=["sent"], act="stop")
    assert child.wait_until_it_stops()
    disk.fill(isp_on_disk)
    child.thaw()
    assert refused(child.wait(), "no room left on its disk")
    disk.free()
    goes_on(isp_on_disk, arguments)


# -- read-only and locked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", COMMANDS)
def test_a_read_only_store_is_read_and_not_written(isp: Isp, what: str) -> None:
    prepare(isp)
    arguments, before = COMMANDS[what](isp), everything(isp)
    read_only = isp.url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    isp.succeed("operations", "list", url=read_only)
    calls = len(isp.clinic.calls)
    assert refused(isp.run(*arguments, url=read_only), "is read-only")
    assert everything(isp) == before
    assert all(call.verb == "find" for call in isp.clinic.calls[calls:])
    goes_on(isp, arguments)


@pytest.mark.parametrize("what", COMMANDS)
def test_a_store_that_stays_locked_is_told_of(isp: Isp, what: str) -> None:
    prepare(isp)
    arguments, before = COMMANDS[what](isp), everything(isp)
    with isp.hub.store.write():
        assert refused(isp.run(*arguments, busy_milliseconds=50), "is locked by another process")
    assert everything(isp) == before
    goes_on(isp, arguments)


@pytest.mark.parametrize("what", COMMANDS)
def test_a_store_that_is_locked_for_a_while_is_waited_for(isp: Isp, what: str) -> None:
    prepare(isp)
    arguments = COMMANDS[what](isp)
    with isp.hub.store.write():
        child = isp.start(*arguments, at=1, where=["BEGIN IMMEDIATE"], act="stop")
        assert child.wait_until_it_stops()
        child.thaw()
    assert child.wait().code == 0
    goes_on(isp, arguments)
