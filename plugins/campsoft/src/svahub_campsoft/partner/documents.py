"""What Campsoft is told, as pydantic models with its field names; the OpenAPI document is made from them.

A customer's document and e-mail address are in one of them only, and name, phone and address in none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field
from svahub import Customer, Desired, DocumentKind
from svahub.extension.api import Given

if TYPE_CHECKING:
    from svahub.extension.api import HolderRow, HoldingRow


class Situacao(StrEnum):
    """What the ISP wants: it may be under way at Campsoft."""

    ATIVO = "ativo"
    BLOQUEADO = "bloqueado"

    @classmethod
    def of(cls, holdings: Iterable[HoldingRow]) -> Self:
        """Return `ativo` when any of them is."""
        return cls("ativo" if any(row.desired is Desired.ACTIVE for row in holdings) else "bloqueado")


class Plano(Given):
    """A plan of the catalogue that may be sold."""

    integracao: str = Field(validation_alias="integration", description="The ISP's account at Campsoft.")
    plano: str = Field(validation_alias="remote_id", description="The product's id at Campsoft.")
    nome: str = Field(validation_alias="name", description="The product's name.")
    preco: Decimal | None = Field(validation_alias="price", description="The catalogue's price a month, in BRL.")


class PlanoContratado(Given):
    """A plan that a customer has, from one contract or several."""

    plano: str | None = Field(description="The product's id at Campsoft.")
    nome: str | None = Field(description="The product's name.")
    situacao: Situacao = Field(description="`ativo` when it is in one of the contracts.")


class ClienteComPlanos(Given):
    """A customer with the plans that they have at one of the ISP's accounts."""

    integracao: str = Field(description="The ISP's account at Campsoft.")
    cliente: str = Field(description="The customer's id at the ISP.")
    planos: list[PlanoContratado] = Field(description="Each plan once.")

    @classmethod
    def of(cls, holder: HolderRow, plan: str | None = None) -> Self:
        """Return what a customer has, of one plan only if it is named."""
        names = {row.plan: row.plan_name for row in holder.holdings if plan in {None, row.plan}}
        planos = [
            PlanoContratado(
                plano=held, nome=name, situacao=Situacao.of(row for row in holder.holdings if row.plan == held)
            )
            for held, name in sorted(names.items(), key=lambda each: each[0] or "")
        ]
        return cls(integracao=holder.integration, cliente=holder.customer_id, planos=planos)


class Cliente(Given):
    """A customer; of `cpf` and `cnpj` there is one."""

    id: str = Field(description="The customer's id at the ISP.")
    cpf: str | None = Field(description="A person's CPF, its digits only.")
    cnpj: str | None = Field(description="A company's CNPJ, its digits or letters only.")
    email: str | None = Field(description="The e-mail address, if the ISP knows it.")
    situacao: Situacao = Field(description="`ativo` when any of the products is.")

    @classmethod
    def of(cls, customer: Customer, holdings: Sequence[HoldingRow]) -> Self:
        """Return what is told of a customer."""
        number: dict[str, Any] = {kind.value.lower(): None for kind in DocumentKind}
        number[customer.document_kind.value.lower()] = customer.document
        return cls(id=customer.id, email=customer.email, situacao=Situacao.of(holdings), **number)


class Produto(Given):
    """A product of a customer, in one contract."""

    contrato: str = Field(description="The contract's id.")
    item: str = Field(description="The item's code in the contract.")
    produto: str = Field(description="The ISP's code for the product.")
    integracao: str = Field(description="The ISP's account at Campsoft.")
    plano: str | None = Field(description="The product's id at Campsoft.")
    nome: str | None = Field(description="The product's name.")
    quantidade: int = Field(description="How many of it.")
    situacao: Situacao

    @classmethod
    def of(cls, row: HoldingRow) -> Self:
        """Return what is told of something held."""
        return cls(
            contrato=row.contract_id, item=row.item_code, produto=row.product_code, integracao=row.integration,
            plano=row.plan, nome=row.plan_name, quantidade=row.quantity, situacao=Situacao.of([row]),
        )  # fmt: skip


class PaginaDePlanos(Given):
    """Plans by account and id."""

    itens: list[Plano]
    proximo: str | None = Field(description="The cursor of the page that follows, null after the last.")


class PaginaDeClientes(Given):
    """Customers by account and id."""

    itens: list[ClienteComPlanos]
    proximo: str | None = Field(description="The cursor of the page that follows, null after the last.")


class PaginaDeProdutos(Given):
    """Products by contract and item."""

    itens: list[Produto]
    proximo: str | None = Field(description="The cursor of the page that follows, null after the last.")
