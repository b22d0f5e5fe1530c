"""State machines on both databases: every example begins with an empty store that is ready."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from sqlalchemy import inspect, text
from svahub.store import Store, versions

USUAL = settings(deadline=None, suppress_health_check=list(HealthCheck))


class Stored:
    """A machine, or part of one, whose examples each ask for a store."""

    def fresh_url(self, folder: Path) -> str:
        """Return an empty store's address; `folder` is the example's own."""
        raise NotImplementedError


M = TypeVar("M", bound=Stored)


def on_file(machine: type[M], template: Path) -> type[M]:
    """Return a machine on SQLite, every example with a copy of a store."""

    def fresh_url(_self: Stored, folder: Path) -> str:
        return f"sqlite:///{shutil.copy(template, folder)}"

    return type("OnFile", (machine,), {"fresh_url": fresh_url})


def on_server(machine: type[M], url: str) -> type[M]:
    """Return a machine on a database that every example finds empty."""

    def fresh_url(_self: Stored, _folder: Path) -> str:
        store = Store(url)
        versions.ready(store)
        _empty(store)
        store.close()
        return url

    return type("OnServer", (machine,), {"fresh_url": fresh_url})


def _empty(store: Store) -> None:
    with store.write() as connection:
        names = inspect(connection).get_table_names()
        filled = ", ".join(name for name in names if not name.startswith("alembic_version"))
        connection.execute(text(f"TRUNCATE {filled} CASCADE"))
