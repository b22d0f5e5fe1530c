"""What a plan of reconciling saw of ours: when it is applied, that must be the same. Pure."""

from __future__ import annotations

from typing import Any

from svahub.store.rows import AccountRow, SubscriptionRow


def saw(row: SubscriptionRow, account: AccountRow) -> dict[str, Any]:
    """Return what of a subscription a plan goes by: when it is applied, this must be the same."""
    given = row.what_was_applied()
    return {
        "generation": row.generation,
        "observed": row.observed.value,
        "plan given": given.plan if given else None,
        "quantity given": given.quantity if given else None,
        "remote id": row.remote_id,
        "user": account.remote_id,
    }


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return in sentences what of a subscription is not as it was seen."""
    return [
        f"{name} was {_told(was)}, is {_told(now.get(name))}" for name, was in before.items() if was != now.get(name)
    ]


def _told(value: Any) -> str:
    return "none" if value is None else str(value)
