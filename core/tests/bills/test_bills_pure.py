"""What was there in a month, whatever was done before, in and after it; and the sums, whatever the lines say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from svahub.bills.checking import NOTHING, Checked, Prices, Sold, Verdict, judged, not_billed
from svahub.bills.reading import BilledLine
from svahub.bills.truth import LEVELS, Month, There, there_in
from svahub.lifecycle import Step
from svahub.models import Desired, Observed
from svahub.store.rows import AttemptRow, SubscriptionRow
from svahub.store.states import Certainty, Phase

BEGINS, ENDS = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
MONTH = Month(BEGINS, ENDS)
PLAIN: dict[str, Any] = {
    "tenant": "default", "item_code": "1", "sale": 1, "product_type": "x", "integration": "tele", "account_key": "a",
    "plan": "p1", "quantity": 1, "price": None, "due_day": 10, "attributes": {}, "consent": None, "sent": None,
    "uncertain_since": None, "looks": 0, "due_at": None, "priority": 3, "tries": 0, "cause": None, "advice": None,
    "handle": None, "candidate": None, "generation": 1, "contract_id": "C1", "remote_id": "u", "phase": Phase.SETTLED,
    "desired": Desired.ACTIVE,
}  # fmt: skip


def sale(key: str, observed: Observed, changed_at: datetime, created_at: datetime = BEGINS) -> SubscriptionRow:
    given_ = {"plan": "p1", "quantity": 1}
    return SubscriptionRow(
        **PLAIN, key=key, observed=observed, applied=given_, created_at=created_at, changed_at=changed_at
    )


def attempt(number: int, step: Step, at: datetime, certainty: Certainty = Certainty.SUCCEEDED, **more: Any) -> Any:
    row = AttemptRow("a", number, "default", "s", step, 1, None, at, at, certainty, None)
    return row._replace(**more)


histories = st.dictionaries(
    st.integers(0, 90), st.sampled_from([Step.BLOCK, Step.UNBLOCK, Step.CANCEL]), max_size=5
).flatmap(lambda later: st.integers(0, 60).map(lambda first: sorted({**later, first: Step.CREATE_USER}.items())))


@given(histories)
def test_it_was_active_if_it_was_so_at_any_hour_of_the_month(days: list[tuple[int, Step]]) -> None:
    start = BEGINS - timedelta(days=30, minutes=30)
    made = [attempt(number, step, start + timedelta(days=day)) for number, (day, step) in enumerate(days)]
    row = sale("s", LEVELS[days[-1][1]], made[-1].ended_at, start)
    first = next(one.ended_at for one in made)
    if made[0].step is not Step.CREATE_USER:
        first = start

    def level(at: datetime) -> Observed:
        done = [LEVELS[one.step] for one in made if one.ended_at <= at]
        before = Observed.ACTIVE if made[0].step in {Step.BLOCK, Step.CANCEL} else Observed.ABSENT
        return done[-1] if done else (before if at >= first else Observed.ABSENT)

    hours = [level(BEGINS + timedelta(hours=hour)) for hour in range(31 * 24)]
    there = there_in(MONTH, row, made, ())
    assert there.active is (Observed.ACTIVE in hours)
    assert there.blocked is (Observed.BLOCKED in hours)
    assert there.whole is (set(hours) == {Observed.ACTIVE})


def test_a_create_whose_answer_was_lost_was_there_since_it_was_asked_once_it_was_found() -> None:
    asked = attempt(1, Step.CREATE_USER, BEGINS - timedelta(days=1), Certainty.UNKNOWN)
    found = attempt(2, Step.FIND, BEGINS + timedelta(days=40))
    row = sale("s", Observed.ACTIVE, BEGINS + timedelta(days=40))
    assert there_in(MONTH, row, [asked, found], ()).active
    lost = found._replace(cause="not there")
    assert not there_in(MONTH, row._replace(observed=Observed.ABSENT), [asked, lost], ()).billable


def test_what_was_refused_has_ended_nothing() -> None:
    made = attempt(1, Step.CREATE_USER, BEGINS - timedelta(days=2))
    refused = attempt(2, Step.CANCEL, BEGINS - timedelta(days=1), Certainty.REJECTED)
    row = sale("s", Observed.ACTIVE, BEGINS - timedelta(days=2))
    assert there_in(MONTH, row, [made, refused], ()).whole


def test_a_later_answer_tells_of_what_was_accepted_before_it() -> None:
    accepted = attempt(1, Step.CREATE_USER, BEGINS - timedelta(days=2), Certainty.PENDING)
    answered = attempt(2, Step.POLL, BEGINS - timedelta(days=1))
    row = sale("s", Observed.ACTIVE, BEGINS + timedelta(days=60))
    assert there_in(MONTH, row, [accepted, answered], ()).whole


def test_all_plans_of_the_month_are_right_in_it() -> None:
    sent = {"plan": "p1", "quantity": 1}
    made = [
        attempt(1, Step.CREATE_USER, BEGINS - timedelta(days=2), sent=sent),
        attempt(2, Step.CHANGE, BEGINS + timedelta(days=9), sent=sent | {"plan": "p2"}),
        attempt(3, Step.CHANGE, ENDS + timedelta(days=9), sent=sent | {"plan": "p3"}),
    ]
    assert there_in(MONTH, sale("s", Observed.ACTIVE, ENDS), made, ()).plans == ("p1", "p2")


# -- sums --------------------------------------------------------------------------------------------------------------

sold = st.builds(
    lambda active, blocked, ever, whole, plan: There(
        active, blocked, ever or active or blocked, whole and active, (plan,)
    ),
    st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["p1", "p2"]),
)  # fmt: skip
lines = st.lists(
    st.tuples(st.sampled_from([None, "p1", "p2"]), st.integers(0, 5000).map(lambda cents: Decimal(cents).scaleb(-2))),
    max_size=6,
)


@given(st.lists(sold, max_size=3), lines, st.booleans())
def test_what_is_billed_is_what_is_right_and_too_much_less_too_little(
    there: list[There], asked: list[tuple[str | None, Decimal]], agreed: bool
) -> None:
    prices = Prices(agreed={"p1": Decimal("10.00"), "p2": Decimal("20.00")} if agreed else {})
    theirs = [Sold(sale(f"s{n}", Observed.ACTIVE, ENDS), "u", one) for n, one in enumerate(there)]
    checked, billed = Checked("tele", "2026-10"), set[str]()
    for number, (plan, price) in enumerate(asked, 2):
        checked.add(judged(BilledLine(number, price, user="u", plan=plan), theirs, billed, prices))
    for one in theirs:
        if one.there.active and one.row.key not in billed:
            checked.add(not_billed(one, prices))
    assert checked.billed == sum((price for _, price in asked), NOTHING)
    right = sum((one.right for one in checked.found if one.right is not None), NOTHING)
    of_found = sum((one.billed for one in checked.found if one.right is not None), NOTHING)
    assert of_found - right == checked.too_much - checked.too_little
    assert sum(checked.counts.values()) == len(asked) + checked.counts[Verdict.NOT_BILLED.value]
    assert len(billed) <= sum(one.there.billable for one in theirs)
    assert all(one.there.billable for one in theirs if one.row.key in billed)
