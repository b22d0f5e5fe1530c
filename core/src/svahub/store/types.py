"""Column types that mean the same on SQLite and PostgreSQL: instants, money, enums."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Dialect, String, TypeDecorator
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; microseconds since 1970 where the database has no time zones."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's own type."""
        native: TypeEngine[Any] = TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger()
        return dialect.type_descriptor(native)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Write an aware instant."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read it as UTC."""
        if value is None or dialect.name == "postgresql":
            return None if value is None else value.astimezone(UTC)
        return EPOCH + timedelta(microseconds=value)


class Money(TypeDecorator[Decimal]):
    """An amount in BRL, exact to the cent, kept as cents."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Dialect) -> int | None:
        """Write whole cents; anything finer is an error of the caller."""
        if value is None:
            return None
        cents = value.scaleb(2)
        if cents != cents.to_integral_value():
            raise ValueError("an amount has fractions of a cent")
        return int(cents)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> Decimal | None:
        """Read two places."""
        return None if value is None else Decimal(value).scaleb(-2)


class Choice(TypeDecorator[Any]):
    """A member of a closed set, kept as its value."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Write the member's value; a text that is no member raises ValueError."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Read the member."""
        return None if value is None else self.kind(value)
