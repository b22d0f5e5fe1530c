"""IXC's contracts as levels: read page by page, with the customers and products of a page in one call each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from svahub import Rejected, contract_of
from svahub.extension import reading

from svahub_ixc import wire
from svahub_ixc.products import code_of
from svahub_ixc.service import Condition, WebService, batched
from svahub_ixc.standing import UnknownStanding, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from svahub import ContractRow

    from svahub_ixc.settings import IxcSettings

STAMP = "ultima_atualizacao"


@dataclass
class Catalogue:
    """What contracts sell: products and offers, each asked for once in a pull."""

    service: WebService
    products: dict[str, wire.Product | None] = field(default_factory=dict)
    offers: dict[str, list[wire.Sold]] = field(default_factory=dict)

    def learn_offers(self, ids: Iterable[str]) -> None:
        """Ask for the products of offers that are not known yet."""
        new = {id for id in ids if id and id not in self.offers}
        self.offers |= {id: [] for id in new}
        for row in self.service.among("vd_contratos_produtos", "id_vd_contrato", new):
            sold = wire.Sold.model_validate(row)
            if not sold.id_contrato:
                self.offers[sold.id_vd_contrato].append(sold)

    def learn_products(self, ids: Iterable[str]) -> None:
        """Ask for products that are not known yet."""
        new = {id for id in ids if id and id not in self.products}
        self.products |= dict.fromkeys(new)
        for row in self.service.among("produtos", "id", new):
            self.products[row["id"]] = wire.Product.model_validate(row)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts of one IXC."""

    service: WebService
    settings: IxcSettings

    def changed(self, since: datetime | None) -> Iterator[ContractRow | Rejected]:
        """Stream the contracts that changed, themselves or by their customer; None: all."""
        catalogue = Catalogue(self.service)
        for rows in batched(self._rows(since), self.settings.page_size):
            yield from self._levels(rows, catalogue)

    def _rows(self, since: datetime | None) -> Iterator[wire.Row]:
        if since is None:
            yield from self.service.rows("cliente_contrato")
            return
        start = wire.local(since, ZoneInfo(self.settings.zone))
        yield from self.service.rows("cliente_contrato", Condition(STAMP, ">=", start))
        customers = (row["id"] for row in self.service.rows("cliente", Condition(STAMP, ">=", start)))
        for several in batched(customers, self.settings.page_size):
            yield from self.service.among("cliente_contrato", "id_cliente", several, Condition(STAMP, "<", start))

    def levels(self, rows: Sequence[wire.Row]) -> Iterator[ContractRow | Rejected]:
        """Return some contracts with what they need."""
        return self._levels(rows, Catalogue(self.service))

    def _levels(self, rows: Sequence[wire.Row], catalogue: Catalogue) -> Iterator[ContractRow | Rejected]:
        read = [(row, _read(wire.Contract, row)) for row in rows]
        contracts = [contract for _, contract in read if isinstance(contract, wire.Contract)]
        customers = self._customers(contracts)
        sold = self._sold(contracts, catalogue)
        for row, contract in read:
            if isinstance(contract, wire.Contract):
                yield _level(
                    contract,
                    customers.get(contract.id_cliente),
                    self._items(sold[contract.id], catalogue),
                    self.settings,
                )
            else:
                yield Rejected.of_source(row.get("id") or None, f"its row cannot be read: {contract}")

    def _customers(self, contracts: Sequence[wire.Contract]) -> dict[str, wire.Customer]:
        rows = self.service.among("cliente", "id", (contract.id_cliente for contract in contracts))
        return {row["id"]: wire.Customer.model_validate(row) for row in rows}

    def _sold(self, contracts: Sequence[wire.Contract], catalogue: Catalogue) -> dict[str, list[wire.Sold]]:
        """Return what each contract sells: its own rows, and those of its offer for products that it has no row of."""
        own = defaultdict[str, list[wire.Sold]](list)
        for row in self.service.among("vd_contratos_produtos", "id_contrato", (one.id for one in contracts)):
            one = wire.Sold.model_validate(row)
            own[one.id_contrato].append(one)
        if self.settings.sells_offers:
            catalogue.learn_offers(contract.id_vd_contrato for contract in contracts)
        whole = {one.id: _together(own[one.id], catalogue.offers.get(one.id_vd_contrato, ())) for one in contracts}
        catalogue.learn_products(one.id_produto for several in whole.values() for one in several)
        return whole

    def _items(self, sold: Iterable[wire.Sold], catalogue: Catalogue) -> list[dict[str, Any]]:
        mapped = self.settings.products
        return [_item(one, code_of(one.id_produto, catalogue.products.get(one.id_produto), mapped)) for one in sold]


def _read(kind: type[wire.Contract], row: wire.Row) -> wire.Contract | str:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))} ({first['type']})"


def _together(own: Iterable[wire.Sold], offered: Iterable[wire.Sold]) -> list[wire.Sold]:
    whole = list(own)
    there = {one.id_produto for one in whole}
    return [*whole, *(one for one in offered if one.id_produto not in there)]


def _item(sold: wire.Sold, code: str) -> dict[str, Any]:
    price = wire.plain_amount(sold.valor_unit)
    return {"code": sold.id, "product_code": code, "quantity": wire.whole(sold.qtde), "price": price}


def _level(
    contract: wire.Contract, customer: wire.Customer | None, items: list[dict[str, Any]], settings: IxcSettings
) -> ContractRow | Rejected:
    if customer is None:
        return Rejected.of_source(contract.id, f"IXC has no customer {contract.id_cliente or '(none)'}", "customer")
    try:
        level = standing(contract.status, contract.status_internet, settings.in_collection)
    except UnknownStanding as error:
        return Rejected.of_source(contract.id, str(error), "status")
    return contract_of(
        {
            "contract_id": contract.id,
            "status": level.status.value,
            "block_reasons": [reason.value for reason in level.reasons],
            "customer": person(customer),
            "items": items or [_bare(contract)],
        }
    )


def _bare(contract: wire.Contract) -> dict[str, Any]:
    """Return what a contract without products sells: itself. So it stays, and its last product can go."""
    return {"code": "contrato", "product_code": f"contrato-{contract.tipo or 'I'}"}


def person(row: wire.Customer) -> dict[str, Any]:
    """Return a customer; of what need not be there, what cannot be read is left out."""
    return {
        "id": row.id,
        "name": row.razao.strip() or row.fantasia,
        "document": row.cnpj_cpf,
        "email": _first(reading.email, *row.email.replace(";", ",").split(",")),
        "phone": _first(reading.phone, row.telefone_celular, row.whatsapp, row.fone),
        "birth_date": _first(_day, row.data_nascimento),
        "address": {
            "street": row.endereco,
            "number": row.numero,
            "complement": row.complemento,
            "district": row.bairro,
            "postal_code": _first(reading.cep, row.cep),
        },
    }


def _day(text: str) -> str:
    return "" if text in wire.NONE else reading.date_of(text[:10]).isoformat()


def _first(read: Callable[[str], str], *written: str) -> str | None:
    for text in written:
        try:
            if text.strip() and (value := read(text)):
                return value
        except ValueError:
            continue
    return None
