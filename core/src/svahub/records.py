"""Having plugins look into their own tables before a step, and note there what it came to: in the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from svahub.attempts import Work
from svahub.endings import Ending, Result
from svahub.errors import Partial, ProviderError
from svahub.extension import Transaction
from svahub.models import RemoteUser
from svahub.store.journal import Event
from svahub.store.states import Certainty, EventKind


def recalled(connection: Connection, work: Work, now: datetime) -> Work:
    """Return a step with what its plugin's tables hold that it needs, or with how the plugin failed to say."""
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
    """Tell plugins of steps that succeeded, if in part; return an alert for each that was not noted: it stands."""
    told = []
    for work, ending, result in kept:
        if ending.certainty in DONE and (error := _refusal(connection, work, _user_of(result), now)):
            told.append((work.lane.tenant, _alert(work, error)))
    return told


DONE = frozenset({Certainty.SUCCEEDED, Certainty.PARTIAL})


def _user_of(result: Result) -> RemoteUser | None:
    found = result.remote_user if isinstance(result, Partial) else result
    return found if isinstance(found, RemoteUser) else None


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
