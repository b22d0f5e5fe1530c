"""What customers are offered by a link: the texts that they agree to, and the links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from svahub.store.types import Instant, Money

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add tables."""
    _terms()
    _links()


def _name(column: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(column, sa.String(length=200), nullable=null)


def _to(table: str, columns: list[str], others: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, others, name=op.f(f"fk_{table}_{'_'.join(columns)}"))


def _terms() -> None:
    op.create_table(
        "terms",
        *(_name(column) for column in ("tenant", "product_type", "version")),
        sa.Column("text", sa.Text(), nullable=False),
        _name("actor"),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "product_type", "version", name=op.f("pk_terms")),
        _to("terms", ["tenant"], ["tenants.name"]),
    )


def _links() -> None:
    table = "activation_links"
    op.create_table(
        table,
        _name("tenant"),
        sa.Column("id", sa.String(length=40), nullable=False),
        *(_name(column) for column in ("contract_id", "customer_id", "product_code", "product_type", "integration")),
        _name("plan", null=True),
        _name("title"),
        sa.Column("price", Money(), nullable=False),
        *(_name(column) for column in ("terms_version", "actor")),
        *(sa.Column(column, Instant(), nullable=False) for column in ("created_at", "expires_at")),
        *(sa.Column(column, Instant(), nullable=True) for column in ("revoked_at", "taken_at")),
        _name("item_code", null=True),
        sa.Column("sale", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("id", name=op.f(f"uq_{table}_id")),
        _to(table, ["tenant", "contract_id"], ["contracts.tenant", "contracts.id"]),
        _to(table, ["tenant", "customer_id"], ["customers.tenant", "customers.id"]),
        _to(
            table,
            ["tenant", "product_type", "terms_version"],
            ["terms.tenant", "terms.product_type", "terms.version"],
        ),
    )
    for column in ("contract_id", "customer_id"):
        op.create_index(op.f(f"ix_{table}_tenant_{column}"), table, ["tenant", column])
