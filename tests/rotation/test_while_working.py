"""Secrets that are rotated while a worker runs: no call fails for it."""

from __future__ import annotations

from svahub.models import Observed
from svahub.store.states import State
from svahub.verbs import Action

from rotation.stage import Stage


def test_a_worker_that_knows_only_the_dropped_secret_reads_the_new_one_before_it_fails(stage: Stage) -> None:
    stage.sell()
    stage.work()
    desk_first = stage.hub.work(threads=1)
    try:
        desk_first.drain()
        stage.takes("first", "second")
        stage.rotate("second")
        stage.takes("second")
        stage.ask(Action.BLOCK)
        desk_first.drain()
    finally:
        desk_first.close()
    assert (stage.state(), stage.events()) == ((Observed.BLOCKED, State.SETTLED), [])


def test_a_call_that_is_under_way_while_its_secret_is_replaced_and_dropped_is_made_with_the_new_one(
    stage: Stage,
) -> None:
    from svahub.desk import Desk
    from svahub.fleet import Fleet, holding
    from svahub.steps import carry_out

    stage.sell()
    fleet = Fleet(stage.hub.registry, stage.clock, store=stage.hub.store)
    desk = Desk(stage.hub.store, fleet, stage.clock, lambda: 0.5)
    (work,), _ = desk.take(1)
    stage.takes("first", "second")
    stage.rotate("second")
    stage.takes("second")
    with holding(work.held):
        result = carry_out(work.relay, work.decision, work.subscription, work.reasons)
    desk.put([(work, result)])
    fleet.close()
    assert (stage.state(), stage.events(), len(stage.clinic.users)) == ((Observed.ACTIVE, State.SETTLED), [], 1)


def test_a_file_that_was_rewritten_is_read_anew_when_the_old_word_is_refused(stage: Stage) -> None:
    stage.sell()
    with stage.hub.work(threads=1) as worker:
        worker.drain()
        stage.file("first")
        stage.takes("first")
        stage.ask(Action.BLOCK)
        worker.drain()
        stage.ask(Action.UNBLOCK)
        worker.drain()
    assert (stage.state(), stage.refusals(), stage.events()) == ((Observed.ACTIVE, State.SETTLED), 1, [])


def test_a_failure_under_secrets_that_were_replaced_meanwhile_quarantines_nothing(stage: Stage) -> None:
    from svahub.desk import Desk
    from svahub.errors import AuthenticationFailed
    from svahub.fleet import Fleet

    stage.sell()
    fleet = Fleet(stage.hub.registry, stage.clock)
    desk = Desk(stage.hub.store, fleet, stage.clock, lambda: 0.5)
    (work,), _ = desk.take(1)
    stage.takes("second")
    stage.rotate("second")
    desk.put([(work, AuthenticationFailed())])
    fleet.close()
    assert (stage.office.integrations.show("tele").status, stage.events()) == ("enabled", [])
    stage.work()
    assert stage.state() == (Observed.ACTIVE, State.SETTLED)
