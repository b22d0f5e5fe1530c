"""Which of a remote user's plans is taken for whose, where the provider keeps no reference of some."""

from __future__ import annotations

from svahub import (
    Account,
    Customer,
    Desired,
    DocumentKind,
    Observed,
    Plan,
    RemoteSubscription,
    RemoteUser,
    Subscription,
)
from svahub.extension.attribution import attributed
from svahub.models import Applied

ACCOUNT = Account("account", Customer("1", "Ana Exemplo", "11144477735", DocumentKind.CPF), "usr_1")


def sold(key: str, wanted: str, applied: str, *siblings: Subscription) -> Subscription:
    return Subscription(
        key, f"C-{key}", "1", "tv", ACCOUNT, Desired.ACTIVE, Observed.ACTIVE,
        plan=Plan(wanted, wanted), applied=Applied(plan=applied), siblings=siblings,
    )  # fmt: skip


def own_plan(subscription: Subscription, *plans: tuple[str, str | None]) -> str | None:
    """Return the plan of the user's that is taken for the subscription's."""
    held = tuple(RemoteSubscription(plan, Observed.ACTIVE, reference) for plan, reference in plans)
    entry = attributed(RemoteUser("usr_1", Observed.ACTIVE, "account", held), subscription).subscription(
        subscription.key
    )
    return entry.plan if entry else None


def test_a_plan_that_a_sibling_has_does_not_hide_the_old_one_that_was_not_taken_away() -> None:
    changed = sold("a", "new", "old", sold("b", "new", "new"))
    assert own_plan(changed, ("old", None), ("new", "b")) == "old"


def test_a_plan_that_a_sibling_has_is_shared_once_the_old_one_is_gone() -> None:
    changed = sold("a", "new", "old", sold("b", "new", "new"))
    assert own_plan(changed, ("new", "b")) == "new"


def test_the_new_plan_counts_before_the_old_one_where_nobody_shares_it() -> None:
    assert own_plan(sold("a", "new", "old"), ("old", None), ("new", None)) == "new"


def test_what_bears_our_reference_is_ours() -> None:
    assert own_plan(sold("a", "new", "old", sold("b", "other", "other")), ("other", "b"), ("old", "a")) == "old"
