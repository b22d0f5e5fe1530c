"""The runner of several machines: PostgreSQL, and a worker that looks where Procrastinate's jobs say."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Self

from psycopg.conninfo import make_conninfo

from svahub.errors import Refused
from svahub.runners import jobs_schema
from svahub.runners.jobs import Jobs
from svahub.shards import Shards

if TYPE_CHECKING:
    from collections.abc import Collection

    from svahub.converge import Progress
    from svahub.hub import Hub
    from svahub.store import Store


class Procrastinated:
    """A worker that looks at shards."""

    def __init__(self, hub: Hub, *, threads: int, tenants: Collection[str], progress: Progress) -> None:
        _refuse_others(hub.store)
        jobs_schema.ready(hub.store)
        shards = Shards()
        self._failed: Exception | None = None
        self._jobs = Jobs(_conninfo(hub.store), " ".join(["svahub", *sorted(tenants)]), shards)
        self._thread = Thread(target=self._run_jobs, name="svahub-jobs", daemon=True)
        self._worker = hub.work(threads=threads, tenants=tenants, progress=progress, shards=shards)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._jobs.stop()
        self._thread.join()
        self._worker.close()

    def work_on(self) -> None:
        """Work on until told to stop."""
        self._worker.work_on()
        self._raise_failure()

    def drain(self) -> None:
        """Work until nothing is due any more, here or elsewhere."""
        self._worker.drain()
        self._raise_failure()

    def _run_jobs(self) -> None:
        try:
            self._jobs.run()
        except Exception as error:  # noqa: BLE001  # it is raised where somebody hears of it
            self._failed = error
            self._worker.stop()

    def _raise_failure(self) -> None:
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Ask it to take nothing more; safe in a signal handler."""
        self._worker.stop()


def _refuse_others(store: Store) -> None:
    if store.dialect != "postgresql":
        remedy = "Move the store: svahub db copy. Or work in this process alone: --runner in-process"
        raise Refused(f"Jobs are kept on PostgreSQL, and this store is {store.dialect}'s. {remedy}")


def _conninfo(store: Store) -> str:
    """Return where the store is, as libpq takes it."""
    _, where = store.engine.dialect.create_connect_args(store.url)
    return make_conninfo(**{name: value for name, value in where.items() if name != "context"})
