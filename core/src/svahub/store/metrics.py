"""What is counted for those who watch an installation from outside: by tenant and integration, never by person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from svahub.store.queue import Lane
from svahub.store.states import IntegrationState, Outcome, Phase, Verb
from svahub.store.tables import accounts, integrations, operations, tallies, tasks


class Due(NamedTuple):
    """How many accounts of an integration are due and held by nobody, and since when the first of them is."""

    lane: Lane
    accounts: int
    oldest: datetime


def operations_by(connection: Connection) -> Iterator[tuple[str, Verb, Outcome, int]]:
    """Count operations by tenant, verb and outcome."""
    c = operations.c
    query = select(c.tenant, c.verb, c.outcome, func.count()).group_by(c.tenant, c.verb, c.outcome)
    return ((tenant, verb, outcome, count) for tenant, verb, outcome, count in connection.execute(query))


def due(connection: Connection, now: datetime) -> Iterator[Due]:
    """Return the length and the age of the queue of each integration that has one."""
    c = accounts.c
    query = select(c.tenant, c.integration, func.count(), func.min(c.due_at)).where(c.due_at <= now)
    for tenant, name, count, oldest in connection.execute(query.group_by(c.tenant, c.integration)):
        yield Due(Lane(tenant, name), count, oldest)


def states(connection: Connection) -> Iterator[tuple[Lane, IntegrationState]]:
    """Return whether each integration may be called."""
    c = integrations.c
    for tenant, name, state in connection.execute(select(c.tenant, c.name, c.state)):
        yield Lane(tenant, name), state


def exchanges(connection: Connection) -> Iterator[tuple[Lane, int, int]]:
    """Return how often each integration was called, by the status of the answer; 0: there was none."""
    c = tallies.c
    for tenant, name, status, count in connection.execute(select(c.tenant, c.integration, c.status, c.exchanges)):
        yield Lane(tenant, name), status, count


def tasks_by(connection: Connection) -> Iterator[tuple[Lane, Phase, int]]:
    """Count the tasks that are not at rest, by what they wait for."""
    c = tasks.c
    query = select(c.tenant, c.integration, c.phase, func.count()).where(c.phase != Phase.SETTLED)
    for tenant, name, phase, count in connection.execute(query.group_by(c.tenant, c.integration, c.phase)):
        yield Lane(tenant, name), phase, count
