"""What Campsoft can ask: four reads, each of which the audit keeps before it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, TypeAdapter
from svahub.extension.api import (
    PORTUGUESE,
    RATE,
    USUAL,
    Answer,
    Api,
    Call,
    Endpoint,
    Holders,
    Keyset,
    Limit,
    Name,
    Nothing,
    Number,
    PageQuery,
    PathName,
    Permission,
    Text,
)

from svahub_campsoft.partner import PREFIX
from svahub_campsoft.partner.documents import (
    Cliente,
    ClienteComPlanos,
    PaginaDeClientes,
    PaginaDePlanos,
    PaginaDeProdutos,
    Plano,
    Produto,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

PARTNER = "campsoft"
ABOUT = f"""Who has which of Campsoft's products at one ISP. Amounts are in BRL.

A key (`svahub campsoft partner-keys create`) is for one ISP and sees nothing of another's. It may ask {RATE}. Only who
has a product that is not to end is told of: everybody else is not there (404), nor are other ISPs' customers. Each read
is kept in the ISP's audit, with the key that asked.

Lists come in pages: ask on with `proximo` as `cursor` until it is null. A page may have fewer than `limite`, even none,
and still not be the last. Every error is a problem document (RFC 9457) with a sentence in Portuguese in `detail`.
"""

BY_PLAN = Keyset[tuple[str, str]](tuple[Text, Text], ("", ""), lambda row: (row.integration, row.remote_id))
BY_CUSTOMER = Keyset[tuple[str, str]](tuple[Text, Text], ("", ""), lambda row: (row.integration, row.customer_id))
BY_SALE = Keyset[tuple[str, str, int]](tuple[Text, Text, Number], ("", "", 0), lambda row: row.place)


class Pagina(PageQuery):
    """Which page of a list."""

    limit: Limit = Field(USUAL, alias="limite", description="How many at most.")
    cursor: str | None = Field(None, description="`proximo` of the page before, of the same list.")


class PaginaDeUmPlano(Pagina):
    """Which page of the customers, and of which plan."""

    plano: Name | None = Field(None, description="Only who has the plan with this id, and only that plan of theirs.")


def planos(call: Call[Pagina]) -> Answer:
    """List the plans that may be sold, by account and id."""
    page = BY_PLAN.page(call.asked, _holders(call).plans)
    shown = [Plano.model_validate(row) for row in page.items if row.retired_at is None]
    _keep(call, "planos", "plans", [plano.plano for plano in shown])
    return Answer(PaginaDePlanos(itens=shown, proximo=page.next))


def clientes_planos(call: Call[PaginaDeUmPlano]) -> Answer:
    """List the customers of each plan, by account and customer."""
    page = BY_CUSTOMER.page(call.asked, _holders(call).page)
    every = (ClienteComPlanos.of(holder, call.asked.plano) for holder in page.items)
    shown = [cliente for cliente in every if cliente.planos]
    _keep(call, "clientes/planos", "customers", [cliente.cliente for cliente in shown])
    return Answer(PaginaDeClientes(itens=shown, proximo=page.next))


def cliente(call: Call[Nothing]) -> Answer:
    """Show a customer with CPF, or CNPJ, and e-mail address."""
    shown = Cliente.of(*_holders(call).customer(call.named))
    _keep(call, "clientes/{id}", f"customer {shown.id}")
    return Answer(shown)


def clientes_produtos(call: Call[Pagina]) -> Answer:
    """List all products of a customer, whatever plan they come from, by contract and item."""
    holders = _holders(call)
    page = BY_SALE.page(call.asked, lambda after, limit: holders.holdings(call.named, after, limit))
    shown = [Produto.of(row) for row in page.items]
    _keep(call, "clientes/{id}/produtos", f"customer {call.named}", [produto.contrato for produto in shown])
    return Answer(PaginaDeProdutos(itens=shown, proximo=page.next))


def _holders(call: Call[Any]) -> Holders:
    return call.office.holders(PARTNER)


def _keep(call: Call[Any], route: str, subject: str, shown: Sequence[str] = ()) -> None:
    """Keep who read what before it is told: of a list, how many, and from which to which."""
    span = {"shown": len(shown), "first": shown[0], "last": shown[-1]} if shown else {}
    call.office.looked(f"GET {PREFIX}/{route}", subject, **span)


def _endpoint(
    path: str, handler: Callable[[Call[Any]], Answer], returns: type[BaseModel], takes: type[BaseModel] = Nothing
) -> Endpoint:
    return Endpoint("GET", path, handler, returns, takes, permissions=frozenset({Permission.PARTNER}))


API = Api(
    PREFIX,
    "svahub: o que a Campsoft lê",
    "svahub-campsoft",
    ABOUT,
    (
        _endpoint("/planos", planos, PaginaDePlanos, Pagina),
        _endpoint("/clientes/planos", clientes_planos, PaginaDeClientes, PaginaDeUmPlano),
        _endpoint("/clientes/{id}", cliente, Cliente),
        _endpoint("/clientes/{id}/produtos", clientes_produtos, PaginaDeProdutos, Pagina),
    ),
    {"id": PathName("customer", TypeAdapter(Name), "The customer's id at the ISP.")},
    {PaginaDeClientes: ("id", "/itens/0/cliente")},
    next_page="/proximo",
    partner=PARTNER,
    keys_made_by="svahub campsoft partner-keys create",
    words=PORTUGUESE,
)
