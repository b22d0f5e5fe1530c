"""Sources that are pulled by themselves: as often as their settings say, by one process, whatever another one does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update
from svahub import Environment
from svahub.areas.pulling import ClaimLost
from svahub.errors import Cause, Refused, UnknownName, Unreachable
from svahub.store.states import RunOutcome
from svahub.store.tables import sources
from svahub.watching import Ended, Watching


def asked(isp: Any) -> int:
    return sum(what == "contracts" for what, _ in isp.erp.asked)


def go_round(isp: Any) -> list[Ended]:
    """Pull what is due now."""
    ended: list[Ended] = []
    with isp.hub.watching(heed=ended.append) as watching:
        watching.turn()
        while watching.is_busy():
            watching.turn()
    return ended


def test_a_source_is_pulled_at_once_and_then_as_often_as_its_settings_say(isp: Any) -> None:
    isp.source(watch=True, poll=60)
    assert [one.outcome for one in go_round(isp)] == [RunOutcome.SUCCEEDED]
    isp.clock.advance(seconds=59)
    assert go_round(isp) == []
    isp.clock.advance(seconds=1)
    assert len(go_round(isp)) == 1


def test_what_changes_at_the_source_is_followed_at_the_provider_within_one_poll(isp: Any) -> None:
    isp.source(watch=True, poll=60)
    isp.erp.sign("1")
    isp.work()
    assert isp.states() == {"1": "ACTIVE"}
    isp.clock.advance(seconds=60)
    isp.erp.sign("1", block_reasons=["overdue"])
    isp.work()
    assert isp.states() == {"1": "BLOCKED"}


def test_a_pull_ends_at_its_next_batch_when_svahub_is_stopped_and_the_next_goes_on(isp: Any) -> None:
    isp.source(watch=True)
    for id in map(str, range(501)):
        isp.erp.sign(id, product="NET")
    ended: list[Ended] = []
    with isp.hub.watching(heed=ended.append) as watching:
        watching.stop()
        watching.turn()
    assert (ended[0].outcome, len(list(isp.office.contracts.list()))) == (RunOutcome.FAILED, 500)
    isp.clock.advance(minutes=1)
    isp.work()
    assert len(list(isp.office.contracts.list())) == 501


def test_a_source_that_is_not_to_be_watched_is_pulled_by_hand_alone(isp: Any) -> None:
    isp.source(watch=False)
    isp.work()
    assert asked(isp) == 0
    isp.office.integrations.set("erp", settings={"watch": True})
    isp.work()
    assert asked(isp) == 1
    isp.office.integrations.set("erp", settings={"watch": False})
    isp.clock.advance(hours=1)
    isp.work()
    assert asked(isp) == 1


def test_two_that_watch_pull_a_source_once(isp_on_each: Any) -> None:
    isp_on_each.source(watch=True)
    with Watching(isp_on_each.hub) as one, Watching(isp_on_each.hub) as other:
        assert one.turn() + other.turn() == 1


def test_a_pull_whose_claim_was_lost_writes_nothing_more(isp: Any) -> None:
    isp.source()
    for id in map(str, range(501)):
        isp.erp.sign(id, product="NET")

    def lose(_read: int) -> None:
        with isp.hub.store.write() as connection:
            connection.execute(update(sources).values(owner="another"))

    with pytest.raises(ClaimLost):
        isp.office.sources.pull("erp", progress=lose)
    assert len(list(isp.office.contracts.list())) == 500
    with isp.hub.store.read() as connection:
        owner, until = connection.execute(select(sources.c.owner, sources.c.contracts_until)).one()
    assert (owner, until) == ("another", None)


def test_what_a_dead_process_pulled_is_pulled_by_another(isp: Any) -> None:
    isp.source(watch=True)
    with isp.hub.store.write() as connection:
        connection.execute(update(sources).values(owner="elsewhere 1 2 3", owned_until=isp.clock.now()))
    isp.clock.advance(seconds=1)
    isp.work()
    assert asked(isp) == 1


def test_a_broken_source_hurts_no_other(isp: Any) -> None:
    isp.install("broken").trouble["contracts"] = RuntimeError("Maria")
    isp.office.sources.add("broken", "broken", Environment.STAGING)
    isp.source(watch=True)
    isp.erp.sign("1")
    ended = {one.source: one.outcome for one in go_round(isp)}
    assert ended == {"broken": RunOutcome.FAILED, "erp": RunOutcome.SUCCEEDED}
    isp.work()
    assert isp.states() == {"1": "ACTIVE"}


def test_a_source_that_fails_is_tried_again_after_its_pause(isp: Any) -> None:
    isp.source(watch=True, poll=60)
    isp.erp.trouble["contracts"] = Unreachable(Cause.TIMEOUT)
    assert [one.outcome for one in go_round(isp)] == [RunOutcome.FAILED]
    assert go_round(isp) == []
    isp.erp.trouble.clear()
    isp.clock.advance(seconds=60)
    assert [one.outcome for one in go_round(isp)] == [RunOutcome.SUCCEEDED]


def test_a_source_whose_plugin_is_gone_waits_and_goes_on_when_it_is_back(isp: Any) -> None:
    isp.source(watch=True)
    isp.erp.sign("1")
    isp.work()
    isp.registry.gone.add("records")
    isp.clock.advance(hours=1)
    isp.work()
    assert isp.office.sources.show("erp").status == "missing: pip install svahub-records"
    assert isp.states() == {"1": "ACTIVE"}
    isp.registry.gone.clear()
    isp.clock.advance(hours=1)
    isp.work()
    assert isp.office.sources.show("erp").outcome is RunOutcome.SUCCEEDED


def test_a_source_that_is_disabled_is_not_asked(isp: Any) -> None:
    isp.source(watch=True)
    isp.office.integrations.disable("erp")
    isp.work()
    assert asked(isp) == 0
    with pytest.raises(Refused, match="is disabled"):
        isp.office.sources.pull("erp")


# -- registering and removing ------------------------------------------------------------------------------------------


def test_a_source_that_is_removed_leaves_its_contracts_as_they_are(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    isp.work()
    assert isp.office.sources.remove("erp", dry_run=True).contracts
    isp.office.sources.show("erp")
    isp.office.sources.remove("erp")
    assert (isp.states(), isp.office.sources.list()) == ({"1": "ACTIVE"}, [])
    with pytest.raises(UnknownName):
        isp.office.sources.pull("erp")


def test_a_source_that_is_added_again_is_read_from_its_beginning(isp: Any) -> None:
    isp.source()
    isp.erp.sign("1")
    isp.office.sources.pull("erp")
    isp.office.sources.remove("erp")
    isp.source()
    assert isp.office.sources.pull("erp").since is None


def test_what_sells_refuses_a_source_and_a_source_what_sells(isp: Any) -> None:
    isp.source()
    with pytest.raises(Refused, match="svahub source add"):
        isp.office.integrations.add("other", "records", Environment.STAGING)
    with pytest.raises(Refused, match="svahub integration add"):
        isp.office.sources.add("other", "basic", Environment.STAGING)
    with pytest.raises(Refused, match="svahub source remove"):
        isp.office.integrations.remove("erp")
    with pytest.raises(Exception, match="offers no plans"):
        isp.office.catalogue.sync("erp")
    isp.erp.sign("1", items=[{"code": "1", "product_code": "X", "integration": "erp"}])
    pulled = isp.office.sources.pull("erp")
    assert "nothing is sold there" in str(pulled.contracts.errors[0])
