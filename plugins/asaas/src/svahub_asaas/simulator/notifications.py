"""The routes of notifications: each customer has eight, which can be changed, not created."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator.notification import FIXED, OFFSETS, SWITCHES, Notification, as_registered
from svahub_asaas.simulator.reading import Reading
from svahub_asaas.simulator.refusals import invalid, not_found
from svahub_asaas.simulator.writing import page

if TYPE_CHECKING:
    from svahub_asaas.simulator.account import Account


class Notifications:
    """Keeps how customers are told of their charges."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ids: dict[str, list[str]] = {}

    @route("GET", "/customers/{id}/notifications")
    def list_notifications(self, request: Request, id: str) -> Answer:
        """List a customer's notifications."""
        return page(request, self._of(id))

    @route("PUT", "/notifications/{id}")
    def change(self, request: Request, id: str) -> Answer:
        """Change one."""
        notification = _changed(self._there(id), Reading.of(request))
        return Answer(200, self._keep(notification).json())

    @route("PUT", "/notifications/batch")
    def change_several(self, request: Request) -> Answer:
        """Change several of one customer, all or none."""
        reading = Reading.of(request)
        asked = reading.body.get("notifications")
        if not isinstance(asked, list) or not asked:
            raise invalid("notifications", "O campo notifications deve ser informado")
        own = {notification.id: notification for notification in self._of(str(reading.body.get("customer")))}
        changed = [_changed_of(own, Reading(one)) for one in asked]
        return Answer(200, {"notifications": [self._keep(notification).json() for notification in changed]})

    def _of(self, customer: str) -> list[Notification]:
        if self._account.customers.true(customer) is None:
            raise not_found()
        if customer not in self._ids:
            made = [as_registered(self._account.new_id("not"), customer, event, offset) for event, offset in FIXED]
            self._ids[customer] = [self._keep(notification).id for notification in made]
        return [self._account.notifications[id] for id in self._ids[customer]]

    def _there(self, id: str) -> Notification:
        if id not in self._account.notifications:
            raise not_found()
        return self._account.notifications[id]

    def _keep(self, notification: Notification) -> Notification:
        self._account.notifications[notification.id] = notification
        return notification


def _changed_of(own: dict[str, Notification], reading: Reading) -> Notification:
    if reading.body.get("id") not in own:
        raise not_found()
    return _changed(own[reading.body["id"]], reading)


def _changed(before: Notification, reading: Reading) -> Notification:
    switches = tuple(reading.flag(name, switched) for name, switched in zip(SWITCHES, before.switches, strict=True))
    offset = reading.number("scheduleOffset", before.offset) or 0
    if offset != before.offset and offset not in OFFSETS.get(before.event, {0}):
        reading.wrong("scheduleOffset", "O campo scheduleOffset não é permitido para este evento.")
    reading.finish()
    return replace(before, offset=offset, switches=switches)
