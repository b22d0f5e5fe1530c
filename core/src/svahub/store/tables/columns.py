"""What all tables share: their metadata, the names of their constraints, the columns of names and tenants."""

from __future__ import annotations

from sqlalchemy import Column, MetaData, String

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)
ONLY = "only"
"""Under this an index says of which database it is, if it is of one only."""


def name_column(column: str, *, null: bool = False) -> Column[str]:
    """Return a column for a name that people or programs gave."""
    return Column(column, String(200), nullable=null)


def tenant_column() -> Column[str]:
    """Return the column that no table lacks."""
    return Column("tenant", String(200), nullable=False)
