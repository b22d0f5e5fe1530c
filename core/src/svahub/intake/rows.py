"""A contract as a file tells of it: the shape that JSON Lines and CSV share, checked and normalised."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from svahub.intake.fields import (
    Attributes,
    Cep,
    ContractStatus,
    Day,
    Document,
    DueDay,
    Email,
    Identifier,
    Instant,
    LineOfText,
    Phone,
    Price,
    Prose,
    Quantity,
    Reasons,
    Status,
)


class _Part(BaseModel):
    """What every part of a contract obeys: no unknown name; null and blank text say nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        blank = {name for name, value in raw.items() if value is None or (isinstance(value, str) and not value.strip())}
        if not blank:
            return raw
        return {name: value for name, value in raw.items() if name not in blank or name not in cls.model_fields}


class AddressRow(_Part):
    """A postal address; every part is optional."""

    street: Prose | None = Field(None, repr=False)
    number: Prose | None = Field(None, repr=False)
    complement: Prose | None = Field(None, repr=False)
    district: Prose | None = Field(None, repr=False)
    city: Prose | None = None
    state: Prose | None = None
    postal_code: Cep | None = Field(None, repr=False)


class CustomerRow(_Part):
    """The customer of a contract; `document` is a bare CPF or CNPJ, `phone` is E.164."""

    id: Identifier
    name: LineOfText = Field(repr=False)
    document: Document = Field(repr=False)
    email: Email | None = Field(None, repr=False)
    phone: Phone | None = Field(None, repr=False)
    birth_date: Day | None = Field(None, repr=False)
    address: AddressRow | None = Field(None, repr=False)


class ConsentRow(_Part):
    """The proof of consent; `at` is in UTC."""

    at: Instant
    channel: LineOfText
    text_version: LineOfText


class ItemRow(_Part):
    """One item of a contract; `price` in BRL."""

    code: Identifier
    product_code: Identifier
    plan: Identifier | None = None
    quantity: Quantity = 1
    integration: Identifier | None = None
    price: Price | None = None
    attributes: Attributes | None = Field(None, repr=False)
    consent: ConsentRow | None = None


class ContractRow(_Part):
    """One contract with all its items; `line` is where it begins in the file (0: it came from no file).

    `block_reasons`: None says nothing, an empty tuple says that the source has none; otherwise sorted, each once.
    """

    contract_id: Identifier
    status: Status = ContractStatus.ACTIVE
    block_reasons: Reasons | None = None
    customer: CustomerRow
    items: tuple[ItemRow, ...]
    due_day: DueDay | None = None
    price: Price | None = None
    _line: int = PrivateAttr(0)

    def model_post_init(self, context: Any, /) -> None:
        """Take the line from the validation's context, so that a file cannot set it."""
        self._line = context or 0

    @field_validator("items")
    @classmethod
    def _some_and_each_once(cls, items: tuple[ItemRow, ...]) -> tuple[ItemRow, ...]:
        if not items:
            raise ValueError("a contract has at least one item")
        if len({item.code for item in items}) < len(items):
            raise ValueError("two items of the contract have the same code")
        return items

    @property
    def line(self) -> int:
        """The line of the file where the contract begins."""
        return self._line

    def level(self) -> dict[str, Any]:
        """Return what the file says, for JSON: comparable, items by code, money and times as text.

        A field of which the file says nothing is not there; `status` and each `quantity` always are, by their defaults.
        """
        level = self.model_dump(mode="json", exclude_none=True)
        level["items"].sort(key=itemgetter("code"))
        return level


PARTS: dict[tuple[str, ...], type[_Part]] = {
    (): ContractRow,
    ("customer",): CustomerRow,
    ("customer", "address"): AddressRow,
    ("items",): ItemRow,
    ("items", "consent"): ConsentRow,
}
