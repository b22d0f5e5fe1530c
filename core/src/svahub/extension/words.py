"""The closed sets and the rows of the books that a plugin meets in what the hub hands it; how money is written."""

from svahub.areas.contracts import Whole
from svahub.brazil import reais
from svahub.store.rows import ContractRow, ItemRow, SubscriptionRow
from svahub.store.states import ContractStatus, Outcome, Priority, State

__all__ = [
    "ContractRow",
    "ContractStatus",
    "ItemRow",
    "Outcome",
    "Priority",
    "State",
    "SubscriptionRow",
    "Whole",
    "reais",
]
