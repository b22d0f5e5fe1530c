"""What children do, done once before any is forked: each then finds the SQL that it needs compiled already."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from svahub.cli import main
from svahub.testing.statements import compile_once

from proof.isp import opened

if TYPE_CHECKING:
    from svahub.hub import Hub

VERBS = (("activate",), ("block", "--yes"), ("unblock",), ("change", "--quantity", "1"), ("cancel", "--yes"))


def rehearse() -> None:
    """Sell, block, unblock and cancel on a store of its own, by the commands that tests kill."""
    compile_once()
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/svahub.db"
        with opened(url, Path(folder), None) as isp, redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            rows = [isp.row(1, status="pending"), isp.row(2), isp.row(2, block_reasons=["overdue"])]
            for row in rows:
                _do(isp.hub, "contracts", "import", _file(Path(folder), row))
                _do(isp.hub, "work", "--once")
            _do(isp.hub, "plans", "sync")
            for verb, *more in VERBS:
                _do(isp.hub, verb, "C1", "--idempotency-key", verb, *more)


def _file(folder: Path, row: dict[str, Any]) -> str:
    file = folder / "contracts.jsonl"
    file.write_text(json.dumps(row))
    return str(file)


def _do(hub: Hub, *arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments, prog_name="svahub", obj=hub)
    assert not ended.value.code, arguments
