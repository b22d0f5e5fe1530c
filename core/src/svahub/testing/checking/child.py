"""The process in which pytest runs the kit: `python -m svahub.testing.checking.child FOLDER`.

On its standard output it tells, a line of JSON each: which contracts were made (`{"made": ["svahub_acme:Acme"]}`) or
why there are none (`{"refused": "…"}`), how many tests there are (`{"tests": 139}`), and each that ended (`{"ended":
"test_…"}`). What pytest prints goes to the error output.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from svahub.errors import Refused
from svahub.testing.checking import REPORT
from svahub.testing.checking.contracts import made_of, ordered

SETTINGS, MODULE = "pytest.ini", "test_contracts.py"
MODULE_TEXT = """
from pathlib import Path

from svahub.testing.checking.contracts import ordered

globals().update(ordered(Path(__file__).parent))
"""


class Teller:
    """Tells whoever started this process how far it is; with xdist, workers tell it."""

    def __init__(self, told: IO[str]) -> None:
        self._told, self._counted = told, False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell how many tests there are."""
        self._count(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Tell how many tests the first worker has: all have the same."""
        self._count(len(ids))

    def _count(self, tests: int) -> None:
        if tests and not self._counted:
            self._counted = True
            self.tell(tests=tests)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Tell that a test has ended."""
        self.tell(ended=nodeid.rpartition("::")[2])

    def tell(self, **what: Any) -> None:
        """Write one line."""
        self._told.write(json.dumps(what) + "\n")
        self._told.flush()


def main(folder: Path) -> int:
    """Run the kit as the folder's order says, and leave the report there; return pytest's exit code."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anybody prints would spoil the lines
    teller = Teller(told)
    try:
        contracts = ordered(folder)
    except Refused as refused:
        teller.tell(refused=str(refused))
        return int(pytest.ExitCode.USAGE_ERROR)
    teller.tell(made=made_of(contracts))
    (folder / MODULE).write_text(MODULE_TEXT)
    (folder / SETTINGS).write_text("[pytest]\n")
    alone = ["-c", str(folder / SETTINGS), "--rootdir", str(folder), "-p", "no:cacheprovider", "--noconftest"]
    how = ["--import-mode=importlib", "-n", "auto", "-q", "--tb=native", "--svahub-report", str(folder / REPORT)]
    return int(pytest.main([*alone, *how, str(folder / MODULE)], plugins=[teller]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
