"""Listing everybody: once, whole, as they are; and an error where the listing ends early, never a part as the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from svahub.commands import Action
from svahub.models import BlockScope, Observed, RemoteUser
from svahub.testing.contract.agreement import GONE
from svahub.testing.contract.reads import STRIKES, WHOLE, Read, struck
from svahub.testing.contract.verdict import hold
from svahub.testing.grades import Level, about, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.faults import Fault

AS_THEY_ARE = "say of each user what the provider has: reference, status (CANCELLED of who has ended) and plans"

FEWEST = 5


@theme("listing", Level.GOLD, "list_users")
class Listing:
    """What reconciling believes."""

    def test_everybody_is_listed_once_as_they_are(self, svahub_isp: Isp) -> None:
        """Over several pages, with one who is blocked and one who has ended."""
        small = few(svahub_isp)
        since = len(small.visits())
        listed = small.calling(lambda opened: list(opened.relay.list_users(None)))
        live = [user for user in listed if _has_something(small, user)]
        there = {user.remote_id: user for user in small.simulator.people() if _has_something(small, user)}
        told = f"{len(live)} live users were listed, the provider has {len(there)}"
        visits = small.visits(since)
        hold(len({user.remote_id for user in listed}) == len(listed), "nobody twice", told, WHOLE, visits)
        hold({user.remote_id for user in live} == there.keys(), "every live user", told, AS_THEY_ARE, visits)
        for user in live:
            theirs = _seen(small, there[user.remote_id])
            named = user.reference is not None or not any(one.reference for one in user.subscriptions)
            seen = _seen(small, user if named else replace(user, reference=there[user.remote_id].reference))
            said = f"{user.remote_id} is listed as {seen}"
            hold(seen == theirs, f"{theirs}", said, AS_THEY_ARE, visits)

    @pytest.mark.parametrize("status", [Observed.ACTIVE, Observed.BLOCKED], ids=str)
    def test_a_status_narrows_the_listing(self, svahub_isp: Isp, status: Observed) -> None:
        """Those of one status are those of all that have it."""
        small = few(svahub_isp)
        since = len(small.visits())
        whole, some = (
            small.calling(lambda opened, asked=asked: list(opened.relay.list_users(asked)))  # type: ignore[misc]
            for asked in (None, status)
        )
        expected = sorted(user.remote_id for user in whole if user.status is status)
        told = f"list_users({status}) brought {len(some)} users"
        mend = "bring exactly those whose status in the whole listing is the one that is asked for"
        hold(whole, "everybody", "the listing is empty", AS_THEY_ARE, small.visits(since))
        same = sorted(user.remote_id for user in some) == expected
        hold(same, f"{len(expected)} users", told, mend, small.visits(since))

    @pytest.mark.parametrize("fault", STRIKES, ids=str)
    def test_a_listing_brings_all_or_an_error(self, svahub_isp: Isp, fault: Fault) -> None:
        """Each call of the listing meets the fault."""
        small = few(svahub_isp)
        read = Read("list_users", "list_users", _listed)
        hold(len(read.brought(small)) > small.contract.page_rows, "several pages of users", "too few came", WHOLE)
        struck(small, read, fault)

    @about("listing", Level.GOLD, "list_users_after")
    def test_a_listing_goes_on_where_another_ended(self, svahub_isp: Isp) -> None:
        """All after each of the users."""
        small = few(svahub_isp)
        whole = _listed(small)
        for position, id in enumerate(whole):
            rest = small.calling(
                lambda opened, id=id: [user.remote_id for user in opened.relay.list_users_after(None, id)]  # type: ignore[misc]
            )
            told = f"after user {position + 1} of {len(whole)} it brought {len(rest)}"
            mend = "keep to the order of list_users, and begin behind the user that is named"
            hold(rest == whole[position + 1 :], f"the {len(whole) - position - 1} that follow", told, mend)


def _has_something(isp: Isp, user: RemoteUser) -> bool:
    """Whether somebody is live; who is kept with nothing left may be told of either way."""
    left = [one for one in user.subscriptions if one.status not in GONE]
    return user.status not in GONE and (bool(left) or not isp.simulator.keeps_people)


def few(isp: Isp) -> Isp:
    """Return an ISP at a simulator of its own with people for some pages, one of them blocked and one ended."""
    return isp.stand.kept("few", lambda: _peopled(isp))


def _peopled(isp: Isp) -> Isp:
    small = isp.stand.found()
    many = max(isp.contract.page_rows + 1, FEWEST)
    small.at_once = many
    people = small.people("one", many)
    people[1].block()
    people[2].ask(Action.CANCEL)
    small.settle(people)
    for person in people:
        person.agrees("the preparation of a listing")
    return small


def _listed(isp: Isp) -> list[str]:
    return isp.calling(lambda opened: [user.remote_id for user in opened.relay.list_users(None)])


def _seen(isp: Isp, user: RemoteUser) -> tuple[str | None, list[str]]:
    """Return what has to be told of somebody: whose it is, the level of the whole or of each, the plans."""
    left = [one for one in user.subscriptions if one.status not in GONE]
    whole = isp.stand.kind.block_scope is BlockScope.ACCOUNT
    levels = [user.status.value] if whole else sorted(one.status.value for one in left)
    return user.reference, levels + sorted(one.plan for one in left if one.plan)
