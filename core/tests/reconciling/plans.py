"""Plans of reconcile, applied, and an account that is being driven meanwhile: what their tests share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select
from svahub import Observed
from svahub.lifecycle import Step
from svahub.plans import Guard
from svahub.store.tables import attempts, subscriptions

ANY = Guard(1000, 100)
BLOCKED = Observed.BLOCKED


def applied(here: Any, plan: Any = None, **more: Any) -> Any:
    """Apply a plan, a new one if none is given, whatever it takes away."""
    plan = plan or here.run()
    return here.office.reconciling.apply(str(plan.plan), actor="ana", **({"guard": ANY} | more))


def begin(here: Any, contract: str) -> None:
    """Leave an attempt open, as a worker does while it calls."""
    view = here.isp.of(contract)
    with here.office.hub.store.write() as connection:
        key = connection.execute(select(subscriptions.c.account_key).where(subscriptions.c.key == view.key)).scalar()
        begun = {"account_key": key, "lease_number": 99, "tenant": "default", "subscription_key": view.key}
        more = {"step": Step.BLOCK, "generation": 1, "started_at": here.clock.now()}
        connection.execute(insert(attempts).values(begun | more))
