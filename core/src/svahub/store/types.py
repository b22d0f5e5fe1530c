"""Column types that mean the same on SQLite and PostgreSQL: instants, money, closed sets.

They override the processors themselves, not `process_bind_param`: a batch has thousands of values.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Dialect, String, TypeDecorator
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Processor = Callable[[Any], Any]


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; microseconds since 1970 where the database has no time zones."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's own type."""
        native: TypeEngine[Any] = TIMESTAMP(timezone=True) if dialect.name == "postgresql" else BigInteger()
        return dialect.type_descriptor(native)

    def bind_processor(self, dialect: Dialect) -> Processor | None:
        """Write an aware instant."""
        if dialect.name == "postgresql":
            return None
        return lambda value: None if value is None else (value - EPOCH) // MICROSECOND

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:  # noqa: ARG002
        """Read it as UTC."""
        if dialect.name == "postgresql":
            return lambda value: None if value is None else value.astimezone(UTC)
        return lambda value: None if value is None else EPOCH + timedelta(microseconds=value)


class Money(TypeDecorator[Decimal]):
    """An amount in BRL, exact to the cent, kept as cents."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Processor | None:  # noqa: ARG002
        """Write whole cents; anything finer is an error of the caller."""
        return _cents

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:  # noqa: ARG002
        """Read two places."""
        return lambda value: None if value is None else Decimal(value).scaleb(-2)


class Choice(TypeDecorator[Any]):
    """A member of a closed set, kept as its value."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Processor | None:  # noqa: ARG002
        """Write the member's value."""
        values = {None: None} | {member: member.value for member in self.kind}
        return lambda value: values[value]

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:  # noqa: ARG002
        """Read the member."""
        members = {None: None} | {member.value: member for member in self.kind}
        return members.__getitem__


def _cents(value: Decimal | None) -> int | None:
    if value is None:
        return None
    cents = value.scaleb(2)
    if cents != cents.to_integral_value():
        raise ValueError("an amount has fractions of a cent")
    return int(cents)
