"""Two `work` processes and a verb that waits, on one store: no step twice, no two steps of one account at once."""

from __future__ import annotations

from collections import Counter

from svahub.models import Desired
from svahub.verbs import Action

from proof.isp import Isp, cpf, numbers

CONTRACTS = numbers(1, 30)


def verbs(isp: Isp, number: int) -> Counter[str]:
    """Return how often each verb was asked of the provider for a contract."""
    return Counter(call.verb for call in isp.clinic.of(cpf(number)))


def test_two_workers_and_a_waiting_verb_do_every_step_once(isp_on_each_runner: Isp) -> None:
    isp = isp_on_each_runner
    isp.clinic.timings.answer_seconds = 0.02
    isp.take_in(CONTRACTS)
    started = [isp.start("work", "--once", "--threads", "4") for _ in range(2)]
    waiting = [isp.start("block", f"C{number}", "--yes") for number in (1, 30)]
    assert [child.wait().code for child in (*started, *waiting)] == [0, 0, 0, 0]
    isp.agree(dict.fromkeys(CONTRACTS[1:-1], Desired.ACTIVE))
    for number in (1, 30):
        assert verbs(isp, number) in ({"create_user": 1, "block": 1}, {})
    assert isp.clinic.overlapping() == []

    for number in CONTRACTS[1:-1]:
        isp.ask(Action.BLOCK, number)
    children = [isp.start("work", "--once", "--threads", "4") for _ in range(2)]
    assert [child.wait().code for child in children] == [0, 0]
    isp.agree(dict.fromkeys(CONTRACTS[1:-1], Desired.BLOCKED))
    assert {tuple(verbs(isp, n).items()) for n in CONTRACTS[1:-1]} == {(("create_user", 1), ("block", 1))}
    assert isp.clinic.overlapping() == []
