"""What Campsoft keeps: products with their licences, and subscribers with the products that they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from svahub import Observed, RemoteSubscription, RemoteUser

CATALOGUE = (
    ("Filmes e séries", "Catálogo de filmes e séries", "21.90", True),
    ("Esportes ao vivo", "Campeonatos transmitidos ao vivo", "34.90", True),
    ("Infantil", "Desenhos e jogos para crianças", "9.90", True),
    ("Jornais e revistas", "Banca digital", "14.90", True),
    ("Cinema em casa", "Estreias: só para alguns parceiros", "49.90", False),
)


class Status(StrEnum):
    """Whether a subscriber gets in."""

    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(slots=True)
class Product:
    """An entry of the catalogue; `licences` are those that are left, None without a limit."""

    id: str
    name: str
    description: str
    price: Decimal
    allowed: bool = True
    licences: int | None = None

    def json(self) -> dict[str, Any]:
        """Return the product as the API tells of it."""
        return {
            "ProductId": self.id,
            "Name": self.name,
            "Description": self.description,
            "Price": float(self.price),
            "Active": self.allowed,
        }


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscriber as Campsoft stores it, with the ids of the products."""

    username: str
    status: Status
    name: str = field(repr=False)
    login: str = field(repr=False)
    document: dict[str, str] = field(repr=False)
    email: dict[str, str] | None = field(repr=False)
    phone: dict[str, Any] | None = field(repr=False)
    products: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return the subscriber as the API tells of it: neither password nor products."""
        return {
            "username": self.username,
            "status": self.status,
            "name": self.name,
            "login": self.login,
            "document": self.document,
            "email": self.email,
            "phone": self.phone,
        }

    def remote(self) -> RemoteUser:
        """Return the subscriber in the core's words: who is suspended and has nothing has ended, as nobody is deleted.

        A username is what we sent as the reference; products bear none.
        """
        idle = Observed.BLOCKED if self.products else Observed.CANCELLED
        status = Observed.ACTIVE if self.status is Status.ACTIVE else idle
        held = tuple(RemoteSubscription(product, status) for product in self.products)
        email, document = (self.email or {}).get("data"), self.document["number"]
        return RemoteUser(
            self.username, status, self.username, held, name=self.name, document=document, email=email,
        )  # fmt: skip

    def whole(self) -> dict[str, Any]:
        """Return the subscriber with the products, for Campsoft's own list."""
        return {**self.json(), "products": list(self.products)}
