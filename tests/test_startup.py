"""What commands import: `--help` click and their names, one that only reads the store no client and no worker."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.metadata import entry_points

import pytest

HELP = """
import sys
from svahub.cli import main
try:
    main(["--help"])
except SystemExit as ended:
    assert not ended.code
print("\\n".join(sys.modules), file=sys.stderr)
"""
HEAVY = ["alembic", "httpx", "pluggy", "pydantic", "rich", "sqlalchemy", "starlette", "stevedore", "tabulate"]


@cache
def imported_by_help() -> frozenset[str]:
    ended = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    return frozenset(ended.stderr.split())


@pytest.mark.parametrize("library", HEAVY)
def test_help_imports_no_library_that_commands_need(library: str) -> None:
    assert library not in imported_by_help()


def test_help_imports_of_svahub_only_the_group() -> None:
    lean = {"svahub", "svahub.cli", "svahub.installed"}
    assert {name for name in imported_by_help() if name.startswith("svahub")} == lean


def test_help_imports_no_plugin() -> None:
    packages = {entry.module.partition(".")[0] for entry in entry_points(group="svahub.providers")}
    assert packages
    assert not packages & imported_by_help()


LISTING = """
import sys
from svahub.cli import main
try:
    main(["--database", sys.argv[1], "contracts", "list"])
except SystemExit as ended:
    assert not ended.code
print("\\n".join(sys.modules), file=sys.stderr)
"""
OF_CALLS = {"httpx", "psutil", "svahub.client", "svahub.converge", "svahub.fleet", "svahub.areas.outbox"}


def test_a_listing_imports_nothing_of_calls_and_workers(sqlite_url: str) -> None:
    command = [sys.executable, "-c", LISTING, sqlite_url]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = set(ended.stderr.split())
    assert "svahub.areas.contracts" in imported
    assert not imported & OF_CALLS
