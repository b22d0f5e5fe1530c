"""What tests across packages share: distributions made on the spot, a TeleClínica at its simulator, an office.

And processes that are forked, and workplaces: the three runners.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from svahub.hub import Hub, TenantHub
from svahub.models import Environment
from svahub_teleclinica.simulator import TeleClinicaSimulator

from lives.workplace import Distributed, Embedded, Workplace
from proof.nursery import Nursery

VARIABLE = "WORD_OF_THE_CLINIC"


@dataclass
class Site:
    """A folder on the path that holds small distributions, as pip would have put them there."""

    folder: Path
    modules: dict[str, list[str]] = field(default_factory=dict)

    def install(self, name: str, entries: str, version: str = "1.0", **sources: str) -> None:
        """Put a distribution there: its entry points, and its modules by name."""
        described = self.folder / f"{name}-{version}.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (described / "entry_points.txt").write_text(entries)
        for module, source in sources.items():
            (self.folder / f"{module}.py").write_text(source)
        self.modules[name] = list(sources)
        importlib.invalidate_caches()

    def remove(self, name: str) -> None:
        """Take a distribution away, its modules included."""
        (described,) = self.folder.glob(f"{name}-*.dist-info")
        shutil.rmtree(described)
        self._forget(name)
        importlib.invalidate_caches()

    def clear(self) -> None:
        """Take every distribution away."""
        for name in list(self.modules):
            self._forget(name)

    def _forget(self, name: str) -> None:
        for module in self.modules.pop(name):
            sys.modules.pop(module, None)
            (self.folder / f"{module}.py").unlink(missing_ok=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a folder on the path for distributions of this test."""
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    monkeypatch.syspath_prepend(site.folder)
    yield site
    site.clear()


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch) -> Iterator[TeleClinicaSimulator]:
    """Return a running simulator whose password is in a variable."""
    with TeleClinicaSimulator(seed=1).running() as simulator:
        monkeypatch.setenv(VARIABLE, simulator.credentials["password"])
        yield simulator


@pytest.fixture
def hub(sqlite_url: str) -> Iterator[Hub]:
    """Return an installation with an empty store."""
    with Hub.open(sqlite_url) as hub:
        yield hub


@pytest.fixture
def office(hub: Hub, clinic: TeleClinicaSimulator) -> TenantHub:
    """Return the default tenant with one integration, `tele`, at the simulator."""
    office = hub.tenant("default")
    office.integrations.add(
        "tele",
        "teleclinica",
        Environment.STAGING,
        address=clinic.url,
        settings={"username": clinic.credentials["username"]},
        secret={"password": f"env:{VARIABLE}"},
    )
    return office


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Return a process that forks children, one for each of xdist's workers."""
    with Nursery() as nursery:
        yield nursery


# -- on every runner ---------------------------------------------------------------------------------------------------


@pytest.fixture
def embedded_sqlite(sqlite_url: str) -> Workplace:
    """Return a workplace on SQLite, with a loop in this process."""
    return Embedded(sqlite_url)


@pytest.fixture
def embedded_postgresql(postgresql_url: str) -> Workplace:
    """Return the same on PostgreSQL."""
    return Embedded(postgresql_url)


@pytest.fixture
def distributed_postgresql(postgresql_url: str, tmp_path: Path, nursery: Nursery) -> Workplace:
    """Return a workplace on PostgreSQL, with two processes that jobs tell where to look."""
    return Distributed(postgresql_url, tmp_path, nursery)


DEEP = [pytest.param(name, marks=pytest.mark.deep) for name in ("embedded_postgresql", "distributed_postgresql")]


@pytest.fixture(params=["embedded_sqlite", *DEEP])
def workplace(request: pytest.FixtureRequest) -> Workplace:
    """Return where the work is done: in the usual run on SQLite, in the long proofs on each of the three runners."""
    workplace: Workplace = request.getfixturevalue(request.param)
    return workplace


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Return what appends a figure to the file that SVAHUB_TEST_FIGURES names, if it names one."""
    file, began = os.environ.get("SVAHUB_TEST_FIGURES"), time.monotonic()

    def noted(name: str, value: object) -> None:
        if file:
            with Path(file).open("a") as figures:
                figures.write(f"{request.node.name}: {value} {name} in {time.monotonic() - began:.0f} s\n")

    return noted
