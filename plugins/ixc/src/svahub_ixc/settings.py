"""What a source at IXC Provedor is set to: its token, what its states mean here, and what is written back there."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from svahub import BasicAuth, HappenedKind, SourceSettings, Trust
from svahub.extension.wire import AS_TEXT

_TOKEN = re.compile(r"([0-9]{1,10}):([0-9a-fA-F]{64})")
_FOLLOWED = frozenset(
    {
        HappenedKind.ACTIVATED,
        HappenedKind.BLOCKED,
        HappenedKind.UNBLOCKED,
        HappenedKind.CHANGED,
        HappenedKind.CANCELLED,
    }
)


class InCollection(StrEnum):
    """What a contract in collection (status N) is here."""

    BLOCK = "block"
    CANCEL = "cancel"
    FOLLOW = "follow"


class LicenceColumns(BaseModel):
    """Columns of `licencas_iot` and `licencas_produtos_iot`; known is what they hold, their names are assumed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: str = Field("id_contrato", description="assumed: the contract")
    integration: str = Field("id_integracao", description="assumed: the integration, as the product has it")
    description: str = Field("descricao", description="assumed: the licence's description")
    customer: str = Field("id_cliente_iot", description="assumed: the remote customer")
    subscription: str = Field("id_assinatura_iot", description="assumed: the remote subscription")
    licence: str = Field("id_licenca_iot", description="assumed: the remote licence")
    code: str = Field("codigo_licenca", description="assumed: the licence's code")
    status: str = Field("status", description="assumed: A, I, B or P")
    of: str = Field("id_licenca", description="assumed: of which licence a linked product is")
    product: str = Field("id_produto_contrato", description="assumed: the contract's product that is linked")
    quantity: str = Field("quantidade", description="assumed: how many of it")


class Settlements(BaseModel):
    """How a receivable is settled: what IXC's own form asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    branch: str = Field("", description="filial_id: the branch that receives")
    account: str = Field("", description="id_conta: the account into which it goes")
    account_name: str = Field("", description="conta_: that account's name")
    kind: str = Field("", description="tipo_recebimento: how it was received, as IXC calls it")

    @property
    def missing(self) -> list[str]:
        """What is not set."""
        return [name for name, value in self.model_dump().items() if not value]


class IxcSettings(SourceSettings):
    """Settings of one IXC Provedor."""

    token: SecretStr = Field(min_length=1, description="the web service's token, as id:hash or as base64 of that")
    ca_file: str = Field("", description="a PEM file of authorities that are trusted beside the system's")
    certificate_sha256: str = Field(
        "", description="the fingerprint of the server's own certificate, which alone is then trusted"
    )
    timeout: float = Field(20.0, gt=0, le=60, description="seconds that one call may take in all")
    page_size: int = Field(100, ge=1, le=1000, description="rows asked for at once; halved while IXC is overloaded")
    page_tries: int = Field(6, ge=1, le=20, description="tries of one page of a pull before it is given up")
    zone: str = Field("America/Sao_Paulo", description="the zone of the times that IXC keeps")
    in_collection: InCollection = Field(
        InCollection.BLOCK, description="a contract of status N: block it as overdue, cancel it, or follow its internet"
    )
    products: Annotated[dict[str, str], AS_TEXT] = Field(
        {}, description="codes of products that go before their platform's, by IXC's id: see `svahub ixc products map`"
    )
    sells_offers: bool = Field(True, description="a contract sells the products of its offer, too (id_vd_contrato)")
    partly_received_is_debt: bool = Field(False, description="what is open of a partly received charge is a debt")
    receivables_stamped: bool = Field(
        True, description="assumed: receivables tell when they were changed; without it cancelled ones show by --full"
    )

    write_notes: bool = Field(False, description="note activations, blocks, cancellations and failures at the contract")
    note_kind: str = Field("A", min_length=1, description="assumed: the `tipo` of such a note")
    write_logins: bool = Field(False, description="keep `sva_usuarios` in step")
    write_licences: bool = Field(False, description="keep `licencas_iot` in step")
    licence_columns: Annotated[LicenceColumns, AS_TEXT] = Field(LicenceColumns(), description="as JSON, or by dots")
    write_settlements: bool = Field(False, description="settle the receivable of a charge that was paid elsewhere")
    settlements: Annotated[Settlements, AS_TEXT] = Field(Settlements(), description="as JSON, or by dots")

    @field_validator("token")
    @classmethod
    def _readable(cls, token: SecretStr) -> SecretStr:
        if _TOKEN.fullmatch(_plain(token)) is None:
            raise ValueError("a token is a user's number, a colon and 64 hexadecimal digits, or base64 of that")
        return token

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("there is no such zone: America/Sao_Paulo is one") from None
        return zone

    @model_validator(mode="after")
    def _settleable(self) -> Self:
        if self.write_settlements and self.settlements.missing:
            raise ValueError(
                f"write_settlements needs {', '.join(f'settlements.{n}' for n in self.settlements.missing)}"
            )
        return self

    def auth(self) -> BasicAuth:
        """Return the token as HTTP Basic has it: the user's number, and the hash."""
        user, _, secret = _plain(self.token).partition(":")
        return BasicAuth(user, SecretStr(secret))

    def trust(self) -> Trust:
        """Return whose certificates are trusted: servers of ISPs often bear their own."""
        return Trust(self.ca_file, self.certificate_sha256)

    def wants(self) -> frozenset[HappenedKind]:
        """Return what is written back."""
        notes = (_FOLLOWED - {HappenedKind.CHANGED} | {HappenedKind.FAILED}) if self.write_notes else frozenset()
        rows = _FOLLOWED if self.write_logins or self.write_licences else frozenset()
        paid = {HappenedKind.PAID} if self.write_settlements else frozenset()
        return frozenset(notes | rows | paid)


def _plain(token: SecretStr) -> str:
    text = token.get_secret_value().strip()
    if ":" in text:
        return text
    try:
        return b64decode(text, validate=True).decode("ascii")
    except (Base64Error, ValueError):
        return ""
