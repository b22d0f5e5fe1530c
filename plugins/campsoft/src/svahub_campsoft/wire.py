"""Campsoft's JSON, as assumed: what is sent and what comes back. Nothing outside this plugin sees it.

Answers may bear fields and values that are not known here; neither breaks a call.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from svahub import AccessLink, Customer, Observed, Plan, RemoteSubscription, RemoteUser
from svahub.extension.wire import Listed

BRAZILIAN = re.compile(r"\+(?P<ddi>55)(?P<ddd>\d{2})(?P<number>\d{8,9})")
OURS = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""How the usernames look that we give: keys of accounts."""


class Wire(BaseModel):
    """What is not known is ignored; an id may come as a number."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)


# -- subscribers


class Document(Wire):
    """A CPF or CNPJ."""

    type: str | None = None
    number: str | None = Field(None, repr=False)


class Email(Wire):
    """An e-mail address."""

    data: str | None = Field(None, repr=False)


class Phone(Wire):
    """A Brazilian phone in its parts."""

    ddi: str | None = None
    ddd: str | None = None
    number: str | None = Field(None, repr=False)
    mobile: bool | None = None

    @classmethod
    def of(cls, phone: str | None) -> Self | None:
        """Return the parts of a phone in E.164; a foreign one has no DDD and is not sent."""
        parts = BRAZILIAN.fullmatch(phone or "")
        return cls(**parts.groupdict(), mobile=len(parts["number"]) == 9) if parts else None

    @property
    def e164(self) -> str | None:
        """The phone in one piece, None where a part is missing."""
        return f"+{self.ddi}{self.ddd}{self.number}" if self.ddi and self.ddd and self.number else None


class Contact(Wire):
    """What a subscriber should be told to be: active, and these data."""

    status: str
    name: str = Field(repr=False)
    document: Document
    email: Email | None = None
    phone: Phone | None = None

    @classmethod
    def fields(cls, customer: Customer) -> dict[str, Any]:
        """Return a customer's data as the fields have them."""
        return {
            "name": customer.name,
            "document": Document(type=customer.document_kind.value.upper(), number=customer.document),
            "email": Email(data=customer.email) if customer.email else None,
            "phone": Phone.of(customer.phone),
        }

    @classmethod
    def of(cls, customer: Customer, status: str) -> Self:
        """Return what an account's subscriber should be."""
        return cls(status=status, **cls.fields(customer))


class NewSubscriber(Contact):
    """A subscriber to create; whoever has the link gets in, so nobody is told the password."""

    username: str
    login: str
    password: str = Field(repr=False)

    @classmethod
    def named(cls, username: str, customer: Customer, status: str, password: str) -> Self:
        """Return what creates a subscriber."""
        return cls(username=username, login=username, password=password, status=status, **cls.fields(customer))


class Subscriber(Wire, Listed):
    """A subscriber as Campsoft tells of it, known by the username."""

    id: str = Field(alias="username")
    status: str = ""
    name: str | None = Field(None, repr=False)
    login: str | None = Field(None, repr=False)
    document: Document | None = None
    email: Email | None = None
    phone: Phone | None = None

    def remote(self, status: Observed, products: tuple[str, ...]) -> RemoteUser:
        """Return the subscriber in the core's words; what it is, its products are."""
        return RemoteUser(
            remote_id=self.id,
            status=status,
            reference=self.id if OURS.fullmatch(self.id) else None,
            subscriptions=tuple(RemoteSubscription(product, status) for product in products),
            name=self.name,
            document=self.document.number if self.document else None,
            email=self.email.data if self.email else None,
            phone=self.phone.e164 if self.phone else None,
            login=self.login,
        )


class Link(Wire):
    """An address that lets a subscriber in, until an instant (unix time)."""

    url: SecretStr = Field(min_length=1)
    expires_in: AwareDatetime | None = Field(None, alias="ExpiresIn")

    def access(self) -> AccessLink:
        """Return it in the core's words."""
        expires: datetime | None = self.expires_in
        return AccessLink(self.url.get_secret_value(), expires)


# -- products


class Held(Wire, Listed):
    """A product that a subscriber has, or is to have."""

    id: str = Field(alias="ProductId")


class Product(Held):
    """An entry of the catalogue."""

    name: str = Field(alias="Name")
    description: str | None = Field(None, alias="Description")
    price: Decimal | None = Field(None, alias="Price")
    active: bool = Field(True, alias="Active")

    def plan(self) -> Plan:
        """Return it in the core's words."""
        return Plan(self.id, self.name, self.description or "", self.price, self.active)
