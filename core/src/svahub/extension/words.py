"""The closed sets and rows of the books that the hub hands a plugin; how money is written, and how texts compare."""

from svahub.areas.contracts import Whole
from svahub.brazil import reais
from svahub.literals import as_compared
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
    "as_compared",
    "reais",
]
