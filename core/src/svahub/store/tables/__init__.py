"""Every table of the core. A row never lacks its tenant, but for those of workers; a constraint never lacks its name.

Queries live beside this package, one file for each part of the business; migrations are frozen copies of it.
"""

from __future__ import annotations

from svahub.store.tables.books import (
    attempts,
    audit,
    chains,
    events,
    exchanges,
    idempotency_keys,
    operations,
)
from svahub.store.tables.breakers import breakers, paces
from svahub.store.tables.campaigns import campaign_rows, campaigns
from svahub.store.tables.columns import metadata
from svahub.store.tables.debts import debt_exemptions, debt_policies, debts
from svahub.store.tables.doors import api_keys, inbox, tallies
from svahub.store.tables.duties import retention, schedules
from svahub.store.tables.offers import activation_links, terms
from svahub.store.tables.outbox import outbox, outbox_lines, outbox_targets, standings
from svahub.store.tables.reconciling import differences, invoice_layouts, listed_users, reconciliations
from svahub.store.tables.sales import (
    accounts,
    block_reasons,
    contracts,
    customers,
    integrations,
    items,
    plans,
    product_links,
    subscriptions,
    tenants,
)
from svahub.store.tables.sources import happenings, rejected_contracts, sources, unplaced_debts
from svahub.store.tables.tasks import task_attempts, tasks
from svahub.store.tables.tokens import tokens
from svahub.store.tables.workers import workers

__all__ = [
    "accounts",
    "activation_links",
    "api_keys",
    "attempts",
    "audit",
    "block_reasons",
    "breakers",
    "campaign_rows",
    "campaigns",
    "chains",
    "contracts",
    "customers",
    "debt_exemptions",
    "debt_policies",
    "debts",
    "differences",
    "events",
    "exchanges",
    "happenings",
    "idempotency_keys",
    "inbox",
    "integrations",
    "invoice_layouts",
    "items",
    "listed_users",
    "metadata",
    "operations",
    "outbox",
    "outbox_lines",
    "outbox_targets",
    "paces",
    "plans",
    "product_links",
    "reconciliations",
    "rejected_contracts",
    "retention",
    "schedules",
    "sources",
    "standings",
    "subscriptions",
    "tallies",
    "task_attempts",
    "tasks",
    "tenants",
    "terms",
    "tokens",
    "unplaced_debts",
    "workers",
]
