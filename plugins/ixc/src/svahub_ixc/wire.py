"""IXC's rows: all text, read and written in its own ways. Nothing outside this plugin sees them.

Rows may bear columns and values that are not known here; neither breaks a listing.
"""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Row = dict[str, str]
NONE = frozenset({"", "0", "0000-00-00", "0000-00-00 00:00:00"})
_READ_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})( [0-9]{2}:[0-9]{2}:[0-9]{2})?")


def _id(text: str) -> str:
    return "" if text == "0" else text


def _day(text: str) -> str | None:
    return None if text in NONE else text[:10]


def _amount(text: str) -> str | None:
    return text or None


Id = Annotated[str, BeforeValidator(_id)]
"""An id, empty for none: IXC writes 0 or nothing."""

Day = Annotated[date | None, BeforeValidator(_day)]
Amount = Annotated[Decimal | None, BeforeValidator(_amount)]


class Page(BaseModel):
    """One page of a listing; `total` comes as text or as a number, and without any rows `registros` may be missing."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    total: int = Field(ge=0)
    registros: tuple[dict[str, str | None], ...] | None = None

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows, in which nothing is the empty text."""
        return tuple({column: value or "" for column, value in row.items()} for row in self.registros or ())


class Written(BaseModel):
    """What a write is answered with."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    type: str
    id: str = ""


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    id: str


class Contract(_Row):
    """A row of `cliente_contrato`."""

    id_cliente: Id
    id_vd_contrato: Id = ""
    tipo: str = ""
    status: str
    status_internet: str = ""


class Customer(_Row):
    """A row of `cliente`."""

    razao: str = Field("", repr=False)
    fantasia: str = Field("", repr=False)
    cnpj_cpf: str = Field("", repr=False)
    email: str = Field("", repr=False)
    telefone_celular: str = Field("", repr=False)
    whatsapp: str = Field("", repr=False)
    fone: str = Field("", repr=False)
    cep: str = Field("", repr=False)
    endereco: str = Field("", repr=False)
    numero: str = Field("", repr=False)
    bairro: str = Field("", repr=False)
    complemento: str = Field("", repr=False)
    data_nascimento: str = Field("", repr=False)


class Sold(_Row):
    """A row of `vd_contratos_produtos`: of one contract, or of every contract of an offer."""

    id_contrato: Id = ""
    id_vd_contrato: Id = ""
    id_produto: Id
    descricao: str = ""
    qtde: str = "1"
    valor_unit: str = ""


class Product(_Row):
    """A row of `produtos`."""

    descricao: str = ""
    plataforma: str = ""
    id_sva_integracao: Id = ""
    id_sva_pacote: Id = ""
    id_integracao_iot: Id = ""
    id_produto_iot: Id = ""


class Receivable(_Row):
    """A row of `fn_areceber`."""

    id_contrato: Id = ""
    id_contrato_avulso: Id = ""
    valor: Amount = None
    valor_aberto: Amount = None
    data_vencimento: Day = None
    status: str
    liberado: str = ""

    @property
    def contract(self) -> str:
        """The contract that it is of, empty for none."""
        return self.id_contrato or self.id_contrato_avulso

    @property
    def open_amount(self) -> Decimal:
        """What is still owed of it."""
        return self.valor_aberto if self.valor_aberto is not None else self.valor or Decimal(0)


def brazilian(day: date) -> str:
    """Return a date as it is written."""
    return f"{day:%d/%m/%Y}"


def local(at: datetime, zone: tzinfo) -> str:
    """Return an instant as IXC keeps it and compares with."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def rewritten(row: Row) -> Row:
    """Return a row as it is read, in the way it is written: dates the other way round, none as nothing."""
    return {column: _rewritten(value) for column, value in row.items()}


def _rewritten(value: str) -> str:
    found = _READ_DATE.fullmatch(value)
    if found is None:
        return value
    year, month, day, time = found.groups()
    return "" if year == "0000" else f"{day}/{month}/{year}{time or ''}"


def punctuated(document: str) -> str:
    """Return a bare CPF or CNPJ as IXC keeps and finds it."""
    if len(document) == 11:
        return f"{document[:3]}.{document[3:6]}.{document[6:9]}-{document[9:]}"
    return f"{document[:2]}.{document[2:5]}.{document[5:8]}/{document[8:12]}-{document[12:]}"


def plain_amount(text: str) -> str:
    """Return an amount without zeros behind its cents, as text of other than money stays."""
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text
    cents = exact.quantize(Decimal("0.01")) if exact.is_finite() and abs(exact) < Decimal(10) ** 15 else exact
    return str(cents) if cents == exact else text


def whole(text: str) -> str:
    """Return a quantity without its decimals where these are zeros."""
    number, _, decimals = text.partition(".")
    return text if decimals.strip("0") else number
