"""Whether core and provider have the same of one person, and it is what is wanted: read at the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from svahub.errors import AlreadyExists
from svahub.models import Aspect, BlockScope, Desired, Observed, RemoteSubscription, RemoteUser
from svahub.store.states import State
from svahub.testing.contract.verdict import broken

if TYPE_CHECKING:
    from svahub.areas.subscriptions import SubscriptionView
    from svahub.testing.contract.person import Person, Trial

GONE = frozenset({Observed.CANCELLED, Observed.ABSENT})
SETTLE = (
    "raise what the call ended in (see svahub.errors): OutcomeUnknown where a write may have been applied, Unreachable "
    "where a read brought nothing; retry nothing yourself, and let NotFound of a cancel through"
)
ONCE = (
    "send our references (`subscription.account.key`, `subscription.key`), look nobody up by anything else for ours, "
    "and raise OutcomeUnknown for a create whose answer was lost: the core looks before it asks again, and then "
    "create_user takes up the user with our reference who is there, though nothing is sold to them"
)
TAKE_UP = (
    "have create_user take up the user who bears our reference (`subscription.account.key`) already: a create whose "
    "answer was lost made them, or they were cancelled. Look them up first, or read their id from the refusal, and "
    "sell to them; AlreadyExists is for somebody who bears no reference of ours"
)
LAST = "cancel ends the remote user with the last subscription, and before it only what no sibling has (live_siblings)"
SAME = "bring exactly what was asked: add the new before or instead of the old, take away what nobody has any more"
LEVEL = (
    "block and unblock set a level at the provider, of the whole user where block_scope is ACCOUNT, else of one item"
)


def agree(trial: Trial, views: Sequence[SubscriptionView], remote: Sequence[RemoteUser]) -> None:
    """Raise Broken unless what the core has (`views`) and what the provider has are the same, and what is wanted."""
    users = [user for user in remote if user.status not in GONE]
    wanted = [view for view in views if _is_to_be_there(view)]
    _settled(trial, views, _levels(trial.person, wanted), remote)
    _one_user(trial, wanted, users)
    if users:
        _same(trial, wanted, users[0])


def _is_to_be_there(view: SubscriptionView) -> bool:
    """Whether the provider is to have it: what was blocked before it was there is not made until it is unblocked."""
    never_made = view.desired is Desired.BLOCKED and view.observed is Observed.ABSENT
    return view.desired is not Desired.CANCELLED and not never_made


def _hold(trial: Trial, held: object, expected: str, found: str, mend: str) -> None:
    if not held:
        broken(expected, f"after {trial.told}, {found}", mend, trial.visits)


def _settled(
    trial: Trial, views: Sequence[SubscriptionView], level: dict[str, Observed], remote: Sequence[RemoteUser]
) -> None:
    """Nothing is left to do, but to wait where a sibling keeps the whole user from being blocked."""
    mend = TAKE_UP if _refuses_ours(trial, remote) else SETTLE
    for view in views:
        held = view.state is State.WAITING and level.get(view.key, view.desired.value) != view.desired.value
        told = f"{view.state}, wanted {view.desired}, seen {view.observed}; {view.cause or 'no cause'}"
        found = f"the subscription of {view.contract_id} is {told}"
        _hold(trial, held or view.state is State.SETTLED, "the core has settled it, by itself", found, mend)


def _refuses_ours(trial: Trial, remote: Sequence[RemoteUser]) -> bool:
    """Whether a create was refused because of the user that an earlier one made."""
    person = trial.person
    creates = [one for one in person.isp.heard(trial.since, person.account) if one.hook == "create_user"]
    refused = any(isinstance(one.error, AlreadyExists) for one in creates)
    return refused and any(user.reference == person.account for user in remote)


def _one_user(trial: Trial, wanted: Sequence[SubscriptionView], users: Sequence[RemoteUser]) -> None:
    person, many = trial.person, f"the provider has {len(users)} live users"
    if not wanted:
        kept = person.isp.simulator.keeps_people and len(users) <= 1
        _hold(trial, kept or not users, "none of somebody who has nothing any more", many, LAST)
        return
    _hold(trial, len(users) == 1, "exactly one of one person", many, ONCE if users else LAST)
    ours = users[0].reference in {None, person.account}
    _hold(trial, ours, "our reference for the account", "the provider's user bears another reference", ONCE)
    told = f"the core knows user {person.remote_id}, the provider has {users[0].remote_id}"
    mend = "return the provider's own id of the user as remote_id, read from its answer"
    _hold(trial, person.remote_id == users[0].remote_id, "the same id", told, mend)


def _same(trial: Trial, wanted: Sequence[SubscriptionView], user: RemoteUser) -> None:
    left = [one for one in user.subscriptions if one.status not in GONE]
    surplus, level = list(left), _levels(trial.person, wanted)
    for view in sorted(wanted, key=lambda view: view.desired is Desired.BLOCKED):
        found = _held_for(view, left, surplus)
        told = f"the provider has {len(found)} of what {view.contract_id} is sold"
        _hold(trial, len(found) == 1, "exactly one subscription under our reference, with its plan", told, SAME)
        surplus = [one for one in surplus if one is not found[0]]
        _one(trial, view, found[0], level[view.key])
    told = f"the provider has what nobody is sold: {[one.plan or one.reference for one in surplus]}"
    _hold(trial, not surplus, "nothing but what is sold", told, SAME)
    if trial.person.isp.stand.kind.block_scope is BlockScope.ACCOUNT and wanted:
        status = level[wanted[0].key]
        _hold(trial, user.status is status, f"the user is {status}", f"it is {user.status}", LEVEL)
    _contact(trial, user)


def _held_for(
    view: SubscriptionView, left: Sequence[RemoteSubscription], surplus: Sequence[RemoteSubscription]
) -> list[RemoteSubscription]:
    """Return what the provider has of a subscription: under our reference, else the plan without one, else the plan.

    One that is wanted blocked may have another plan yet, which nobody else has: a change waits for the unblock.
    """
    ours = [one for one in left if one.reference == view.key]
    unnamed = [one for one in left if one.plan == view.plan and one.reference is None]
    if view.desired is Desired.BLOCKED:
        unnamed = [one for one in unnamed if one in surplus] or list(surplus[:1]) or unnamed
    return ours or unnamed or [one for one in left if one.plan is not None and one.plan == view.plan]


def _levels(person: Person, wanted: Sequence[SubscriptionView]) -> dict[str, Observed]:
    """Return what each subscription should be at the provider: a whole user is blocked when all of it is."""
    own = {view.key: Observed(view.desired.value) for view in wanted}
    if person.isp.stand.kind.block_scope is BlockScope.SUBSCRIPTION:
        return own
    whole = Observed.BLOCKED if set(own.values()) == {Observed.BLOCKED} else Observed.ACTIVE
    return dict.fromkeys(own, whole)


def _one(trial: Trial, view: SubscriptionView, there: RemoteSubscription, level: Observed) -> None:
    _hold(trial, there.status is level, f"{level}", f"{view.contract_id} is {there.status} there", LEVEL)
    told = f"the core says {view.observed} of {view.contract_id}, the provider has {there.status}"
    mend = "raise whenever the provider does not say that it has done it; return only what it has"
    held = view.desired is Desired.BLOCKED and level is not Observed.BLOCKED  # by a sibling: nobody looks again for it
    agree = view.observed is there.status or (held and view.observed is Observed.UNKNOWN)
    _hold(trial, agree, "core and provider agree", told, mend)
    if view.desired is Desired.BLOCKED:
        return  # what else differs waits for the unblock
    told = f"the provider has plan {there.plan}, sold is {view.plan}"
    _hold(trial, there.plan in {None, view.plan}, "the plan that is sold", told, SAME)
    if there.quantity is not None and Aspect.QUANTITY in trial.person.isp.stand.kind.changes:
        mend = "send `subscription.quantity`, and bring a change of Aspect.QUANTITY to it"
        same = there.quantity == view.quantity
        _hold(trial, same, f"{view.quantity} of it", f"the provider has {there.quantity}", mend)
    _terms(trial, view, there)


def _terms(trial: Trial, view: SubscriptionView, there: RemoteSubscription) -> None:
    if "price" in there.details:
        price, charged = _price(trial.person, view), Decimal(there.details["price"])
        mend = "send `subscription.price`, else the plan's price for each of the quantity"
        _hold(trial, price in {None, charged}, f"{price} BRL", f"the provider charges {charged}", mend)
    if "due_day" in there.details and Aspect.DUE_DAY in trial.person.isp.stand.kind.changes:
        levels = trial.person.levels.values()
        day = next(level["due_day"] for level in levels if level["contract_id"] == view.contract_id)
        found = f"it is due on day {there.details['due_day']}"
        _hold(trial, there.details["due_day"] == day, f"day {day}", found, "send `subscription.due_day`")


def _price(person: Person, view: SubscriptionView) -> Decimal | None:
    if view.price is not None:
        return view.price
    plan = next((plan for plan in person.isp.plans if plan.remote_id == view.plan), None)
    return plan.price * view.quantity if plan and plan.price is not None else None


def _contact(trial: Trial, user: RemoteUser) -> None:
    person = trial.person
    if user.email is not None and (not person.changed or Aspect.CUSTOMER in person.isp.stand.kind.changes):
        mend = "send the customer's data with the user, and bring a change of Aspect.CUSTOMER to them"
        same = user.email == person.email
        _hold(trial, same, "the customer's data as they are now", "the provider has another e-mail address", mend)
