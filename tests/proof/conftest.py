"""What proofs may ask for: an ISP whose commands run in processes of a nursery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.isp import Isp, opened
from proof.nursery import Nursery


@pytest.fixture
def isp(sqlite_url: str, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    """Return an ISP on SQLite."""
    with opened(sqlite_url, tmp_path, nursery) as isp:
        yield isp


@pytest.fixture
def isp_on_each(database_url: str, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    """Return an ISP, once on each database."""
    with opened(database_url, tmp_path, nursery) as isp:
        yield isp


@pytest.fixture
def usual_isp(usual_database_url: str, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    """Return an ISP; the test runs on PostgreSQL too in the long proofs."""
    with opened(usual_database_url, tmp_path, nursery) as isp:
        yield isp


@pytest.fixture
def isp_on_postgresql(postgresql_url: str, tmp_path: Path, nursery: Nursery) -> Iterator[Isp]:
    """Return an ISP on PostgreSQL."""
    with opened(postgresql_url, tmp_path, nursery) as isp:
        yield isp


@pytest.fixture
def isp_of_several_machines(isp_on_postgresql: Isp) -> Isp:
    """Return an ISP whose workers are told by jobs where to look."""
    isp_on_postgresql.variables["SVAHUB_RUNNER"] = "procrastinate"
    return isp_on_postgresql


DEEP = [pytest.param(name, marks=pytest.mark.deep) for name in ("isp_on_postgresql", "isp_of_several_machines")]


@pytest.fixture(params=["isp", *DEEP])
def isp_on_each_runner(request: pytest.FixtureRequest) -> Isp:
    """Return an ISP; in the long proofs the test runs on PostgreSQL too, with a worker alone and with jobs."""
    isp: Isp = request.getfixturevalue(request.param)
    return isp
