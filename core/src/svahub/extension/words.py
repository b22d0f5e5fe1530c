"""The closed sets, and the rows of the ISP's books, that a plugin meets in what the hub hands it."""

from svahub.areas.contracts import Whole
from svahub.store.rows import ContractRow, ItemRow, SubscriptionRow
from svahub.store.states import ContractStatus, Outcome, Priority, State

__all__ = ["ContractRow", "ContractStatus", "ItemRow", "Outcome", "Priority", "State", "SubscriptionRow", "Whole"]
