"""Where an item would be sold: its product's link, the integration, the plan; and what stands against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import Connection

from svahub.errors import Refused
from svahub.intake import ContractRow, ItemRow
from svahub.models import Aspect, DocumentKind
from svahub.registry import ProviderKind, Registry
from svahub.store import catalogue, integrations
from svahub.store.rows import IntegrationRow, LinkRow, PlanRow


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of one tenant: links by product code, integrations by name, plans by integration and remote id."""

    links: Mapping[str, LinkRow]
    integrations: Mapping[str, IntegrationRow]
    plans: Mapping[tuple[str, str], PlanRow]
    kinds: Mapping[str, ProviderKind]

    @classmethod
    def of(cls, connection: Connection, tenant: str, registry: Registry) -> Routes:
        """Read a tenant's routes; a provider that is missing or broken objects to nothing."""
        rows = {row.name: row for row in integrations.of_tenant(connection, tenant)}
        plans = {(p.integration, p.remote_id): p for p in catalogue.all_plans(connection, tenant)}
        links = {link.code: link for link in catalogue.links(connection, tenant)}
        return cls(links, rows, plans, dict(_kinds(rows, registry)))

    def objections(self, contract: ContractRow) -> Iterator[tuple[str, str]]:
        """Return column and reason of all that keeps a contract's items from being sold as the file says."""
        person = DocumentKind.CPF if len(contract.customer.document) == 11 else DocumentKind.CNPJ
        for item in contract.items:
            link = self.links.get(item.product_code)
            if link is not None:
                yield from self._item(item, link, person)

    def _item(self, item: ItemRow, link: LinkRow, person: DocumentKind) -> Iterator[tuple[str, str]]:
        name = item.integration or link.integration
        row = self.integrations.get(name)
        if row is None:
            yield "integration", _unknown("integration", name, self.integrations)
            return
        if self._is_source(name):
            yield "integration", f"{name!r} is a source of contracts: nothing is sold there"
            return
        plan = item.plan or (link.plan if name == link.integration else None)
        yield from self._plan(name, plan, named=item.plan is not None)
        kind = self.kinds.get(name)
        if kind is not None:
            yield from declined(kind, item.quantity, person)

    def _is_source(self, integration: str) -> bool:
        kind = self.kinds.get(integration)
        return kind is not None and kind.is_source

    def _plan(self, integration: str, plan: str | None, *, named: bool) -> Iterator[tuple[str, str]]:
        if plan is None and self._offered(integration):
            yield "plan", f"the item names no plan of {integration!r}, nor does its product's link"
        elif plan is not None and named and (integration, plan) not in self.plans:
            yield "plan", _unknown(f"plan of {integration!r}", plan, self._offered(integration))

    def _offered(self, integration: str) -> list[str]:
        return [remote_id for name, remote_id in self.plans if name == integration]


def declined(kind: ProviderKind, quantity: int, person: DocumentKind) -> Iterator[tuple[str, str]]:
    """Return what a provider can never do of an item, so that it is refused when it is asked for."""
    if quantity != 1 and Aspect.QUANTITY not in kind.changes:
        yield "quantity", f"{kind.title} sells one for each subscription, not {quantity}"
    if person not in kind.documents:
        takes = " or ".join(sorted(d.value.upper() for d in kind.documents))
        yield (
            "customer_document",
            f"{kind.title} takes customers with {takes}, and this one has a {person.value.upper()}",
        )


def _kinds(rows: Mapping[str, IntegrationRow], registry: Registry) -> Iterator[tuple[str, ProviderKind]]:
    for name, row in rows.items():
        try:
            yield name, registry.provider(row.provider)
        except Refused:
            continue


def _unknown(what: str, name: str, known: Mapping[str, object] | list[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
