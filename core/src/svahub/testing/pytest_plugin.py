"""pytest's plugin of svahub: counts the tests of each `ProviderContract`, lets none vanish, and reports.

It is loaded wherever svahub is installed, so it imports nothing of weight until a contract is met.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from svahub.testing.grades import MARK, Level, Outcome, level_of, theme_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.stand import Stand

TOLD = "svahub_contracts"
"""What a worker of xdist tells at its end."""
FORMAT = 1
"""The version of the report's form."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take where the report goes, and what the state machine draws from."""
    group = parser.getgroup("svahub", "conformance of svahub's plugins")
    group.addoption("--svahub-report", metavar="FILE", help="write what became of each ProviderContract, as JSON")
    group.addoption(
        "--svahub-seed",
        metavar="N",
        type=int,
        help="have the state machine draw what it drew before, and look for the fewest steps that fail (for minutes)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count."""
    config.pluginmanager.register(Contracts(config), "svahub-contracts")


@pytest.fixture(scope="class")
def svahub_stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Return the store and the provider's simulator that the tests of one contract share."""
    from svahub.testing.contract.stand import opened

    with opened(request.cls) as stand:
        yield stand


@pytest.fixture
def svahub_isp(svahub_stand: Stand) -> Iterator[Isp]:
    """Return an ISP at the simulator, as if nothing had gone wrong before."""
    with svahub_stand.watched() as isp:
        yield isp


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a contract's test that is skipped fail: only xfail excuses one, with its reason."""
    report = yield
    if _is_of_a_contract(item) and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.name} was skipped ({report.longrepr}). A test of a contract is excused by "
            f"`excuses = {{{item.name!r}: reason}}` in its class alone."
        )
    return report


class Contracts:
    """What was expected of each contract's class, and what became of it."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.classes: dict[str, dict[str, Any]] = {}
        self.ended: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what needs a capability that the provider lacks, and note all else before anybody takes it away."""
        lacking = {item.nodeid for item in items if _is_of_a_contract(item) and self._lacks(item)}
        items[:] = [item for item in items if item.nodeid not in lacking]

    def _lacks(self, item: Any) -> bool:
        """Note one test, and say whether it needs what the provider lacks."""
        node = item.nodeid.rpartition("::")[0]
        if node not in self.classes:
            item.cls.check_unchanged()
            self.classes[node] = item.cls.declared() | {"lacks": [], "tests": {}}
        found, parameters = theme_of(item.function), getattr(getattr(item, "callspec", None), "params", {})
        lacking = item.cls.lacking(found, parameters)
        if lacking:
            self.classes[node]["lacks"] += [lacking] if lacking not in self.classes[node]["lacks"] else []
            return True
        self.classes[node]["tests"][item.name] = {"capability": found.capability, "level": found.level.value}
        if reason := item.cls.excuse_for(item.originalname, item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        return False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended; what fails before or after it fails it, too."""
        if report.when != "call" and not report.failed and not (report.skipped and hasattr(report, "wasxfail")):
            return
        before = self.ended.get(report.nodeid)
        if before is None or before["outcome"] != Outcome.FAILED:
            self.ended[report.nodeid] = _ending(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand on, from a worker of xdist, what was expected; write the report elsewhere."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[TOLD] = json.dumps(self.classes)
        elif path := self.config.getoption("--svahub-report"):
            told = {"format": FORMAT, "contracts": self.contracts()}
            Path(path).write_text(json.dumps(told, indent=2, ensure_ascii=False))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of xdist expected."""
        told = getattr(node, "workeroutput", {}).get(TOLD)
        self.classes.update(json.loads(told) if told else {})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each contract what passed, what is excused, what was not run and what the provider lacks."""
        contracts = self.contracts()
        if not contracts:
            return
        terminalreporter.section("contracts of svahub's plugins")
        for contract in contracts:
            for line in _lines(contract):
                terminalreporter.write_line(line)

    def contracts(self) -> list[dict[str, Any]]:
        """Return what is to be reported."""
        return [self._contract(node, noted) for node, noted in sorted(self.classes.items())]

    def _contract(self, node: str, noted: dict[str, Any]) -> dict[str, Any]:
        nothing = {"outcome": Outcome.NOT_RUN, "seconds": 0.0, "reason": "", "message": ""}
        tests = [
            {"name": name, **about, **self.ended.get(f"{node}::{name}", nothing)}
            for name, about in noted["tests"].items()
        ]
        level = level_of(tests, noted["capabilities"])
        return {"class": node, **noted, "level": level, "tests": tests}


def _is_of_a_contract(item: Any) -> bool:
    return hasattr(getattr(item, "cls", None), "check_unchanged") and MARK in vars(getattr(item, "function", None))


def _ending(report: pytest.TestReport) -> dict[str, Any]:
    excused = hasattr(report, "wasxfail") and report.skipped
    outcome = Outcome.EXCUSED if excused else Outcome.PASSED if report.passed else Outcome.FAILED
    reason = str(report.wasxfail) if excused else ""
    message = "" if outcome is Outcome.PASSED else _message(report)
    return {"outcome": outcome, "seconds": round(report.duration, 3), "reason": reason, "message": message}


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr or "")


def _lines(contract: dict[str, Any]) -> Iterator[str]:
    count = {outcome: sum(test["outcome"] == outcome for test in contract["tests"]) for outcome in Outcome}
    told = ", ".join(f"{number} {outcome}" for outcome, number in count.items() if number)
    yield f"{contract['class']} ({contract['title']}): {told}; level: {contract['level'] or 'none'}"
    if contract["lacks"]:
        yield f"  lacks: {', '.join(contract['lacks'])}"
    for test in contract["tests"]:
        if test["outcome"] == Outcome.EXCUSED:
            yield f"  excused: {test['name']}: {test['reason']}"


__all__ = ["Contracts", "Level"]
