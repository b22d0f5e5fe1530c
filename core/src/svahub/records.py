"""Having plugins look into their own tables before a sale, and note there what a step came to: in the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from svahub.attempts import Work
from svahub.endings import Ending, Result
from svahub.errors import ProviderError
from svahub.extension import Transaction
from svahub.models import RemoteUser
from svahub.store.journal import Event
from svahub.store.states import Certainty, EventKind


def recalled(connection: Connection, work: Work, now: datetime) -> Work:
    """Return a sale with what its plugin's tables hold that it needs, or with how the plugin failed to say."""
    if not work.relay.can("recall"):
        return work
    row = work.opened.row
    try:
        with connection.begin_nested():
            kept = work.relay.recall(Transaction(connection, row.tenant, now, row.name), work.subscription)
    except ProviderError as error:
        return replace(work, broken=error)
    return replace(work, subscription=replace(work.subscription, kept=kept))


def note(connection: Connection, kept: Iterable[tuple[Work, Ending, Result]], now: datetime) -> list[tuple[str, Event]]:
    """Tell plugins of steps that succeeded; return an alert for each that could not note it: the result stands."""
    told = []
    for work, ending, result in kept:
        user = result if isinstance(result, RemoteUser) else None
        if ending.certainty is Certainty.SUCCEEDED and (error := _refusal(connection, work, user, now)):
            told.append((work.lane.tenant, _alert(work, error)))
    return told


def _refusal(connection: Connection, work: Work, user: RemoteUser | None, now: datetime) -> ProviderError | None:
    if not work.relay.can("recorded"):
        return None
    row = work.opened.row
    try:
        with connection.begin_nested():
            work.relay.recorded(Transaction(connection, row.tenant, now, row.name), work.subscription, user)
    except ProviderError as error:
        return error
    return None


def _alert(work: Work, error: ProviderError) -> Event:
    sentence = f"{work.opened.kind.title} did it, but its plugin could not note it ({error}): tell the plugin's author."
    row = work.row
    return Event(
        EventKind.ALERT, row.integration, row.contract_id, row.item_code, row.key, details={"sentence": sentence}
    )
