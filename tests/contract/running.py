"""Runs the kit on a plugin in this process, as pytest runs an author's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FILE = """
from svahub.testing import ProviderContract
from {module} import {plugin}
from {simulators} import {simulator}


class TestPlugin(ProviderContract):
    provider = {plugin}
    simulator = {simulator}
{more}
"""


def run(folder: Path, plugin: type[Any], simulator: str, *arguments: str, more: str = "") -> dict[str, Any]:
    """Write an author's file, have pytest run it, and return what is reported of its contract."""
    simulators, _, name = simulator.partition(":")
    words = {"module": plugin.__module__, "plugin": plugin.__name__, "simulators": simulators, "simulator": name}
    file, report = folder / f"test_in_{folder.name}.py", folder / "report.json"  # pytest imports one of a name once
    file.write_text(FILE.format(**words, more=more))
    alone = ["-c", str(_settings(folder)), "--rootdir", str(folder), "-p", "no:cacheprovider", "-q", "--tb=short"]
    pytest.main([*alone, "--import-mode=importlib", "--svahub-report", str(report), *arguments, str(file)])
    (contract,) = json.loads(report.read_text())["contracts"]
    return dict(contract)


def _settings(folder: Path) -> Path:
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n")
    return settings
