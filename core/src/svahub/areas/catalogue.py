"""Plans as providers offer them, and which product codes they serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid5

from sqlalchemy import Connection

from svahub import entries
from svahub.areas.bench import REGISTER, Bench
from svahub.errors import OutcomeUnknown, Refused, UnknownName
from svahub.intentions import NAMESPACE
from svahub.models import Plan, PlanDraft
from svahub.store import catalogue, integrations, journal
from svahub.store.rows import LinkRow, PlanRow
from svahub.store.states import AuditKind
from svahub.telling import of_retired


@dataclass(frozen=True, slots=True)
class Synced:
    """What reading a catalogue changed, as remote ids."""

    integration: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class Linked:
    """A product's new link, and how many items of the product wait to be sold."""

    link: LinkRow
    unserved_items: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The plans and products of one tenant."""

    bench: Bench

    def sync(self, integration: str, *, dry_run: bool = False) -> Synced:
        """Read a provider's whole catalogue and keep what changed.

        A listing that fails or ends early raises its ProviderError and changes nothing.
        """
        with self.bench.calling(integration) as opened:
            listed = {plan.remote_id: plan for plan in opened.relay.sync_plans()}
        with self.bench.store.write() as connection:
            there = {p.remote_id: p for p in catalogue.all_plans(connection, self.bench.tenant, integration)}
            now = self.bench.store.now(connection)
            synced, new, changed = _compared(integration, listed, there, now)
            if not dry_run:
                catalogue.add_plans(connection, [self._row(integration, plan, now) for plan in new])
                catalogue.change_plans(connection, changed)
                self._tell_of(connection, integration, [row for row in changed if row.remote_id in synced.retired])
                self._record_sync(connection, synced)
        return synced

    def _record_sync(self, connection: Connection, synced: Synced) -> None:
        told: dict[str, Any] = {name: len(getattr(synced, name)) for name in ("added", "changed", "retired")}
        if any(told.values()):
            subject = entries.of_integration(synced.integration)
            self.bench.record(connection, AuditKind.COMMAND, "plans sync", subject, **told)

    def _tell_of(self, connection: Connection, integration: str, retired: list[PlanRow]) -> None:
        if retired:
            tenant, ids = self.bench.tenant, [plan.remote_id for plan in retired]
            told = of_retired(retired, catalogue.live_by_plan(connection, tenant, integration, ids))
            journal.tell(connection, tenant, self.bench.store.now(connection), told)

    def _row(self, integration: str, plan: Plan, now: datetime) -> dict[str, object]:
        return {
            "tenant": self.bench.tenant,
            "integration": integration,
            "remote_id": plan.remote_id,
            "name": plan.name,
            "description": plan.description,
            "price": plan.price,
            "version": 1,
            "retired_at": None if plan.active else now,
            "synced_at": now,
        }

    def plans(self, integration: str | None = None) -> list[PlanRow]:
        """Return the catalogue, of one integration if named."""
        if integration is not None:
            self.bench.integration(integration)
        with self.bench.store.read() as connection:
            return catalogue.all_plans(connection, self.bench.tenant, integration)

    def page(self, after: tuple[str, str], limit: int, *, integration: str | None = None) -> Sequence[PlanRow]:
        """Return the first plans that follow an integration and a remote id."""
        with self.bench.store.read() as connection:
            return catalogue.plans_after(connection, self.bench.tenant, after, limit, integration=integration)

    def create_plan(self, integration: str, name: str, description: str, price: Decimal) -> Plan:
        """Register a plan at the provider and keep it in the catalogue.

        Refused when the catalogue has a plan of that name already, so that a repeated command does not double it.
        """
        self.sync(integration)
        if any(p.name == name and p.retired_at is None for p in self.plans(integration)):
            raise Refused(f"{integration!r} offers a plan {name!r} already: see `svahub plans list`.")
        reference = str(uuid5(NAMESPACE, "\x1f".join(("plan", self.bench.tenant, integration, name))))
        try:
            with self.bench.calling(integration) as opened:
                plan = opened.relay.create_plan(PlanDraft(reference, name, description, price))
        except OutcomeUnknown as error:
            look = f"look first: svahub plans sync {integration}"
            raise OutcomeUnknown(f"It is not known whether the plan was registered; {look} ({error})") from error
        about: dict[str, Any] = {"plan": plan.remote_id, "title": name, "price": price}
        with self.bench.writing("plans create", entries.of_integration(integration), **about) as connection:
            now = self.bench.store.now(connection)
            catalogue.add_plans(connection, [self._row(integration, plan, now)])
        return plan

    def link(
        self, code: str, product_type: str, integration: str | None, plan: str | None, *, dry_run: bool = False
    ) -> Linked:
        """Say what serves a product from now on; what is sold already stays where it is.

        Checks the product type first, then the integration, then the plan; Refused names what there is.
        """
        providers = self.bench.registry.providers_of(product_type)
        row = self.bench.integration(self._only_integration(product_type, providers, integration))
        if row.provider not in providers:
            raise Refused(
                f"The integration {row.name!r} is of {row.provider}, which does not serve {product_type!r}; "
                f"{', '.join(providers)} does."
            )
        about: dict[str, Any] = {"product_type": product_type, "integration": row.name, "plan": plan}
        with self.bench.writing("products link", f"product {code}", dry_run=dry_run, **about) as connection:
            self._check_plan(connection, row.name, plan)
            link = LinkRow(self.bench.tenant, code, product_type, row.name, plan)
            catalogue.put_link(connection, link)
            unserved = catalogue.unserved_items(connection, self.bench.tenant, code)
        return Linked(link, unserved)

    def _only_integration(self, product_type: str, providers: tuple[str, ...], named: str | None) -> str:
        if named is not None:
            return named
        with self.bench.store.read() as connection:
            rows = [r.name for r in integrations.of_tenant(connection, self.bench.tenant) if r.provider in providers]
        if len(rows) == 1:
            return rows[0]
        if not rows:
            raise Refused(f"No integration serves {product_type!r} yet. {REGISTER}")
        raise Refused(f"Several integrations serve {product_type!r} ({', '.join(rows)}): name one with --integration.")

    def _check_plan(self, connection: Connection, integration: str, plan: str | None) -> None:
        there = {
            p.remote_id for p in catalogue.all_plans(connection, self.bench.tenant, integration) if not p.retired_at
        }
        if plan is not None and plan not in there:
            raise UnknownName(f"plan of {integration!r}", plan, there, f"Fresh: svahub plans sync {integration}")
        if plan is None and there:
            raise Refused(f"Name the plan of {integration!r} with --plan: {', '.join(sorted(there))}.")

    def links(self) -> list[LinkRow]:
        """Return every product link."""
        with self.bench.store.read() as connection:
            return catalogue.links(connection, self.bench.tenant)

    def unlink(self, code: str, *, dry_run: bool = False) -> None:
        """Forget a product's link; refused while subscriptions of the product live."""
        with self.bench.writing("products unlink", f"product {code}", dry_run=dry_run) as connection:
            if catalogue.link(connection, self.bench.tenant, code) is None:
                known = [link.code for link in catalogue.links(connection, self.bench.tenant)]
                raise UnknownName("linked product", code, known)
            live = catalogue.live_of_product(connection, self.bench.tenant, code)
            if live:
                raise Refused(f"{live} subscriptions of product {code!r} live: cancel them first.")
            catalogue.unlink(connection, self.bench.tenant, code)


def _compared(
    integration: str, listed: dict[str, Plan], there: dict[str, PlanRow], now: datetime
) -> tuple[Synced, list[Plan], list[PlanRow]]:
    new = [plan for id, plan in listed.items() if id not in there and plan.active]
    changed, retired = [], []
    for id, row in there.items():
        after = _brought_up(row, listed.get(id), now)
        if after.retired_at is not None and row.retired_at is None:
            retired.append(after)
        elif (after.version, after.retired_at) != (row.version, row.retired_at):
            changed.append(after)
    ids = [tuple(sorted(p.remote_id for p in group)) for group in (new, changed, retired)]
    unchanged = len(there) - len(changed) - len(retired)
    return Synced(integration, ids[0], ids[1], ids[2], unchanged), new, [*changed, *retired]


def _brought_up(row: PlanRow, plan: Plan | None, now: datetime) -> PlanRow:
    if plan is None or not plan.active:
        return replace(row, retired_at=row.retired_at or now, synced_at=now)
    told = (plan.name, plan.description, plan.price)
    version = row.version if told == (row.name, row.description, row.price) else row.version + 1
    return replace(
        row, name=plan.name, description=plan.description, price=plan.price,
        version=version, retired_at=None, synced_at=now,
    )  # fmt: skip
