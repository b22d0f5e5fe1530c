"""The table of licences ("Licença IoT"): whose each is, what Olli calls it, and how it stands."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, MetaData, PrimaryKeyConstraint, String, Table, Text
from svahub.extension.columns import Choice, Instant

from svahub_iot.units import Status

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _name(column: str, *, null: bool = False) -> Column[str]:
    return Column(column, String(200), nullable=null)


licences = Table(
    "iot_licences",
    metadata,
    _name("tenant"),
    _name("integration"),
    _name("reference"),  # what the licence bears as ours
    Column("subscription_key", String(36), nullable=False),
    _name("contract_id"),
    _name("item_code"),
    _name("customer", null=True),  # Olli's ids: of the customer, the subscription, the licence; and its code
    _name("subscription", null=True),
    _name("licence", null=True),
    _name("code", null=True),
    _name("device", null=True),  # its serial
    Column("description", Text),
    Column("status", Choice(Status), nullable=False),
    Column("leaving", Boolean, nullable=False),  # somebody wants it gone
    Column("cause", Text),  # why it is not there
    Column("made_at", Instant),
    Column("changed_at", Instant, nullable=False),
    PrimaryKeyConstraint("tenant", "integration", "reference"),
    Index(None, "tenant", "subscription_key"),
    Index(None, "tenant", "contract_id"),
    Index(None, "tenant", "device"),
)
