"""The table of licences ("Licença IoT"): whose each is, what Olli calls it, and how it stands."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, String, Table, Text
from svahub.extension.columns import Choice, Instant, name_column, new_metadata

from svahub_iot.units import Status

metadata = new_metadata()

licences = Table(
    "iot_licences",
    metadata,
    name_column("tenant"),
    name_column("integration"),
    name_column("reference"),  # what the licence bears as ours
    Column("subscription_key", String(36), nullable=False),
    name_column("contract_id"),
    name_column("item_code"),
    name_column("customer", null=True),  # Olli's ids: of the customer, the subscription, the licence; and its code
    name_column("subscription", null=True),
    name_column("licence", null=True),
    name_column("code", null=True),
    name_column("device", null=True),  # its serial
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
