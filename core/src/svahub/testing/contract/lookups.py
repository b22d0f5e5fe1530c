"""Looking one user up, and what else only reads: ours by our reference, nobody as None, and no failed look as empty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from svahub.models import Deduplication, Observed, RemoteUser, Subscription
from svahub.testing.contract.reads import READS, STRIKES, Read, struck
from svahub.testing.contract.verdict import broken, hold
from svahub.testing.grades import Level, about, theme

if TYPE_CHECKING:
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.person import Person
    from svahub.testing.faults import Fault

OURS = "look first by `subscription.account.key` or `subscription.key`, and by the document only where that brings none"
NOBODY = "return None when the provider answered and has no such user; raise whatever else a look ends in"
AS_IS = "return the status that the provider has, and our subscription among the user's, under its key"


@theme("lookups", Level.SILVER, "find_user")
class Lookups:
    """What the core believes after an answer was lost."""

    def test_ours_is_found_by_our_reference(self, svahub_isp: Isp) -> None:
        """The document at the ISP was mended since: our reference still tells whose it is."""
        person, other = svahub_isp.people("one", 2)
        subscription = unknown(person.subscription())
        if svahub_isp.stand.kind.deduplication is Deduplication.REFERENCE:
            subscription = named(subscription, document=svahub_isp.person().document)
        since = len(svahub_isp.visits())
        found = look(svahub_isp, subscription)
        told = f"it brought {'nobody' if found is None else 'somebody else'}"
        ours = found is not None and found.remote_id == person.remote_id
        hold(ours, "the user with our reference", told, OURS, svahub_isp.visits(since))
        _held(svahub_isp, found, person, Observed.ACTIVE, since)
        hold(other.remote_id != person.remote_id, "a user for each person", "two have one", OURS)

    def test_one_that_is_blocked_is_found_as_blocked(self, svahub_isp: Isp) -> None:
        """A look tells the level."""
        (person,) = svahub_isp.people("blocked")
        since = len(svahub_isp.visits())
        _held(svahub_isp, look(svahub_isp, person.subscription()), person, Observed.BLOCKED, since)

    def test_nobody_is_found_as_none(self, svahub_isp: Isp) -> None:
        """Somebody who never had anything is not there, though others are."""
        (person,) = svahub_isp.people("one")
        stranger = named(
            replace(unknown(person.subscription()), key=str(uuid4())),
            key=str(uuid4()),
            document=svahub_isp.person().document,
        )
        since = len(svahub_isp.visits())
        found = look(svahub_isp, stranger)
        hold(found is None, "None", f"it brought user {found and found.remote_id}", NOBODY, svahub_isp.visits(since))
        hold(len(svahub_isp.visits()) > since, "a look at the provider", "no call was made", NOBODY)

    @pytest.mark.parametrize("fault", STRIKES, ids=str)
    def test_a_failed_look_is_not_an_empty_one(self, svahub_isp: Isp, fault: Fault) -> None:
        """Each call of a look meets the fault."""
        (person,) = svahub_isp.keep("looked up", "one")
        subscription = unknown(person.subscription())
        read = Read("find_user", "find_user", lambda isp: _id(look(isp, subscription)))
        hold(read.brought(svahub_isp), "the user", "the look brought nobody", OURS)
        struck(svahub_isp, read, fault)

    @about("faults", Level.SILVER)
    @pytest.mark.parametrize("move", READS, ids=str)
    @pytest.mark.parametrize("fault", STRIKES, ids=str)
    def test_a_read_brings_all_or_an_error(self, svahub_isp: Isp, move: Read, fault: Fault) -> None:
        """Each call of what only reads meets the fault."""
        _ = svahub_isp.plans
        struck(svahub_isp, move, fault)


def look(isp: Isp, subscription: Subscription) -> RemoteUser | None:
    """Look a user up past the core."""
    return isp.calling(lambda opened: opened.relay.find_user(subscription))


def unknown(subscription: Subscription) -> Subscription:
    """Return a subscription whose create's answer was lost: no id of the provider is known."""
    account = replace(subscription.account, remote_id=None)
    return replace(subscription, account=account, remote_id=None, siblings=(), applied=None)


def named(subscription: Subscription, key: str | None = None, **customer: Any) -> Subscription:
    """Return a subscription of another account, or of a customer with other data."""
    account = subscription.account
    other = replace(account, key=key or account.key, customer=replace(account.customer, **customer))
    return replace(subscription, account=other)


def _id(user: RemoteUser | None) -> str | None:
    return user.remote_id if user else None


def _held(isp: Isp, found: RemoteUser | None, person: Person, status: Observed, since: int) -> None:
    if found is None:
        broken("the user", "find_user brought nobody", OURS, isp.visits(since))
    ours = found.subscription(person.views[0].key)
    told = f"find_user told of {ours.status if ours else 'no subscription with our key'}"
    hold(ours is not None and ours.status is status, f"{status}, under our key", told, AS_IS, isp.visits(since))
