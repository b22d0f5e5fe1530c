"""What may happen to a household at any moment, and how often it does."""

from __future__ import annotations

from collections.abc import Callable

from svahub.models import Reason
from svahub.verbs import Action

from four.soak.town import AMONG, CAMERAS, Household, Town


def happen(town: Town) -> str:
    """Let something happen to one household; return what."""
    one = town.random.choice(town.households)
    events = PAYING if one.pays else OTHERS
    (event,) = town.random.choices(list(events), list(events.values()))
    event(town, one)
    return event.__name__


def block_or_unblock(town: Town, one: Household) -> None:
    """Let the staff block it, or unblock it."""
    if not one.gone:
        town.ask(Action.UNBLOCK if one.by_staff else Action.BLOCK, one, reason=Reason.STAFF)
        one.by_staff = not one.by_staff


def change_a_plan(town: Town, one: Household) -> None:
    """Let it take another plan of the doctor or of films, or the one that it has."""
    if not one.gone:
        item = town.random.choice(list(AMONG))
        integration, names = AMONG[item]
        one.plans[item] = town.random.choice(names)
        town.ask(Action.CHANGE, one, item, plan=town.plan(integration, one.plans[item]))


def change_its_cameras(town: Town, one: Household) -> None:
    """Let it have one to three cameras."""
    if not one.gone:
        one.cameras = town.random.randint(1, 3)
        town.ask(Action.CHANGE, one, CAMERAS, quantity=one.cameras)


def leave_or_return(town: Town, one: Household) -> None:
    """Let it cancel everything, or sign anew."""
    if not one.by_staff:
        town.ask(Action.ACTIVATE if one.gone else Action.CANCEL, one)
        one.gone = not one.gone


def owe_or_pay(town: Town, one: Household) -> None:
    """Let its charge be overdue at Asaas, or paid."""
    one.owes = not one.owes
    town.asaas.set_status(town.charges[one.id], "OVERDUE" if one.owes else "RECEIVED")


Event = Callable[[Town, Household], None]
PAYING: dict[Event, int] = {block_or_unblock: 2, change_a_plan: 1, change_its_cameras: 1, owe_or_pay: 4}
OTHERS: dict[Event, int] = {block_or_unblock: 4, change_a_plan: 2, change_its_cameras: 1, leave_or_return: 1}
"""How often something happens to those who pay, and to the others."""
