"""The former secret: kept until the new one has worked, and used as long as only it does."""

from __future__ import annotations

from svahub.models import Observed
from svahub.store.states import State

from rotation.stage import Stage


def test_the_first_call_of_a_worker_that_works_lets_the_former_go(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.sell()
    stage.work()
    assert stage.slots() == ("second", None)


def test_while_only_the_former_works_it_stays_and_serves(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first")
    stage.sell()
    stage.work()
    assert (stage.state(), stage.slots()) == ((Observed.ACTIVE, State.SETTLED), ("second", "first"))
    assert (stage.refusals(), stage.events()) == (1, [])


def test_a_later_test_that_succeeds_lets_the_former_go_and_one_that_fails_does_not(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first")
    assert not stage.office.integrations.test("tele").ok
    assert stage.slots() == ("second", "first")
    stage.takes("second")
    assert stage.office.integrations.test("tele").ok
    assert stage.slots() == ("second", None)


def test_calls_by_hand_fall_back_too(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first")
    assert list(stage.office.users.list("tele")) == []


def test_a_former_secret_that_cannot_be_read_any_more_hinders_nobody(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    (stage.folder / "first").unlink()
    stage.sell()
    stage.work()
    assert (stage.state(), stage.slots()) == ((Observed.ACTIVE, State.SETTLED), ("second", None))


def test_of_two_rotations_in_a_row_the_one_that_the_provider_still_takes_is_kept(stage: Stage) -> None:
    stage.takes("first", "second", "third")
    stage.rotate("second")
    stage.rotate("third")
    assert stage.slots() == ("third", "second")


def test_an_untried_one_that_the_provider_drops_again_does_not_displace_the_one_that_has_worked(stage: Stage) -> None:
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("first", "third")
    stage.rotate("third")
    assert stage.slots() == ("third", "first")


def test_a_file_that_was_rewritten_is_rotated_by_naming_it_again(stage: Stage) -> None:
    stage.file("first")
    stage.takes("first")
    before = stage.row()
    rotated = stage.rotate("first")
    assert (rotated.former_kept, stage.slots()) == (False, ("first", None))
    assert (stage.row().secrets_at or before.created_at) > (before.secrets_at or before.created_at)
