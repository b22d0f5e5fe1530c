"""`svahub demo`: the plugins' own acts as processes, and what happens to acts that fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.cli.demo import PACKAGES
from svahub.intake import Rejected, read_file
from svahub_teleclinica import demo

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRIES = "[svahub.demos]\n" + "\n".join(
    f"{name} = {target}"
    for name, target in {
        "agrees": "acts_of_test:agrees",
        "differs": "acts_of_test:differs",
        "fails": "acts_of_test:fails",
        "raises": "acts_of_test:raises",
        "silent": "acts_of_test:silent",
        "serves": "acts_of_test:serves",
        "number": "acts_of_test:number",
        "absent": "no_such_module:act",
    }.items()
)
ACTS = """
from svahub.extension.stage import needs

def agrees(stage):
    stage.say("All the world")
    assert stage.run("contracts", "list", "--json").json() == []
    stage.row("nothing", set(), set())

def differs(stage):
    stage.row("something", {"a"}, {"b"})

def fails(stage):
    stage.run("contracts", "show", "C1")

def raises(stage):
    raise KeyError("529.982.247-25")

def silent(stage):
    ...

@needs("server")
def serves(stage):
    stage.row("nothing", set(), set())

number = 42
"""


@pytest.fixture
def acts(site) -> Iterator[None]:
    site.install("acts-of-test", ENTRIES, acts_of_test=ACTS)
    return


def play(*names: str) -> Result:
    return CliRunner().invoke(main, ["demo", *names])


DEMOS = [("teleclinica", 6, 10), ("asaas", 4, 3), ("campsoft", 6, 10), ("iot", 6, 5), ("ixc", 6, 1)]


@pytest.mark.deep  # `.ci/run` plays all of them too
@pytest.mark.parametrize(("act", "rows", "least"), DEMOS)
def test_an_act_agrees_with_the_simulators_at_every_step(act: str, rows: int, least: int, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SVAHUB_")}
    command = [sys.executable, "-m", "svahub", "demo", act]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    table = re.findall(r"^(.+?)  +(\d+)  +(\d+)  +(yes|no)$", ended.stdout, re.MULTILINE)
    assert len(table) == rows
    assert all(ours == theirs and int(ours) > least and agree == "yes" for _, ours, theirs, agree in table)
    assert list(tmp_path.iterdir()) == []


def test_the_contracts_of_the_act_are_some_hundred_with_wrong_lines_and_pairs() -> None:
    contracts = list(read_file(Path(demo.__file__).with_name("contracts.csv")))
    rejected = [contract for contract in contracts if isinstance(contract, Rejected)]
    people = [contract.customer.id for contract in contracts if not isinstance(contract, Rejected)]
    assert (len(contracts) > 200, 5 <= len(rejected) <= 20) == (True, True)
    assert len(set(people)) < len(people)


@pytest.mark.usefixtures("acts")
def test_an_act_that_agrees_ends_well() -> None:
    result = play("agrees")
    assert (result.exit_code, "All the world" in result.stdout) == (0, True)


@pytest.mark.usefixtures("acts")
@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("differs", "no"),
        ("fails", "`svahub contracts` ended with 1: Error: No contract 'C1'"),
        ("raises", "Unexpected KeyError"),
        ("silent", "Nothing to show"),
        ("number", "broken: it is nothing that can be called"),
        ("absent", "broken: ModuleNotFoundError"),
    ],
)
def test_an_act_that_does_not_end_well_keeps_no_other_from_being_played(act: str, told: str) -> None:
    result = play(act, "agrees")
    assert (result.exit_code, told in result.output, "All the world" in result.stdout) == (1, True, True)
    assert "529" not in result.output


@pytest.mark.usefixtures("acts")
def test_the_acts_that_did_not_end_well_are_named_at_the_end() -> None:
    result = play("agrees", "differs", "fails", "silent")
    *_, told, differs, fails, silent = result.stderr.splitlines()
    assert (result.exit_code, told) == (1, "4 acts were played; 3 did not end well.")
    assert differs == "  differs: svahub and the provider differ at: something"
    assert fails.startswith("  fails: `svahub contracts` ended with 1")
    assert silent == "  silent: nothing was compared"


@pytest.mark.usefixtures("acts")
def test_packages_that_an_act_needs_are_told_before_any_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "server", ("no_such_server",))
    result = play("agrees", "serves", "differs")
    assert (result.exit_code, "All the world" in result.output) == (1, False)
    assert "needed by serves: pip install 'svahub[server]'. Or play the others alone: svahub demo agrees differs" in (
        result.stderr
    )


@pytest.mark.usefixtures("acts")
def test_an_unknown_act_is_an_error_that_names_those_there_are() -> None:
    result = play("agree")
    assert (result.exit_code, "Did you mean 'agrees'?" in result.stderr) == (1, True)


@pytest.mark.usefixtures("acts")
@pytest.mark.parametrize("keep", [True, False])
def test_the_folder_goes_unless_it_is_kept(keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    play("agrees", *["--keep"][: int(keep)])
    assert [bool(list(folder.glob("svahub.db"))) for folder in tmp_path.glob("svahub-demo-*")] == [True] * keep
