"""The life of what is sold when one thing is wanted of all of it."""

from __future__ import annotations

import pytest
from svahub.models import Desired
from svahub_teleclinica.simulator import Status

from lives.life import Life

ACTIVE, BLOCKED = Desired.ACTIVE, Desired.BLOCKED
ALL = "--where product_type=telemedicine --max-percent 100"


def test_all_of_a_product_are_blocked_and_unblocked_at_the_provider(life: Life) -> None:
    life.sign(*range(1, 9))
    life.come_to(*[ACTIVE] * 8)
    life.want(f"block {ALL}")
    life.come_to(*[BLOCKED] * 8)
    life.want(f"unblock {ALL}")
    life.come_to(*[ACTIVE] * 8)
    ended = [(one["state"], one["progress"]["succeeded"]) for one in life.ask("campaigns list")]
    assert ended == [("finished", 8)] * 2
    assert {tuple(life.asked(number)) for number in range(1, 9)} == {("create_user", "block", "unblock")}
    assert {user.status for user in life.users()} == {Status.ACTIVE}


@pytest.mark.deep
def test_what_a_campaign_wants_of_a_provider_that_is_away_is_done_when_it_is_back_unless_something_else_is_wanted(
    life: Life,
) -> None:
    life.sign(*range(1, 6))
    life.come_to(*[ACTIVE] * 5)
    life.clinic.refuse()
    life.want(f"block {ALL}")
    life.until(lambda: {life.sold(number).desired for number in range(1, 6)} == {BLOCKED})
    life.want("unblock C3")
    life.clinic.listen()
    life.come_to(BLOCKED, BLOCKED, ACTIVE, BLOCKED, BLOCKED)
    assert life.asked(3) == ["create_user"]
    fates = {line["contract_id"]: line["outcome"] for line in life.ask("campaigns report 1")}
    assert fates == dict.fromkeys(("C1", "C2", "C4", "C5"), "reached") | {"C3": "superseded"}
