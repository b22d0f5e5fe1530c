"""`/metrics` for Prometheus: read from the store when it is asked, so that it is the same from every process."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.responses import Response

from svahub import presence
from svahub.store import StoreUnavailable, breakers, inbox, messages, metrics, sales, targets
from svahub.store.states import BreakerState, IntegrationState, RunnerName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from prometheus_client.metrics_core import Metric
    from sqlalchemy import Connection
    from starlette.requests import Request

    from svahub.store import Store
    from svahub.store.queue import Lane

LANE = ("tenant", "integration")
TARGET = ("tenant", "target")
BREAKER = {BreakerState.CLOSED: 0, BreakerState.OPEN: 1, BreakerState.PROBING: 2}


class Metrics:
    """Answers for one store."""

    def __init__(self, store: Store) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(StoreCollector(store))

    def show(self, _request: Request) -> Response:
        """Return what is counted now; 503 while the store cannot be read."""
        try:
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
        except StoreUnavailable as error:
            raise HTTPException(503, "The store cannot be read now.") from error


class StoreCollector(Collector):
    """Everything in the store that is worth watching; no label is about a person or a product."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> Iterator[Metric]:
        """Return nothing: the names are known once the store is read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read the store once."""
        with self._store.read() as connection:
            now = self._store.now(connection)
            yield from (_operations(connection), *_queue(connection, now), *_integrations(connection))
            yield from (_exchanges(connection), _tasks(connection), *_inbox(connection, now))
            yield from _outbox(connection, now)
            yield _workers(connection, now)


def _operations(connection: Connection) -> Metric:
    family = GaugeMetricFamily("svahub_operations", "Operations.", labels=("tenant", "verb", "outcome"))
    for tenant, verb, outcome, count in metrics.operations_by(connection):
        family.add_metric([tenant, verb.value, outcome.value], count)
    return family


def _queue(connection: Connection, now: datetime) -> Iterator[Metric]:
    length = GaugeMetricFamily("svahub_queue_accounts", "Accounts that are due.", labels=LANE)
    age = GaugeMetricFamily("svahub_queue_age_seconds", "Since when the first of them is due.", labels=LANE)
    for due in metrics.due(connection, now):
        length.add_metric([*_labels(due.lane)], due.accounts)
        age.add_metric([*_labels(due.lane)], (now - due.oldest).total_seconds())
    subscriptions = GaugeMetricFamily("svahub_subscriptions", "Subscriptions.", labels=(*LANE, "phase"))
    for (tenant, name, phase), count in sales.phase_counts(connection).items():
        subscriptions.add_metric([tenant, name, phase.value], count)
    return iter((length, age, subscriptions))


def _integrations(connection: Connection) -> Iterator[Metric]:
    family = GaugeMetricFamily("svahub_integration_quarantined", "1 where credentials are refused.", labels=LANE)
    told = "0 where the provider answers, 1 where it answers nobody, 2 while it is probed."
    breaker, silent = GaugeMetricFamily("svahub_breaker_state", told, labels=LANE), breakers.every(connection)
    for lane, state in metrics.states(connection):
        if state is not IntegrationState.REMOVED:
            family.add_metric([*_labels(lane)], state is IntegrationState.QUARANTINED)
            breaker.add_metric([*_labels(lane)], BREAKER[silent[lane].state if lane in silent else BreakerState.CLOSED])
    yield from (family, breaker)


def _exchanges(connection: Connection) -> Metric:
    told = "Calls to providers, by the status of the answer; 0: there was none."
    family = CounterMetricFamily("svahub_exchanges", told, labels=(*LANE, "status"))
    for lane, status, count in metrics.exchanges(connection):
        family.add_metric([*_labels(lane), str(status)], count)
    return family


def _tasks(connection: Connection) -> Metric:
    family = GaugeMetricFamily("svahub_tasks", "Tasks that are not at rest.", labels=(*LANE, "phase"))
    for lane, phase, count in metrics.tasks_by(connection):
        family.add_metric([*_labels(lane), phase.value], count)
    return family


def _inbox(connection: Connection, now: datetime) -> Iterator[Metric]:
    kept = GaugeMetricFamily("svahub_inbox_deliveries", "Deliveries that are kept.", labels=(*LANE, "state"))
    for (lane, state), count in inbox.counts(connection).items():
        kept.add_metric([*_labels(lane), state.value], count)
    lag = GaugeMetricFamily("svahub_inbox_lag_seconds", "Since when the first waits to be read.", labels=LANE)
    for lane, waiting in inbox.waiting(connection).items():
        lag.add_metric([*_labels(lane)], (now - waiting).total_seconds())
    return iter((kept, lag))


def _outbox(connection: Connection, now: datetime) -> Iterator[Metric]:
    untold = GaugeMetricFamily("svahub_outbox_messages", "Messages that were not taken.", labels=(*TARGET, "state"))
    lag = GaugeMetricFamily("svahub_outbox_lag_seconds", "Since when the first waits to be taken.", labels=TARGET)
    tries = CounterMetricFamily("svahub_outbox_tries", "Tries to tell another system.", labels=(*TARGET, "outcome"))
    tallies = messages.tallies(connection)
    for row in targets.every(connection):
        tally = tallies.get((row.tenant, row.name), messages.Tally())
        for state in ("waiting", "failing", "parked"):
            untold.add_metric([row.tenant, row.name, state], getattr(tally, state))
        lag.add_metric([row.tenant, row.name], (now - tally.oldest).total_seconds() if tally.oldest else 0)
        for outcome, count in (("delivered", row.sent), ("failed", row.failed)):
            tries.add_metric([row.tenant, row.name, outcome], count)
    return iter((untold, lag, tries))


def _workers(connection: Connection, now: datetime) -> Metric:
    family = GaugeMetricFamily("svahub_workers", "Workers that live.", labels=("runner",))
    counts = Counter(view.runner for view in presence.living(connection, now))
    for runner in RunnerName:
        family.add_metric([runner.value], counts[runner])
    return family


def _labels(lane: Lane) -> tuple[str, str]:
    return lane.tenant, lane.integration
