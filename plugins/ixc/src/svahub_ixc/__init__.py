"""IXC Provedor for svahub: the ERP that holds the contracts, the customers and what they owe."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from svahub import ChecksConnection, Environment, Source, TellsReceivables, hookimpl

from svahub_ixc.contracts import Contracts
from svahub_ixc.meaning import meaning
from svahub_ixc.receivables import Receivables
from svahub_ixc.service import Condition, WebService
from svahub_ixc.settings import IxcSettings
from svahub_ixc.wire import Product, punctuated
from svahub_ixc.writing.writes import Writes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from svahub import ContractRow, Debt, DebtSettled, Rejected
    from svahub.client import ProviderClient

    from svahub_ixc.wire import Row

__all__ = ["Ixc", "IxcSettings"]


class Ixc(Writes, Source, TellsReceivables, ChecksConnection):
    """One IXC Provedor."""

    title = "IXC Provedor"
    contract_version = 1
    settle_seconds = 60  # assumed: IXC does not say how long a lookup may lag behind a write
    hosts: ClassVar[dict[Environment, tuple[str, ...]]] = {}  # each ISP has its own
    Settings = IxcSettings

    def __init__(self, settings: IxcSettings, client: ProviderClient) -> None:
        self.settings = settings
        self.client = client.translating(meaning, successes=True)
        self.service = WebService(self.client, settings.page_size, first_wait=settings.retry_base)

    def today(self) -> date:
        """Return the day that it is at IXC."""
        return self.client.now().astimezone(ZoneInfo(self.settings.zone)).date()

    @hookimpl
    def contracts(self, since: datetime | None) -> Iterator[ContractRow | Rejected]:
        """Stream contracts with their customers and products."""
        return Contracts(self._patient, self.settings).changed(since)

    @hookimpl
    def receivables(self, since: datetime | None) -> Iterator[Debt | DebtSettled]:
        """Stream what is past due, and what is no more."""
        return Receivables(self._patient, self.settings, self.today()).changed(since)

    @hookimpl
    def check_connection(self) -> None:
        """Ask for the ISP's own row."""
        self.service.ping()

    def products(self) -> list[Product]:
        """Return all that IXC sells."""
        return [Product.model_validate(row) for row in self.service.rows("produtos")]

    def look(self, contracts: Sequence[str], document: str | None) -> list[tuple[Row, ContractRow | Rejected]]:
        """Return some contracts, and those of the customer with a bare document: as they are, and as they are read."""
        rows = {row["id"]: row for row in self.service.among("cliente_contrato", "id", contracts)}
        if document is not None:
            same = self.service.rows("cliente", Condition("cnpj_cpf", "=", punctuated(document)))
            customers = [row["id"] for row in same]
            rows |= {row["id"]: row for row in self.service.among("cliente_contrato", "id_cliente", customers)}
        whole = list(rows.values())
        return list(zip(whole, Contracts(self.service, self.settings).levels(whole), strict=True))

    @property
    def _patient(self) -> WebService:
        return self.service.patient(self.settings.page_tries)
