"""`svahub explain` on contracts that TeleClínica's simulator served, refused or let down."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.models import Environment, Observed, Reason
from svahub.testing import Fault
from svahub.testing.clocks import HandClock
from svahub.verbs import Action, Command
from svahub_teleclinica.simulator import TeleClinicaSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from svahub.explanation import ItemExplained

VARIABLE = "WORD_OF_THE_CLINIC"
CPF = "52998224725"
EMAIL = "maria@example.com"


class Isp:
    """One ISP at the simulator, on one clock with it."""

    def __init__(self, hub: Hub, simulator: TeleClinicaSimulator, clock: HandClock) -> None:
        self.hub, self.simulator, self.clock = hub, simulator, clock
        self.office = hub.tenant("default", "eva")
        self.office.integrations.add(
            "tele", "teleclinica", Environment.STAGING, address=simulator.url,
            settings={"username": simulator.credentials["username"], "timeout": 0.4, "retry_budget": 3},
            secret={"password": f"env:{VARIABLE}"},
        )  # fmt: skip
        self.office.catalogue.sync("tele")
        self.plans = sorted(p.remote_id for p in self.office.catalogue.plans("tele"))
        self.office.catalogue.link("TM", "telemedicine", "tele", self.plans[0])

    def bring(self, contract: str = "C1", *products: str, **level: Any) -> None:
        consent = {"at": "2026-11-01T10:00:00-03:00", "channel": "app", "text_version": "v3"}
        items = [
            {"code": str(n), "product_code": product, "consent": consent}
            for n, product in enumerate(products or ["TM"], 1)
        ]
        customer = {"id": "P1", "name": "Maria Inventada", "document": CPF, "email": EMAIL}
        row = {"contract_id": contract, "customer": customer, "items": items, **level}
        assert not self.office.contracts.take_in([ContractRow.model_validate(row)]).errors

    def ask(self, action: Action, contract: str = "C1", **more: Any) -> None:
        self.office.verbs.issue(Command(action, contract, actor="eva", **more))

    def work(self) -> None:
        with self.hub.work(threads=1) as worker:
            worker.drain()

    def item(self, contract: str = "C1", *, whole: bool = False) -> ItemExplained:
        explained = self.office.explanations.of(contract, whole=whole)
        assert not any(personal in str(explained) for personal in (CPF, EMAIL, "Maria"))
        return explained.items[-1]

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, obj=self.hub)
        assert result.exit_code == code, result.output
        return result


@pytest.fixture
def isp(usual_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Isp]:
    clock = HandClock()
    with (
        TeleClinicaSimulator(seed=1, clock=clock).running() as simulator,
        Hub.open(usual_database_url, clock=clock, draw=lambda: 0.5) as hub,
    ):
        monkeypatch.setenv(VARIABLE, simulator.credentials["password"])
        yield Isp(hub, simulator, clock)


def test_a_sold_contract_is_as_wanted_with_its_consent(isp: Isp) -> None:
    isp.bring()
    isp.work()
    item = isp.item()
    assert item.sentence.startswith("ACTIVE at tele (TeleClínica) as user usr_")
    assert item.next.sentence == "nothing: it is as wanted."
    assert item.consent is not None
    assert [link.kind.value for link in item.chain] == ["rule", "operation", "attempt", "exchange", "observed"]


def test_a_wrong_password_is_told_with_the_command_that_frees_the_integration(
    isp: Isp, monkeypatch: pytest.MonkeyPatch
) -> None:
    isp.bring()
    isp.work()
    monkeypatch.setenv(VARIABLE, "another")
    isp.ask(Action.BLOCK, reason=Reason.STAFF)
    isp.work()
    item = isp.item()
    assert item.failure is not None
    assert (item.failure.status, item.failure.message) == (401, "user or password is not right")
    assert "svahub integration test tele" in item.next.commands
    assert isp.run("operations", "list").stdout.count("does not accept our credentials") == 1


def test_a_timeout_is_told_until_it_is_known_what_became_of_the_call(isp: Isp) -> None:
    isp.bring()
    isp.simulator.faults.next(Fault.TIMEOUT_BEFORE, method="POST")
    isp.work()
    item = isp.item()
    assert item.observed is Observed.UNKNOWN
    assert "looked up once so far" in item.next.sentence
    assert item.next.at is not None
    isp.clock.advance(seconds=61)
    isp.work()
    assert isp.item().next.sentence == "nothing: it is as wanted."


def test_a_pause_that_the_provider_asked_for_is_told_with_its_end(isp: Isp) -> None:
    isp.bring()
    isp.simulator.timings.retry_after_seconds = 120
    isp.simulator.faults.next(Fault.RATE_LIMIT_RETRY_AFTER)
    isp.work()
    assert "the provider asked for a pause until 2026-11-23 09:02:00-03:00" in isp.item().next.sentence


def test_what_was_given_up_names_the_command_that_tries_again(isp: Isp) -> None:
    isp.bring()
    isp.simulator.faults[Fault.ERROR_BEFORE] = 1.0
    for _ in range(3):
        isp.work()
        isp.clock.advance(minutes=10)
    item = isp.item()
    assert "given up after 3 tries" in item.next.sentence
    assert item.next.commands == ("svahub operations retry 1",)


def test_one_of_two_contracts_of_a_person_is_held_and_says_by_whom(isp: Isp) -> None:
    for contract in ("C1", "C2"):
        isp.bring(contract)
    isp.work()
    isp.bring("C1", block_reasons=["overdue"])
    isp.work()
    held, holder = isp.item("C1"), isp.item("C2")
    assert held.next.waits_for == ("C2",)
    assert held.blocked[0].commands == ("svahub unblock C1 --reason overdue",)
    assert [link.kind.value for link in held.chain][:3] == ["debt", "rule", "reason"]
    assert "contract C1 should be blocked" in holder.remarks[0]
    isp.ask(Action.BLOCK, "C2")
    isp.work()
    sentences = [link.sentence for c in ("C1", "C2") for link in isp.item(c).chain]
    assert sum("no call of its own" in sentence for sentence in sentences) == 1


def test_what_was_not_sold_says_why(isp: Isp) -> None:
    isp.bring("C1", "TM", "NET", status="pending")
    first, second = isp.office.explanations.of("C1").items
    assert first.sentence == "not sold: the contract is pending"
    assert first.next.commands == ("svahub activate C1",)
    assert "no product link serves NET" in second.sentence


def test_a_missing_plugin_is_told_with_what_to_install(isp: Isp, monkeypatch: pytest.MonkeyPatch) -> None:
    isp.bring()
    monkeypatch.setattr(isp.hub.registry, "installed", lambda _provider: False)
    assert "pip install svahub-teleclinica" in isp.item().next.sentence


def test_a_retired_plan_is_a_remark(isp: Isp) -> None:
    isp.bring()
    isp.work()
    for plan in list(isp.simulator.plans):
        isp.simulator.plans.write(plan.id, replace(plan, active=False))
    isp.office.catalogue.sync("tele")
    assert "was retired by the provider" in isp.item().remarks[0]


def test_an_item_that_was_sold_again_shows_each_sale_in_its_history(isp: Isp) -> None:
    isp.bring()
    isp.work()
    isp.ask(Action.CANCEL)
    isp.work()
    isp.ask(Action.ACTIVATE)
    isp.work()
    (present,) = isp.office.explanations.of("C1").items
    assert (present.sale, present.sales) == (2, 2)
    first, second = isp.office.explanations.of("C1", whole=True).items
    assert (first.sale, second.sale) == (1, 2)
    assert [link.kind.value for link in first.chain].count("operation") == 2
    for command in (["contracts", "show", "C1"], ["customers", "show", "P1"], ["subscriptions", "list"]):
        assert isp.run(*command).stdout.count("1 (sale 2)") == 1


def test_what_was_superseded_names_what_came_instead(isp: Isp) -> None:
    isp.bring()
    isp.ask(Action.BLOCK)
    isp.ask(Action.CANCEL)
    operations = [link.sentence for link in isp.item().chain if link.kind.value == "operation"]
    assert "superseded by #3" in operations[0]


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_text_answers_first_and_shows_the_chain_below_in_the_tenants_zone(isp: Isp) -> None:
    isp.bring(block_reasons=["overdue"])
    isp.work()
    lines = isp.run("explain", "C1").stdout.splitlines()
    assert "Times are of America/Sao_Paulo." in lines[0]
    labels = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert labels == ["blocked", "next", "consent", "chain"]
    assert any("2026-11-23 09:00:00-03:00" in line for line in lines)
    assert "`svahub unblock C1 --reason overdue`" in "\n".join(lines)


def test_json_has_the_same_links_with_instants_in_utc(isp: Isp) -> None:
    isp.bring()
    isp.work()
    document = json.loads(isp.run("explain", "C1", "--json").stdout)
    (item,) = document["items"]
    assert (item["desired"], item["observed"], item["next"]["step"]) == ("ACTIVE", "ACTIVE", "nothing")
    assert {link["kind"] for link in item["chain"]} == {"rule", "operation", "attempt", "exchange", "observed"}
    assert all(link["at"] is None or link["at"].endswith("+00:00") for link in item["chain"])
    assert "-03:00" not in json.dumps(item["chain"])
    assert CPF not in json.dumps(document)


def test_what_is_blocked_or_parked_was_explained_all_the_same(isp: Isp) -> None:
    isp.bring("C1", "TM", "NET")
    isp.ask(Action.BLOCK)
    isp.run("explain", "C1", "--item", "2", "--history")


def test_an_unknown_contract_is_an_error_with_near_names(isp: Isp) -> None:
    isp.bring("C100")
    assert "Did you mean 'C100'?" in isp.run("explain", "C101", code=1).stderr
    assert "No item '9'" in isp.run("explain", "C100", "--item", "9", code=1).stderr
    isp.run("explain", code=2)


def test_tables_show_times_in_the_tenants_zone_and_json_in_utc(isp: Isp) -> None:
    isp.bring()
    assert "2026-11-23 09:00:00-03:00" in isp.run("contracts", "list").stdout
    assert "2026-11-23T12:00:00+00:00" in isp.run("contracts", "list", "--json").stdout


# -- the demo invites --------------------------------------------------------------------------------------------------

ACT = "def act(stage):\n    stage.row('nothing', set(), set())\n    stage.invite('explain', 'C1')\n"


@pytest.mark.parametrize(("keep", "told"), [(True, "export SVAHUB_DATABASE_URL=sqlite:///"), (False, "with --keep")])
def test_an_act_ends_with_a_command_that_goes_on(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool, told: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    site.install("acts-that-invite", "[svahub.demos]\ninvites = acts_that_invite:act\n", acts_that_invite=ACT)
    *_, before, last = CliRunner().invoke(main, ["demo", "invites", *["--keep"][: int(keep)]]).stdout.splitlines()
    assert (last, told in before) == ("  svahub explain C1", True)
