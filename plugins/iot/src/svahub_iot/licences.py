"""Licences at Olli, brought to a number or a status one by one: some may fail while others succeed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from svahub import Observed, RemoteSubscription
from svahub.errors import Conflict, NotFound, NotSent, ProviderError, Rejected
from svahub.extension.wire import Several, path

from svahub_iot import wire
from svahub_iot.units import NO_LONGER_WANTED, Roll, Status, Unit, planned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from svahub.client import ProviderClient

    from svahub_iot.settings import Routes

AT_ONCE = 25
"""So many licences are created in one step: others wait, and a crash leaves no more than a lookup soon tells of."""

_AS_KEPT = {Observed.ACTIVE: Status.ACTIVE, Observed.BLOCKED: Status.BLOCKED, Observed.CANCELLED: Status.INACTIVE}
_AS_SENT = {Status.ACTIVE: Observed.ACTIVE, Status.BLOCKED: Observed.BLOCKED}


class Licences:
    """The licences of one account at Olli."""

    def __init__(self, client: ProviderClient, routes: Routes) -> None:
        self._client, self._routes = client, routes

    def of(self, subscription: str) -> list[Unit]:
        """Return what Olli lists of a subscription; raises NotFound when that is not there."""
        route = path(self._routes.licences, subscription=subscription)
        found = self._client.get(route, returns=Several[wire.Licence]).whole
        return [_unit(one) for one in found if one.external_reference is not None]

    def create(self, subscription: str, unit: Unit, now: datetime) -> Unit:
        """Create a licence under its reference."""
        number = unit.reference.rpartition(":")[2].removeprefix("d")
        told = unit.description or f"Licença {number}"
        new = wire.NewLicence(external_reference=unit.reference, description=told, device=unit.device)
        made = self._client.post(path(self._routes.licences, subscription=subscription), new, returns=wire.Licence)
        return replace(
            unit, id=made.id, code=made.code, status=_as_kept(made.status), description=told, cause=None, made_at=now,
            changed_at=now,
        )  # fmt: skip

    def end(self, id: str) -> None:
        """End a licence for good; one that is not there any more is."""
        with suppress(NotFound):
            self._client.delete(path(self._routes.licence, licence=id))

    def set(self, unit: Unit, status: Status) -> Unit:
        """Block a licence, or make it active again; one that is not there any more is ended."""
        try:
            route = path(self._routes.licence, licence=str(unit.id))
            self._client.patch(route, wire.ChangedStatus(status=_AS_SENT[status]))
        except NotFound:
            return unit.ended()
        return replace(unit, status=status)


class Levelling:
    """One go at bringing a subscription's licences to what is wanted: the `roll` as it then is, and what `failed`."""

    def __init__(self, licences: Licences, subscription: str, roll: Roll, now: datetime) -> None:
        self._licences, self._subscription, self._now = licences, subscription, now
        self.roll, self.done = roll, 0
        self.failed: ProviderError | None = None
        self._stopped = False

    def to_number(self, wanted: int) -> None:
        """End what is too much, then create what is missing."""
        plan = planned(self.roll, wanted)
        for unit in plan.dropped:
            self.roll = self.roll.put(unit.ended(NO_LONGER_WANTED))
        self._each(plan.leaving, self._ended)
        self._end_twice()
        for unit in plan.coming:
            self.roll = self.roll.put(unit)
        self._each(plan.coming[:AT_ONCE], self._created)
        if len(plan.coming) > AT_ONCE and not self._stopped:
            self._stop(NotSent(f"{AT_ONCE} licences were created, the next ones follow"))

    def to_status(self, status: Status, *, all_of_them: bool = False) -> None:
        """Have every licence follow its subscription, where it did not by itself.

        `all_of_them`: nobody knows what the last call came to, so that a listing may tell of the time before it.
        """
        self._end_twice()
        units = self.roll.live if all_of_them else self.differing(status)
        self._each(units, lambda unit: self._licences.set(unit, status))

    def differing(self, status: Status) -> list[Unit]:
        """Return the licences that do not follow their subscription, which is this."""
        return [unit for unit in self.roll.live if (unit.status is Status.BLOCKED) is not (status is Status.BLOCKED)]

    def to_nothing(self) -> None:
        """End every licence."""
        self._end_twice()
        self._each(self.roll.live, self._ended)

    def _end_twice(self) -> None:
        for id in self.roll.twice:
            self._licences.end(id)
        self.roll = replace(self.roll, twice=())

    def _created(self, unit: Unit) -> Unit:
        return self._licences.create(self._subscription, unit, self._now)

    def _ended(self, unit: Unit) -> Unit:
        self._licences.end(str(unit.id))
        return unit.ended()

    def _each(self, units: Iterable[Unit], do: Callable[[Unit], Unit]) -> None:
        for unit in units:
            if not self._stopped:
                self._one(unit, do)

    def _one(self, unit: Unit, do: Callable[[Unit], Unit]) -> None:
        try:
            self.roll = self.roll.put(do(unit))
            self.done += 1
        except (Rejected, Conflict) as refused:
            self.roll = self.roll.put(replace(unit, cause=str(refused)))
            self.failed = self.failed or refused
        except ProviderError as error:
            self.roll = self.roll.put(replace(unit, cause=str(error)))
            self._stop(error)

    def _stop(self, error: ProviderError) -> None:
        self.failed, self._stopped = error, True


def _unit(licence: wire.Licence) -> Unit:
    return Unit(licence.external_reference or "", _as_kept(licence.status), licence.id, licence.code)


def _as_kept(status: Observed) -> Status:
    """Return a licence's status by our own letter; one that is being set up is pending."""
    return _AS_KEPT.get(status, Status.PENDING)


def told(roll: Roll, subscription: str, plan: str | None, status: Observed) -> RemoteSubscription:
    """Return a subscription in the core's words; its details are what `recorded` writes of each licence."""
    licences = [_details(unit) for unit in roll.units.values()]
    details = {"subscription": subscription, "licences": licences}
    there = len(roll.live) + len(roll.twice)
    return RemoteSubscription(plan, status, roll.key, subscription, there, details)


def _details(unit: Unit) -> dict[str, Any]:
    return {
        "reference": unit.reference,
        "status": unit.status,
        "id": unit.id,
        "code": unit.code,
        "device": unit.device,
        "description": unit.description,
        "cause": unit.cause,
    }
