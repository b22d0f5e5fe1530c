"""Explanations of contracts that a worker drove: each sentence holds, and each command that is named is taken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from svahub import errors
from svahub.areas import backups, copies
from svahub.cli.explain import lines
from svahub.explanation import ItemExplained
from svahub.explanation.values import LinkKind
from svahub.hub import Hub
from svahub.models import Aspect, Observed, Reason
from svahub.store import Store
from svahub.verbs import Action


def told(office: Any, contract: str = "C1") -> ItemExplained:
    item: ItemExplained = office.explanations.of(contract).items[0]
    return item


def text_of(office: Any, contract: str = "C1") -> str:
    return " ".join(" ".join(lines(office.explanations.of(contract))).split())


def turn(isp: Any, times: int = 1) -> None:
    with isp.hub.work(threads=1) as worker:
        for _ in range(times):
            worker.turn()


# -- an unknown outcome, by what the provider can do -------------------------------------------------------------------


def test_a_create_under_a_key_is_sent_again_and_never_looked_up(open_isp: Any, by_key: Any) -> None:
    isp = open_isp(by_key)
    isp.remote.troubles.extend([errors.OutcomeUnknown("timed out after sending")] * 3)
    isp.sell()
    turn(isp)
    item = told(isp.office)
    assert item.failure is not None
    assert "is sent again under the same key" in item.failure.permits
    assert "is sent again under the same key" in item.next.sentence
    assert "look" not in text_of(isp.office)


def test_a_change_without_a_look_is_sent_again(open_isp: Any, basic: Any, finding: Any) -> None:
    changing = type("Changing", (basic,), {"changes": frozenset({Aspect.PLAN}), "change": finding.change})
    isp = open_isp(changing)
    isp.sell()
    isp.work()
    isp.remote.troubles.extend([errors.OutcomeUnknown("timed out after sending")] * 3)
    isp.sell(plan="p2")
    turn(isp)
    item = told(isp.office)
    assert item.failure is not None
    assert "twice is as good as once" in item.failure.permits
    assert "twice is as good as once" in item.next.sentence
    assert "look" not in text_of(isp.office)


def test_what_nothing_can_be_looked_up_by_is_left_to_a_person(open_isp: Any, basic: Any) -> None:
    isp = open_isp(basic)
    isp.remote.troubles.append(errors.OutcomeUnknown("timed out after sending"))
    isp.sell()
    isp.work()
    item = told(isp.office)
    assert item.failure is not None
    assert item.failure.permits.endswith("a person decides.")
    assert "looked up before" not in text_of(isp.office)


def test_a_level_that_was_applied_in_part_is_sent_again(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    (user,) = isp.remote.users.values()
    isp.remote.troubles.append(errors.Partial(user, errors.Busy("one camera is not blocked yet")))
    isp.ask(Action.BLOCK)
    turn(isp)
    item = told(isp.office)
    assert item.failure is not None
    assert "may be sent again" in item.failure.permits


def test_what_ends_without_a_look_promises_none(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.remote.troubles.append(errors.OutcomeUnknown("timed out after sending"))
    isp.sell(quantity=2)
    turn(isp)
    isp.ask(Action.CANCEL)
    sentence = told(isp.office).next.sentence
    assert "svahub will cancel it" in sentence
    assert "looked up" not in sentence


def test_an_unknown_call_is_told_by_when_it_was_begun(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    began = isp.clock.now()
    isp.desk().take(10)
    isp.clock.advance(minutes=5)
    isp.remote.troubles.append(errors.Busy("later"))
    turn(isp)
    at = f"{began - timedelta(hours=3):%H:%M:%S}-03:00"
    assert f"whether the call of {began:%Y-%m-%d} {at} was applied" in told(isp.office).next.sentence
    assert told(isp.office).failure is not None


def test_an_attempt_that_nobody_ended_failed_when_it_was_made(open_isp: Any, basic: Any) -> None:
    isp = open_isp(basic)
    isp.sell()
    began = isp.clock.now()
    isp.desk().take(10)
    isp.clock.advance(minutes=5)
    isp.work()
    failure = told(isp.office).failure
    assert failure is not None
    assert failure.at == began


def test_a_call_of_an_earlier_intention_is_told_still(open_isp: Any, by_key: Any) -> None:
    isp = open_isp(by_key)
    isp.remote.troubles.extend([errors.OutcomeUnknown("timed out after sending")] * 3)
    isp.sell()
    turn(isp)
    isp.ask(Action.CANCEL)
    sentence = told(isp.office).next.sentence
    assert "whether the call of 2026-11-23 09:00:00-03:00 was applied: it is sent again" in sentence
    assert "tells which user to cancel" in sentence


def test_what_was_not_changed_is_not_as_wanted(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    assert told(isp.office).sentence.endswith("as wanted")
    isp.remote.troubles.append(errors.Rejected("E1", "no"))
    isp.sell(quantity=3)
    isp.work()
    assert told(isp.office).sentence.endswith("as wanted but for its quantity")
    isp.office.operations.discard(isp.parked().id, actor="eva", note="so be it")
    isp.work()
    assert told(isp.office).sentence.endswith("as wanted")
    isp.remote.troubles.append(errors.OutcomeUnknown("timed out after sending"))
    isp.sell(quantity=4)
    turn(isp)
    assert told(isp.office).sentence.endswith("it is not known what of it was changed")


def test_the_rule_of_what_was_never_sold_wants_no_end(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell(product="NET")
    isp.ask(Action.CANCEL)
    assert [link.sentence for link in told(isp.office).chain] == [
        "an item is sold while its contract is active and a product link serves it"
    ]


# -- reasons that end by themselves ------------------------------------------------------------------------------------


def test_a_protected_reason_with_an_end_ends_by_itself(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    isp.ask(Action.BLOCK, reason=Reason.FRAUD, until=isp.clock.now() + timedelta(days=2))
    isp.work()
    (blocked,) = told(isp.office).blocked
    assert "; it ends by itself at 2026-11-25 09:00:00-03:00 (in 2 d); sooner operator " in blocked.sentence
    assert "anybody else as an admin, with --admin" in blocked.sentence
    assert "The block ends by itself at 2026-11-25 09:00:00-03:00" in told(isp.office).next.sentence
    isp.clock.advance(days=2)
    assert "it ends by itself when `svahub work` runs" in told(isp.office).blocked[0].sentence
    isp.work()
    assert isp.one.observed is Observed.ACTIVE


# -- stores that came back ---------------------------------------------------------------------------------------------


def restored(isp: Any, folder: Path) -> Hub:
    backups.backup(isp.hub.store, folder / "backup", actor="eva")
    isp.clock.advance(hours=2)
    store = Store(f"sqlite:///{folder / 'restored.db'}", isp.clock)
    backups.restore(folder / "backup", store, isp.hub.registry, actor="eva")
    return Hub(store, isp.hub.registry, draw=lambda: 0.5)


def test_after_a_restore_no_call_is_told_that_was_not_made(open_isp: Any, finding: Any, tmp_path: Path) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    hub = restored(isp, tmp_path)
    item = told(hub.tenant("default"))
    assert "the call of" not in item.next.sentence
    assert "It is not known what the provider has now; not looked up yet." in item.next.sentence
    assert "restored from a backup at 2026-11-23 11:00:00-03:00" in item.remarks[0]
    hub.close()


def test_a_command_that_brings_it_on_sooner_is_taken(open_isp: Any, finding: Any, tmp_path: Path) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    hub = restored(isp, tmp_path)
    isp.remote.troubles.append(errors.Busy("later"))
    with hub.work(threads=1) as worker:
        worker.turn()
    coming = told(hub.tenant("default")).next
    assert (coming.commands, "Sooner" in coming.sentence) == ((), False)  # the operation has ended: nothing to retry
    hub.close()


def test_a_retry_of_what_was_not_reached_is_offered_and_taken(open_isp: Any, finding: Any) -> None:
    isp = open_isp(finding)
    isp.remote.troubles.append(errors.Busy("later"))
    isp.sell()
    turn(isp)
    assert told(isp.office).next.commands == ("svahub operations retry 1",)
    isp.office.operations.retry(1, actor="eva")


@pytest.mark.deep
def test_a_call_that_a_restore_cut_off_is_told_as_begun(open_isp: Any, finding: Any, tmp_path: Path) -> None:
    isp = open_isp(finding)
    isp.sell()
    began = isp.clock.now()
    isp.desk().take(10)
    hub = restored(isp, tmp_path)
    item = told(hub.tenant("default"))
    assert item.failure is not None
    assert item.failure.at == began
    assert "the call of 2026-11-23 09:00:00-03:00" in item.next.sentence
    hub.close()


def test_a_level_that_came_back_says_so(open_isp: Any, basic: Any, tmp_path: Path) -> None:
    isp = open_isp(basic)
    isp.sell()
    isp.work()
    hub = restored(isp, tmp_path)
    item = told(hub.tenant("default"))
    assert item.observed is Observed.UNKNOWN
    assert any("restored from a backup at 2026-11-23 11:00:00-03:00" in remark for remark in item.remarks)
    hub.close()


@pytest.mark.deep
def test_a_store_that_was_opened_again_says_so(open_isp: Any, finding: Any, tmp_path: Path) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    copies.copy(isp.hub.store, f"sqlite:///{tmp_path / 'copy.db'}", actor="eva")
    copies.reopen(isp.hub.store, isp.hub.registry, actor="eva")
    assert "the store was opened again after it had been moved at 2026-11-23 09:00:00-03:00" in text_of(isp.office)
    isp.work()
    assert "opened again" not in text_of(isp.office)


@pytest.mark.parametrize("kind", [LinkKind.OPERATION, LinkKind.ATTEMPT])
def test_the_chain_keeps_what_was_done_before_a_restore(
    open_isp: Any, finding: Any, tmp_path: Path, kind: LinkKind
) -> None:
    isp = open_isp(finding)
    isp.sell()
    isp.work()
    hub = restored(isp, tmp_path)
    assert kind in {link.kind for link in told(hub.tenant("default")).chain}
    hub.close()
