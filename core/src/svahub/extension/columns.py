"""The types of columns that a plugin's tables may have beside SQLAlchemy's own: the same on both databases."""

from svahub.store.types import Choice, Instant, Money

__all__ = ["Choice", "Instant", "Money"]
