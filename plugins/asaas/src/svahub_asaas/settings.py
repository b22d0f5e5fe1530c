"""What an integration with Asaas is set to: its key, how customers are billed, by which server mail goes."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, model_validator
from svahub import Environment, HeaderToken, IntegrationSettings
from svahub.errors import Rejected

from svahub_asaas.mail.settings import MailSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


class BillingType(StrEnum):
    """How a charge can be paid; UNDEFINED lets the customer choose."""

    UNDEFINED = "UNDEFINED"
    BOLETO = "BOLETO"
    PIX = "PIX"
    CREDIT_CARD = "CREDIT_CARD"


class Cycle(StrEnum):
    """How often a subscription charges."""

    WEEKLY = "WEEKLY"
    BIWEEKLY = "BIWEEKLY"
    MONTHLY = "MONTHLY"
    BIMONTHLY = "BIMONTHLY"
    QUARTERLY = "QUARTERLY"
    SEMIANNUALLY = "SEMIANNUALLY"
    YEARLY = "YEARLY"


Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]


class Terms(BaseModel):
    """What a charge says; an item's attributes of the same names go before."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    billing_type: BillingType = Field(BillingType.UNDEFINED, description="UNDEFINED: the customer chooses")
    cycle: Cycle = Field(Cycle.MONTHLY, description="how often a subscription charges")
    due_day: int = Field(10, ge=1, le=31, description="the due day of contracts that name none")
    fine_percent: Percent = Field(Decimal(0), description="once, when a charge is paid late")
    interest_percent: Percent = Field(Decimal(0), description="a month, when a charge is paid late")
    discount_percent: Percent = Field(Decimal(0), lt=100, description="when a charge is paid early")
    discount_days: int = Field(0, ge=0, le=90, description="so many days before the due date is early")

    description: str = Field("", max_length=500, description="the text on the charges of subscriptions")

    def of_lateness(self) -> dict[str, Any]:
        """Return what a new charge or subscription says of being paid late or early."""
        said: dict[str, Any] = {}
        if self.fine_percent:
            said["fine"] = {"value": float(self.fine_percent), "type": "PERCENTAGE"}
        if self.interest_percent:
            said["interest"] = {"value": float(self.interest_percent)}
        if self.discount_percent:
            early = {"dueDateLimitDays": self.discount_days, "type": "PERCENTAGE"}
            said["discount"] = {"value": float(self.discount_percent), **early}
        return said


PREFIXES = {Environment.PRODUCTION: "$aact_prod_", Environment.STAGING: "$aact_hmlg_"}
"""How keys of each environment begin; older ones begin with $aact_ alone, and tell nothing."""


class AsaasSettings(IntegrationSettings, MailSettings, Terms):
    """Settings of one account at Asaas."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key: SecretStr = Field(min_length=1, description="the API key of this environment")
    webhook_token: SecretStr | None = Field(
        None, min_length=32, max_length=255, description="what Asaas sends with each delivery; you choose it"
    )
    cancel_deletes_charges: bool = Field(
        False, description="a cancelled subscription's open charges are deleted: its debts are forgiven"
    )
    price_changes_open_charges: bool = Field(
        False, description="another price of a subscription is also that of its charges that are not due yet"
    )
    monthly_charges: bool = Field(False, description="charge contracts without a subscription on the 1st, by the clock")
    birthday_mails: bool = Field(False, description="greet customers on their birthday")

    def auth(self) -> HeaderToken:
        """Return the key, in Asaas's own header."""
        return HeaderToken(self.key, header="access_token", scheme="")

    def terms(self, attributes: Mapping[str, Any], due_day: int | None = None) -> Terms:
        """Return what a subscription says: the item's attributes go before its contract's due day and the settings.

        Rejected says which attribute cannot be.
        """
        own = {name: value for name, value in attributes.items() if name in Terms.model_fields}
        given = {name: getattr(self, name) for name in Terms.model_fields}
        agreed = {} if due_day is None else {"due_day": due_day}
        try:
            return Terms.model_validate(given | agreed | own)
        except ValidationError as error:
            wrong = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_input=False))
        raise Rejected("attributes_invalid", f"the item's attributes say what cannot be: {wrong}")

    @model_validator(mode="after")
    def _of_this_environment(self, info: ValidationInfo) -> AsaasSettings:
        """Refuse the key of the other environment, before anything is sent."""
        environment = (info.context or {}).get("environment")
        for other, prefix in PREFIXES.items():
            if environment not in {None, other} and self.key.get_secret_value().startswith(prefix):
                told = f"the key is of {other.value}, and this integration is for {environment.value}"
                raise ValueError(f"{told}: give it a key of {environment.value}")
        return self
