"""Contracts that are signed, what is asked about them, and what is then wanted: what the tests of verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.models import Applied, Desired, Observed
from svahub.store import tables
from svahub.store.rows import applied_column
from svahub.store.states import Outcome, Phase
from svahub.verbs import Action, Command, Issued

if TYPE_CHECKING:
    from svahub.store.rows import SubscriptionRow

ACTIVE, BLOCKED, CANCELLED = Desired.ACTIVE, Desired.BLOCKED, Desired.CANCELLED
ONE = [{"code": "1", "product_code": "TM"}]
TWO = [*ONE, {"code": "2", "product_code": "TM", "plan": "clinic-2"}]
CAMERAS = [{"code": "1", "product_code": "CAM"}, {"code": "2", "product_code": "CAM"}]


def sign(office: TenantHub, id: str = "C1", items: list[dict[str, Any]] = ONE, **fields: Any) -> None:
    person = {"id": "ana", "name": "Pessoa Inventada", "document": "52998224725"}
    row = ContractRow.model_validate({"contract_id": id, "customer": person, "items": items, **fields})
    report = office.contracts.take_in([row])
    assert not report.errors


def ask(office: TenantHub, action: Action, contract: str = "C1", *, dry_run: bool = False, **more: Any) -> Issued:
    return office.verbs.issue(Command(action, contract, **more), dry_run=dry_run)


def settle(office: TenantHub, observed: Observed | None = None) -> None:
    """Let the provider follow, or have something else."""
    s, o = tables.subscriptions, tables.operations
    with office.hub.store.write() as connection:
        for row in connection.execute(select(s.c.key, s.c.desired, s.c.plan, s.c.quantity)).all():
            applied = applied_column(Applied(row.plan, row.quantity))
            values = {"observed": observed or Observed(row.desired), "phase": Phase.SETTLED, "applied": applied}
            connection.execute(update(s).where(s.c.key == row.key).values(values))
        connection.execute(update(o).where(o.c.outcome == Outcome.QUEUED).values(outcome=Outcome.SUCCEEDED))


def only(office: TenantHub, item: str = "1", id: str = "C1") -> SubscriptionRow:
    return office.subscriptions.one(f"{id}/{item}")


def sold(office: TenantHub, id: str = "C1") -> dict[tuple[str, int], Desired]:
    return {(s.item_code, s.sale): s.desired for s in office.subscriptions.list(contract=id)}


def operations(office: TenantHub) -> list[tuple[str, Outcome]]:
    return [(o.verb, o.outcome) for o in office.operations.list()]


def everything(office: TenantHub) -> dict[str, set[str]]:
    with office.hub.store.read() as connection:
        return {t.name: {str(r) for r in connection.execute(select(t))} for t in tables.metadata.sorted_tables}
