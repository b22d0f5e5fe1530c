"""The life of a subscription whose provider is away, errs or turns us away, and is there again."""

from __future__ import annotations

import pytest
from svahub.models import Desired
from svahub.store.states import Certainty, Outcome, State
from svahub.testing import Fault

from lives.life import Life

ACTIVE, BLOCKED = Desired.ACTIVE, Desired.BLOCKED


@pytest.mark.deep
def test_what_is_wanted_of_a_provider_that_is_away_is_done_when_it_is_back(life: Life) -> None:
    life.sign(1, 2)
    life.come_to(ACTIVE, ACTIVE)
    life.clinic.refuse()
    life.want("block C1")
    life.stand(State.WAITING)
    life.clinic.listen()
    life.come_to(BLOCKED, ACTIVE)
    assert life.asked() == ["create_user", "block"]


def test_what_is_wanted_now_supersedes_what_waits_for_a_provider(life: Life) -> None:
    life.sign(1)
    life.come_to(ACTIVE)
    life.clinic.refuse()
    life.want("block C1")
    life.stand(State.WAITING)
    life.want("unblock C1")
    life.clinic.listen()
    life.come_to(ACTIVE)
    assert life.asked() == ["create_user"]
    assert life.outcomes() == [Outcome.SUCCEEDED, Outcome.SUPERSEDED, Outcome.SUCCEEDED]


def test_what_was_given_up_is_done_when_a_person_has_it_tried_again(life: Life) -> None:
    life.ask("integration set tele --set retry_budget=3")
    life.sign(1)
    life.clinic.refuse()
    life.stand(State.PARKED)
    (parked,) = life.ask("operations list --outcome parked")
    assert "given up after 3 tries" in parked["cause"]
    tries = life.isp.office.subscriptions.show("C1/1").attempts
    assert [attempt.certainty for attempt in tries] == [Certainty.NOT_APPLIED] * 3
    life.clinic.listen()
    life.ask(f"operations retry {parked['id']}")
    life.come_to(ACTIVE)


@pytest.mark.deep
def test_a_create_whose_answer_was_lost_is_looked_up_and_not_repeated(life: Life) -> None:
    life.sign(1)
    life.clinic.faults.next(Fault.DROP_AFTER)
    life.come_to(ACTIVE)
    assert life.asked() == ["create_user"]


@pytest.mark.deep
def test_a_provider_that_knows_us_no_more_is_left_alone_until_a_test_succeeds(life: Life) -> None:
    life.sign(1)
    life.come_to(ACTIVE)
    life.clinic.accept()
    life.want("block C1")
    life.stand(State.QUARANTINED)
    assert life.asked() == ["create_user", "block"]
    life.clinic.accept(life.clinic.credentials)
    life.ask("integration test tele")
    life.come_to(BLOCKED)
    assert life.asked() == ["create_user", "block", "block"]


@pytest.mark.deep
def test_nothing_is_asked_of_an_integration_that_is_disabled(life: Life) -> None:
    life.sign(1)
    life.come_to(ACTIVE)
    life.ask("integration disable tele")
    life.want("block C1")
    life.stand(State.WAITING)
    assert life.asked() == ["create_user"]
    life.ask("integration enable tele")
    life.come_to(BLOCKED)
