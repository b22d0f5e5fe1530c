"""What a plugin's tables are made of: metadata that names constraints, and columns that are alike on both databases."""

from __future__ import annotations

from sqlalchemy import MetaData

from svahub.store.tables.columns import NAMES, name_column
from svahub.store.types import Choice, Instant, Money

__all__ = ["Choice", "Instant", "Money", "name_column", "new_metadata"]


def new_metadata() -> MetaData:
    """Return metadata for a plugin's tables, whose constraints and indices get names as the core's have."""
    return MetaData(naming_convention=NAMES)
