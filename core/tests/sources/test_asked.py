"""What people see of sources: the commands, what doctor finds, and how a contract is explained that comes from one."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result
from svahub import Debt, duties
from svahub.cli import main
from svahub.debt_rule import Policy
from svahub.doctor import accounts
from svahub.doctor import sources as check
from svahub.doctor.findings import Verdict
from svahub.doctor.premises import Premises
from svahub.errors import AuthenticationFailed, Cause, Unreachable


@pytest.fixture
def run(isp: Any) -> Any:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), obj=isp.hub, prog_name="svahub")

    return invoke


def found(isp: Any) -> list[tuple[Verdict, str]]:
    return [(one.verdict, one.found) for one in check.sources(Premises(isp.hub.store, isp.registry))]


# -- the commands ------------------------------------------------------------------------------------------------------


def test_a_source_is_added_pulled_listed_and_removed(run: Any, isp: Any) -> None:
    isp.erp.sign("1")
    isp.erp.sign("2", product="NET")
    added = run("source", "add", "erp", "--type", "records", "--environment", "staging", "--set", "overlap=60")
    assert added.exit_code == 0, added.output
    pulled = run("source", "pull", "erp")
    assert pulled.exit_code == 0
    assert "contracts added     2" in pulled.output
    assert "svahub products link NET" in pulled.output
    assert "succeeded" in run("source", "list").output
    assert json.loads(run("source", "list", "--json").output)[0]["contracts_until"]
    assert run("source", "remove", "erp", "--yes").exit_code == 0
    assert "svahub source add" in run("source", "list").output


def test_a_pull_tells_in_json_what_it_brought_and_since_when(run: Any, isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    first = json.loads(run("source", "pull", "erp", "--json").output)
    assert (first["since"], first["contracts"]["added"]) == (None, 1)
    assert json.loads(run("source", "pull", "erp", "--dry-run", "--json").output)["dry_run"] is True


def test_a_contract_that_is_left_out_is_told_and_ends_with_1(run: Any, isp: Any) -> None:
    isp.source()
    isp.erp.sign("7", due_day=40)
    pulled = run("source", "pull", "erp")
    assert "1 contracts left out" in run("source", "list").output
    assert pulled.exit_code == 1
    assert pulled.stderr == "contract 7, due_day: must be a whole number from 1 to 31\n"


def test_a_test_that_fails_says_what_is_at_fault(run: Any, isp: Any) -> None:
    isp.source()
    assert run("source", "test", "erp").exit_code == 0
    isp.erp.trouble["check"] = Unreachable(Cause.REFUSED)
    tested = run("source", "test", "erp", "--json")
    assert (tested.exit_code, json.loads(tested.output)["fault"]) == (1, "host")


def test_the_settings_of_a_source_are_listed(run: Any) -> None:
    told = run("source", "add", "--type", "records", "--help-settings", "--json")
    names = {one["name"] for one in json.loads(told.output)}
    assert {"overlap", "poll", "watch", "notes", "timeout"} <= names
    assert names.isdisjoint({"adopt", "recreate"})


def test_nothing_is_added_in_a_dry_run(run: Any, isp: Any) -> None:
    added = run("source", "add", "erp", "--type", "records", "--environment", "staging", "--dry-run")
    assert (added.exit_code, isp.office.sources.list()) == (0, [])


def test_the_catalogues_are_read_of_what_sells_alone(run: Any, isp: Any) -> None:
    isp.source()
    synced = run("plans", "sync", "--json")
    assert (synced.exit_code, [one["integration"] for one in json.loads(synced.output)]) == (0, ["basic"])
    assert duties.plans_sync.run(isp.office) == "basic: 0 added, 0 changed, 0 retired"


# -- what doctor finds -------------------------------------------------------------------------------------------------


def test_doctor_says_up_to_when_a_source_was_read(isp: Any) -> None:
    isp.source()
    assert found(isp) == [(Verdict.WARNING, "'erp' was never read to its end")]
    isp.office.sources.pull("erp")
    assert found(isp) == [(Verdict.OK, "'erp' was read up to 2026-11-23 09:00:00-03:00")]


def test_doctor_says_that_a_pull_failed_and_that_nobody_pulls(isp: Any) -> None:
    isp.source(watch=True)
    isp.clock.advance(hours=1)
    assert found(isp) == [(Verdict.ERROR, "'erp' is to be pulled since 2026-11-23 09:00:00-03:00")]
    isp.erp.trouble["contracts"] = Unreachable(Cause.TIMEOUT)
    isp.work()
    ((verdict, told),) = found(isp)
    assert (verdict, told.startswith("'erp' failed: ")) == (Verdict.ERROR, True)


def test_doctor_says_what_a_source_could_not_be_told_and_which_debts_wait(isp: Any) -> None:
    isp.source(notes=True)
    isp.erp.sign("1")
    isp.erp.sign("7", due_day=40)
    isp.erp.tell(Debt("unknown", "r1", date(2026, 10, 1), Decimal(10)))
    isp.erp.trouble["report"] = RuntimeError("Maria")
    isp.office.sources.pull("erp")
    isp.work()
    assert [told for _, told in found(isp)[1:]] == [
        "'erp' could not be told of something: report raised RuntimeError",
        "1 contracts that 'erp' tells of are left out: contract 7: due_day: must be a whole number from 1 to 31",
        "1 debts that 'erp' tells of wait for their contracts",
    ]


def test_doctor_says_that_a_source_is_quarantined_and_why(isp: Any) -> None:
    isp.source()
    isp.erp.trouble["contracts"] = AuthenticationFailed()
    with pytest.raises(AuthenticationFailed):
        isp.office.sources.pull("erp")
    (one,) = accounts.stopped(Premises(isp.hub.store, isp.registry))
    assert (one.verdict, one.found.startswith("quarantined: 'erp': ")) == (Verdict.ERROR, True)
    assert found(isp) == []


# -- explaining --------------------------------------------------------------------------------------------------------


def test_an_explanation_names_the_source_of_a_contract_and_of_its_reasons(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1", block_reasons=["overdue"])
    isp.office.sources.pull("erp")
    isp.work()
    told = isp.office.explanations.of("1")
    assert told.sentence == "Contract 1 of customer K1 is active, as the source 'erp' says."
    (reason,) = told.items[0].blocked
    assert "said by the source 'erp'" in reason.sentence
    assert "it goes when the source 'erp' no longer says so" in reason.sentence
    assert any("asked by the source 'erp'" in link.sentence for link in told.items[0].chain)


def test_an_explanation_names_the_source_that_told_of_a_debt(isp: Any) -> None:
    isp.source()
    isp.office.debts.set_policy(Policy(3))
    isp.erp.sign("1")
    isp.erp.tell(Debt("1", "r1", date(2026, 10, 1), Decimal(10)))
    isp.office.sources.pull("erp")
    isp.work()
    told = isp.office.explanations.of("1")
    assert told.debts[0].sentence.startswith("BRL 10.00 at erp since 2026-10-01 (r1): blocks since")
