"""A plugin whose hooks do nothing passes no test, and nothing of the kit can be left out unnoticed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from svahub.testing import ProviderContract
from svahub.testing.grades import Level, level_of
from svahub_teleclinica import TeleClinica
from svahub_teleclinica.simulator import TeleClinicaSimulator

from contract.bugs import UnblocksNothing
from contract.nothing import Nothing
from contract.running import run

SIMULATOR = "svahub_teleclinica.simulator:TeleClinicaSimulator"
NAMED: dict[str, Any] = {"provider": TeleClinica, "simulator": TeleClinicaSimulator}


ONE_FAULT = "drop_after or not (a_fault_at or listing_brings or failed_look or a_read_brings)"


@pytest.mark.parametrize(
    ("chosen", "over"), [(ONE_FAULT, 40), pytest.param("Plugin", 100, marks=pytest.mark.deep)], ids=["one fault", "all"]
)
def test_a_plugin_whose_hooks_do_nothing_fails_every_test(tmp_path: Path, chosen: str, over: int) -> None:
    contract = run(tmp_path, Nothing, SIMULATOR, "-k", chosen)
    outcomes = Counter(test["outcome"] for test in contract["tests"] if test["outcome"] != "not run")
    assert (list(outcomes), contract["level"], outcomes["failed"] > over) == (["failed"], None, True)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"test_a_pause_that_is_asked_for_is_kept": None}, "excused by"),
        ({"test_of_my_own": lambda self: None}, "go beside the class"),
        ({"pytestmark": pytest.mark.skip}, "says no more than"),
        ({"excuses": {"test_nothing": "for a while"}}, "no such test"),
        ({"keeps_people": True}, "into the simulator's class"),
        ({"provider": None, "svahub_isp": None}, "says no more than"),
    ],
)
def test_a_contract_that_leaves_something_out_is_refused(said: dict[str, Any], refusal: str) -> None:
    with pytest.raises(TypeError, match=refusal):
        type("TestMine", (ProviderContract,), NAMED | said)


def test_a_contract_names_its_provider_and_its_simulator() -> None:
    with pytest.raises(TypeError, match="names no simulator"):
        type("TestMine", (ProviderContract,), {"provider": TeleClinica})


def test_a_test_that_is_replaced_later_is_noticed() -> None:
    mine: Any = type("TestMine", (ProviderContract,), NAMED)
    mine.check_unchanged()
    mine.test_the_catalogue_is_the_providers = lambda self: None
    with pytest.raises(pytest.UsageError, match="test_the_catalogue_is_the_providers"):
        mine.check_unchanged()


CONFTEST = """
import pytest

def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "cancel_last" not in item.name]

def pytest_runtest_setup(item):
    if "create" in item.name:
        pytest.skip("not today")
"""
EXCUSES = """
    excuses = {"test_what_is_asked_is_seen_at_the_provider[unblock]": "they never answer", VERB + "[block]": "why not"}
"""


def test_only_an_excuse_excuses_and_what_is_left_out_is_reported(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    verb = "test_what_is_asked_is_seen_at_the_provider"
    contract = run(tmp_path, UnblocksNothing, SIMULATOR, "-k", verb, more=EXCUSES.replace("VERB", repr(verb)))
    came = {test["name"].partition("[")[2]: test for test in contract["tests"] if test["name"].startswith(verb)}
    outcomes = {name.rstrip("]"): test["outcome"] for name, test in came.items()}
    assert outcomes == {
        "create": "failed",
        "add": "passed",
        "block": "failed",
        "unblock": "excused",
        "change_plan": "passed",
        "change_customer": "passed",
        "cancel_one_of_two": "passed",
        "cancel_last": "not run",
    }
    assert (came["unblock]"]["reason"], "skipped" in came["create]"]["message"]) == ("they never answer", True)
    assert (contract["level"], "change: quantity" in contract["lacks"]) == (None, True)


def graded(bronze: str, silver: str, gold: str, *capabilities: str) -> Level | None:
    outcomes = {"bronze": bronze, "silver": silver, "gold": gold}
    tests = [{"level": level, "outcome": outcome} for level, outcome in outcomes.items()]
    return level_of(tests, capabilities or ("find_user", "list_users"))


@pytest.mark.parametrize(
    ("outcomes", "level"),
    [
        (("passed", "passed", "passed"), Level.GOLD),
        (("passed", "passed", "failed"), Level.SILVER),
        (("passed", "excused", "passed"), Level.BRONZE),
        (("passed", "passed", "excused"), Level.SILVER),
        (("passed", "not run", "passed"), Level.BRONZE),
        (("failed", "passed", "passed"), None),
        (("passed", "passed", "passed", "list_users"), Level.SILVER),
    ],
)
def test_a_level_takes_all_below_it_and_no_excuse(outcomes: tuple[str, ...], level: Level | None) -> None:
    assert graded(*outcomes) is level
