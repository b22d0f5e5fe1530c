"""What Tab completes beside commands and options: the names that the store and the plugins have.

Nothing is made, changed or asked of a provider for it; where there is no store yet, nothing is completed.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from svahub.cli.session import Session
from svahub.errors import SvahubError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import click

    from svahub.hub import Hub, TenantHub

    Complete = Callable[[click.Context, click.Parameter, str], list[str]]

SHOWN = 50
"""Nobody reads more than so many names."""


def _of_hub(names: Callable[[Hub], Iterable[str]]) -> Complete:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            with _opened(context) as hub:
                return _beginning(incomplete, names(hub)) if hub else []
        except SvahubError:  # a shell that waits for a word has no place for a sentence
            return []

    return complete


def _of_tenant(names: Callable[[TenantHub, str], Iterable[str]]) -> Complete:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        tenant = context.find_root().params["tenant"]
        return _of_hub(lambda hub: names(hub.tenant(tenant), incomplete))(context, parameter, incomplete)

    return complete


def _of_plugins(group: str) -> Complete:
    def complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        from svahub.installed import points

        return _beginning(incomplete, sorted({entry.name for entry in points(group)}))

    return complete


@contextmanager
def _opened(context: click.Context) -> Iterator[Hub | None]:
    """Open the store that the options before the incomplete word chose, as it is; None: there is none."""
    from svahub.hub import Hub

    root = context.find_root()
    with Session(root.params["database"], root.params["tenant"], root.obj) as session:
        url = session.store.url
        is_there = session.store.dialect != "sqlite" or Path(url.database or "").exists()
        yield Hub(session.store) if is_there else None


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return list(islice((name for name in names if name.startswith(incomplete)), SHOWN))


tenants = _of_hub(lambda hub: (row.name for row in hub.tenants()))
campaigns = _of_tenant(lambda office, _: (str(row.campaign) for row in office.campaigns.list()))
contracts = _of_tenant(lambda office, begun: office.contracts.beginning(begun, SHOWN))
integrations = _of_tenant(lambda office, _: (row.name for row in office.bench.integrations()))
plans = _of_tenant(lambda office, _: dict.fromkeys(row.remote_id for row in office.catalogue.plans()))
products = _of_tenant(lambda office, _: (row.code for row in office.catalogue.links()))
reconciliations = _of_tenant(lambda office, _: (str(row.plan) for row in office.reconciling.list()))
sources = _of_tenant(lambda office, _: (row.name for row in office.sources.list()))
targets = _of_tenant(lambda office, _: (row.name for row in office.outbox.list()))
acts = _of_plugins("svahub.demos")
product_types = _of_plugins("svahub.product_types")
providers = _of_plugins("svahub.providers")
schedules = _of_plugins("svahub.schedules")
simulators = _of_plugins("svahub.simulators")
source_types = _of_plugins("svahub.sources")
