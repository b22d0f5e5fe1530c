"""How what a provider lists stands to ours, whatever either holds; what is believed of it; the guard and the hash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from svahub.decisions import Facts, View
from svahub.endings import status
from svahub.errors import Refused
from svahub.lifecycle import GONE, Step
from svahub.models import (
    Adopt,
    Aspect,
    BlockScope,
    Deduplication,
    Desired,
    DocumentKind,
    Observed,
    RemoteSubscription,
    RemoteUser,
)
from svahub.plans import Digest, Guard
from svahub.reconciling.comparing import TO_MEND, Moment, Seen, compared
from svahub.reconciling.correcting import STOPPING, Believed, corrected, step_after
from svahub.store.rows import AccountRow, CustomerRow, DifferenceRow, ListedRow, SubscriptionRow
from svahub.store.states import Agreement, Phase

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
MOMENT = Moment(NOW, timedelta(seconds=60))
CUSTOMER = CustomerRow("default", "P1", "Ana", "52998224725", DocumentKind.CPF, None, None, None, None, "d1", None)
ACCOUNT = AccountRow("a", "default", "tele", "P1", "user-1", 3, None, None, 1, None)
PLAIN: dict[str, Any] = {
    "tenant": "default", "item_code": "1", "sale": 1, "product_type": "telemedicine", "integration": "tele",
    "account_key": "a", "quantity": 1, "price": None, "due_day": 10, "attributes": {}, "consent": None, "sent": None,
    "created_at": LONG_AGO, "changed_at": LONG_AGO, "uncertain_since": None, "looks": 0, "due_at": None, "priority": 3,
    "tries": 0, "cause": None, "advice": None, "handle": None, "candidate": None, "generation": 1,
}  # fmt: skip
KNOWN = [observed for observed in Observed if observed is not Observed.UNKNOWN]
levels = st.sampled_from([Observed.ACTIVE, Observed.BLOCKED, Observed.CANCELLED])
plans = st.sampled_from(["p1", "p2"])


@st.composite
def rows(draw: st.DrawFn, number: int) -> SubscriptionRow:
    observed = draw(st.sampled_from(KNOWN))
    given_plan, live = draw(plans), observed not in GONE
    given_ = {"plan": given_plan, "quantity": 1, "price": None, "due_day": 10, "customer": "d1"} if live else None
    return SubscriptionRow(
        **PLAIN, key=f"key-{number}", contract_id=f"C{number}", plan=draw(plans),
        desired=draw(st.sampled_from(Desired)), observed=observed, remote_id="user-1" if live else None, applied=given_,
        phase=draw(st.sampled_from([Phase.SETTLED, Phase.PARKED])),
    )  # fmt: skip


facts = st.builds(
    Facts, st.sampled_from(BlockScope), st.just(frozenset({Aspect.PLAN})), st.just(Deduplication.REFERENCE),
    st.just(True), st.just(60.0), st.booleans(),
)  # fmt: skip


@st.composite
def views(draw: st.DrawFn) -> View:
    held = tuple(draw(rows(number)) for number in range(draw(st.integers(1, 3))))
    view = View(ACCOUNT, CUSTOMER, held, draw(facts))
    if view.facts.block_scope is BlockScope.ACCOUNT:  # then all that is live of one user has one level
        level = next((row.observed for row in held if row.live), None)
        held = tuple(row._replace(observed=level) if row.live and level else row for row in held)
    return replace(view, rows=held)


entries = st.builds(
    RemoteSubscription, st.sampled_from(["p1", "p2", "p3", None]), levels,
    st.sampled_from([None, "key-0", "key-1", "key-2", "elsewhere"]), st.none(), st.sampled_from([None, 1, 2]),
)  # fmt: skip
users = st.lists(
    st.builds(
        ListedRow, st.sampled_from(["user-1", "user-2", "user-3"]), st.just("a"), st.booleans(), levels,
        st.lists(entries, max_size=4).map(tuple),
    ),
    max_size=3, unique_by=lambda user: user.remote_id,
)  # fmt: skip


def as_known(view: View) -> list[ListedRow]:
    """Return the listing of a provider that has exactly what we know."""
    live = [row for row in view.rows if row.live]
    held = tuple(
        RemoteSubscription(given_.plan, row.observed, row.key)
        for row in live
        if (given_ := row.what_was_applied()) is not None
    )
    levels = {row.observed for row in live}
    status = Observed.BLOCKED if levels == {Observed.BLOCKED} else Observed.ACTIVE
    return [ListedRow("user-1", "a", True, status, held)] if live else []


def believed(judged: Any) -> list[Believed]:
    return [Believed(one.agreement, one.row.key, one.seen) for one in judged if one.row and one.agreement in TO_MEND]


@given(views())
def test_a_provider_that_has_what_we_know_is_in_sync(view: View) -> None:
    assert {one.agreement for one in compared(view, as_known(view), MOMENT)} <= {Agreement.IN_SYNC}


@given(views())
def test_of_an_empty_listing_all_that_is_live_is_missing_and_nothing_else(view: View) -> None:
    judged = {one.row.key: one.agreement for one in compared(view, [], MOMENT) if one.row}
    assert judged == {r.key: Agreement.MISSING if r.live else Agreement.IN_SYNC for r in view.rows}


@given(views(), users)
def test_each_of_ours_is_judged_once_whatever_is_listed(view: View, listed: list[ListedRow]) -> None:
    judged = [one.row.key for one in compared(view, listed, MOMENT) if one.row]
    assert sorted(judged) == sorted(row.key for row in view.rows)


@given(views(), users, st.integers(0, 59), st.sampled_from(["changed_at", "created_at"]))
def test_nothing_of_an_account_is_judged_that_was_changed_within_the_settle_time(
    view: View, listed: list[ListedRow], ago: int, column: str
) -> None:
    fresh = view.rows[-1]._replace(**{column: NOW - timedelta(seconds=ago)})
    judged = compared(replace(view, rows=(*view.rows[:-1], fresh)), listed, MOMENT)
    assert {one.agreement for one in judged} == {Agreement.SETTLING}


@given(views(), users, st.sampled_from(Adopt))
def test_what_was_believed_is_not_found_to_differ_again(view: View, listed: list[ListedRow], adopt: Adopt) -> None:
    found = believed(compared(view, listed, MOMENT))
    after = corrected(view, found, NOW - timedelta(hours=1), adopt).view
    again = compared(replace(after, rows=tuple(r._replace(sent=None) for r in after.rows)), listed, MOMENT)
    wrong = {one.row.key for one in again if one.row and one.agreement in TO_MEND - {Agreement.UNLINKED}}
    assert not wrong & {one.key for one in found}


@given(views(), users, st.sampled_from(Adopt))
def test_nothing_that_is_wanted_active_is_ever_blocked_or_cancelled_by_a_plan(
    view: View, listed: list[ListedRow], adopt: Adopt
) -> None:
    after = corrected(view, believed(compared(view, listed, MOMENT)), NOW, adopt)
    steps = {row.key: step_after(after.view, row) for row in after.rows}
    assert not [row for row in after.rows if row.desired is Desired.ACTIVE and steps[row.key] in STOPPING]


@pytest.mark.parametrize(
    ("by_id", "told"),
    [(False, [Agreement.WRONG_STATE]), (True, [Agreement.IN_SYNC, Agreement.UNKNOWN])],
    ids=["made by us", "only linked"],
)
def test_what_is_left_on_a_user_goes_with_the_sale_that_ended_only_if_we_made_the_user(
    by_id: bool, told: list[Agreement]
) -> None:
    ended = SubscriptionRow(
        **PLAIN, key="key-0", contract_id="C0", plan="p1", desired=Desired.CANCELLED, observed=Observed.CANCELLED,
        remote_id=None, applied={"plan": "p1", "quantity": 1}, phase=Phase.SETTLED,
    )  # fmt: skip
    each = Facts(BlockScope.ACCOUNT, frozenset(), Deduplication.REFERENCE, True, 60.0, recreate=False)
    left = (RemoteSubscription("p1", Observed.ACTIVE),)
    listed = ListedRow("user-1", "a", True, Observed.ACTIVE, left, by_id=by_id)
    assert [one.agreement for one in compared(View(ACCOUNT, CUSTOMER, (ended,), each), [listed], MOMENT)] == told


def test_a_plan_that_two_contracts_share_is_each_ones_though_it_bears_the_key_of_one_that_has_ended() -> None:
    ended, live = (
        SubscriptionRow(
            **PLAIN, key=f"key-{n}", contract_id=f"C{n}", plan="p1", desired=desired, observed=observed, remote_id=None,
            applied={"plan": "p1", "quantity": 1} if observed is Observed.ACTIVE else None, phase=Phase.SETTLED,
        )
        for n, desired, observed in (
            (0, Desired.CANCELLED, Observed.CANCELLED), (1, Desired.ACTIVE, Observed.ACTIVE),
        )
    )  # fmt: skip
    whole = Facts(BlockScope.ACCOUNT, frozenset(), Deduplication.REFERENCE, True, 60.0, recreate=False)
    shared = (RemoteSubscription("p1", Observed.ACTIVE, "key-0"),)
    view = View(ACCOUNT, CUSTOMER, (ended, live), whole)
    judged = compared(view, [ListedRow("user-1", "a", True, Observed.ACTIVE, shared)], MOMENT)
    assert [one.agreement for one in judged] == [Agreement.IN_SYNC, Agreement.IN_SYNC]


@pytest.mark.parametrize(
    ("scope", "told"),
    [(BlockScope.ACCOUNT, Agreement.IN_SYNC), (BlockScope.SUBSCRIPTION, Agreement.MISSING)],
    ids=["whole users", "each its own"],
)
def test_what_is_there_once_is_shared_where_whole_users_are_blocked(scope: BlockScope, told: Agreement) -> None:
    both = tuple(
        SubscriptionRow(
            **PLAIN, key=f"key-{n}", contract_id=f"C{n}", plan="p1", desired=Desired.ACTIVE, observed=Observed.ACTIVE,
            remote_id="user-1", applied={"plan": "p1", "quantity": 1}, phase=Phase.SETTLED,
        )
        for n in range(2)
    )  # fmt: skip
    once = (RemoteSubscription("p1", Observed.ACTIVE, "key-0"),)
    view = View(ACCOUNT, CUSTOMER, both, Facts(scope, frozenset(), Deduplication.REFERENCE, True, 60.0, False))
    judged = compared(view, [ListedRow("user-1", "a", True, Observed.ACTIVE, once)], MOMENT)
    assert [one.agreement for one in judged] == [Agreement.IN_SYNC, told]


# -- guard and hash ----------------------------------------------------------------------------------------------------


@given(st.sampled_from([*KNOWN]), st.sampled_from([*KNOWN]))
def test_what_has_ended_is_not_taken_for_blocked_as_its_user_is(user: Observed, entry: Observed) -> None:
    seen = status(RemoteUser("user-1", user), RemoteSubscription("p1", entry))
    assert (seen in GONE) is (user is Observed.CANCELLED or entry in GONE)
    assert seen in GONE or (seen is Observed.BLOCKED) is (Observed.BLOCKED in {user, entry})


@given(st.integers(0, 300), st.integers(0, 10_000), st.integers(0, 300), st.floats(0, 100))
def test_the_guard_stops_more_than_either_limit_and_nothing_else(
    stops: int, live: int, most: int, percent: float
) -> None:
    allowed = stops == 0 or (stops <= most and (100 * stops / live if live else 100.0) <= percent)
    assert (Guard(most, percent).objection(stops, live) is None) is allowed
    if not allowed:
        with pytest.raises(Refused, match="If that is right: approve it"):
            Guard(most, percent).check(stops, live, otherwise="Plan 3 is not applied", approve="approve it")


differences = st.builds(
    DifferenceRow, st.integers(1, 9), st.sampled_from(Agreement), st.sampled_from([None, "a"]),
    st.sampled_from([None, "key-0"]), st.sampled_from([None, "user-1"]),
    st.sampled_from([None, {"generation": 1}, {"generation": 2}]),
    st.sampled_from([None, Seen(Observed.ACTIVE).column(), Seen(Observed.BLOCKED).column()]), st.sampled_from(Step),
)  # fmt: skip
found = st.lists(differences, max_size=4)


def hashed(rows: list[DifferenceRow], counts: dict[str, int]) -> str:
    digest = Digest(1, "tele", NOW)
    digest.add(rows[:1])
    digest.add(rows[1:])
    return digest.text(counts, 3)


@given(found, found, st.integers(0, 2), st.integers(0, 2))
def test_two_plans_have_one_hash_only_if_they_are_the_same(
    one: list[DifferenceRow], other: list[DifferenceRow], count: int, other_count: int
) -> None:
    same = (one, count) == (other, other_count)
    assert (hashed(one, {"missing": count}) == hashed(other, {"missing": other_count})) is same
