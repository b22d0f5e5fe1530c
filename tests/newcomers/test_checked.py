"""`svahub plugins check` on packages that are there: what it says, and how it ends."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.errors import Refused
from svahub.testing.checking.contracts import contracts_of, made_of

if TYPE_CHECKING:
    from conftest import Site

IDLE = """
import secrets

from pydantic import SecretStr
from svahub import BlockScope, Deduplication, HeaderToken, IntegrationSettings, Lifecycle
from svahub import Observed, RemoteUser, hookimpl
from svahub.testing import Simulator


class Settings(IntegrationSettings):
    token: SecretStr

    def auth(self):
        return HeaderToken(self.token)


class Acme(Lifecycle):
    title, contract_version, settle_seconds, hosts = "Acme", 1, 0, {}
    deduplication, block_scope = Deduplication.NONE, BlockScope.ACCOUNT
    Settings = Settings

    def __init__(self, settings, client): ...

    @hookimpl
    def create_user(self, subscription):
        return RemoteUser("1", Observed.ACTIVE)

    @hookimpl
    def block(self, subscription, reasons): ...

    @hookimpl
    def unblock(self, subscription): ...

    @hookimpl
    def cancel(self, subscription): ...

    @hookimpl
    def sync_plans(self):
        return []


class AcmeSimulator(Simulator):
    def make_credentials(self):
        return {"token": secrets.token_urlsafe(8)}

    def authorize(self, request): ...

    def state(self):
        return {}

    def people(self):
        return []

    def catalogue(self):
        return []
"""
"""A plugin that does nothing, and its simulator."""

OWN = """
from acme_idle import Acme, AcmeSimulator
from svahub.testing import ProviderContract


class TestMine(ProviderContract):
    provider = Acme
    simulator = AcmeSimulator
    page_rows = 7
"""

PROVIDER, SIMULATOR = (
    "[svahub.providers]\nacme = acme_idle:Acme\n",
    "[svahub.simulators]\nacme = acme_idle:AcmeSimulator\n",
)


@pytest.fixture
def invoke(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs a command line beside a plugin that does nothing, in processes that find it too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(site.folder))
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "0")

    def invoked(line: str, entries: str = PROVIDER + SIMULATOR, source: str = IDLE) -> Result:
        site.install("svahub-acme", entries, acme_idle=source)
        return CliRunner().invoke(main, shlex.split(line)[1:])

    return invoked


def test_the_example_of_its_help_says_what_a_plugin_reaches_that_does_nothing(invoke: Any, tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["plugins", "check", "--help"]).output
    result = invoke(f"{shown.partition('Example: ')[2].strip()} --json")
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    assert (told["package"], told["origin"], told["asked"], told["level"]) == (
        "svahub-acme",
        "installed",
        "silver",
        None,
    )
    (acme,) = told["providers"]
    assert (acme["provider"], acme["title"], acme["own"], acme["level"]) == ("acme_idle:Acme", "Acme", False, None)
    verdicts = {line["name"]: line["verdict"] for line in acme["capabilities"]}
    assert (verdicts["lifecycle"], verdicts["faults"], verdicts["find_user"]) == ("failed", "failed", "lacking")
    assert {test["outcome"] for test in acme["tests"]} == {"failed"}
    page = (tmp_path / "acme.html").read_text(encoding="utf-8")
    assert all(test["name"] in page for test in acme["tests"])


@pytest.mark.parametrize(
    ("entries", "source", "told"),
    [
        (PROVIDER, IDLE, "names no simulator 'acme'"),
        (PROVIDER + SIMULATOR, IDLE.replace("def block", "def blocks"), "cannot be tested"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_the_reason(site: Site, entries: str, source: str, told: str) -> None:
    site.install("svahub-acme", entries, acme_idle=source)
    with pytest.raises(Refused, match=told):
        contracts_of(["acme"], [])


def test_a_contract_of_its_own_is_taken_before_one_is_made(site: Site, tmp_path: Path) -> None:
    site.install("svahub-acme", PROVIDER + SIMULATOR, acme_idle=IDLE)
    file = tmp_path / "test_contract.py"
    file.write_text(OWN)
    (own,), (made,) = contracts_of(["acme"], [str(file)]).values(), contracts_of(["acme"], []).values()
    assert (own.page_rows, made.page_rows, own.provider) == (7, 2, made.provider)
    assert (made_of({"TestOwn": own}), made_of({"TestMade": made})) == ([], ["acme_idle:Acme"])


def test_what_does_not_import_is_refused_by_the_command(invoke: Any) -> None:
    result = invoke("svahub plugins check acme", source="raise RuntimeError('half written')")
    assert (result.exit_code, "half written" in result.output) == (1, True), result.output


def test_an_unknown_package_is_refused(invoke: Any) -> None:
    result = invoke("svahub plugins check nothing")
    assert (result.exit_code, "There is: acme" in result.output) == (1, True), result.output


@pytest.mark.parametrize("line", ["check", "check acme --level platinum", "--json check acme"])
def test_what_is_misspelt_is_a_usage_error(line: str) -> None:
    assert CliRunner().invoke(main, ["plugins", *line.split()]).exit_code == 2


def test_alone_it_lists_the_plugins(invoke: Any) -> None:
    (acme,) = [row for row in json.loads(invoke("svahub plugins --json").stdout) if row["name"] == "acme"]
    assert (acme["title"], acme["broken"]) == ("Acme", None)


def test_the_table_fits_a_terminal_and_tells_below_it_what_is_broken(invoke: Any) -> None:
    result = invoke("svahub plugins", source="raise RuntimeError('half written ' * 30)")
    table, _, below = result.stdout.partition("\n\n")
    assert (max(map(len, table.splitlines())) <= 110, "acme" in table) == (True, True), table
    assert below.startswith("acme (svahub-acme) is broken: RuntimeError: half written")


def test_one_plugin_is_shown_by_its_name_and_by_that_of_its_package(site: Site) -> None:
    site.install("svahub-acme", PROVIDER + SIMULATOR, acme_idle=IDLE)
    by_name, by_package, other = (
        CliRunner().invoke(main, ["plugins", "show", name, "--json"]) for name in ("acme", "svahub-acme", "acne")
    )
    (acme,) = json.loads(by_name.stdout)
    assert (acme["title"], by_package.stdout) == ("Acme", by_name.stdout)
    assert (other.exit_code, "Did you mean 'acme'?" in other.output) == (1, True)
