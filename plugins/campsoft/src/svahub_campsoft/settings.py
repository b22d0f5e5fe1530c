"""What an integration with Campsoft is set to: its keys, and what of the API is only assumed."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from svahub import IntegrationSettings, KeysForToken
from svahub.extension.wire import AS_TEXT, RouteTemplates

AT_ONCE = 30
"""So many calls a listing has under way, at most."""


class Routes(RouteTemplates):
    """Templates of paths below the base URL. All are assumed: no public reference of this API exists."""

    names: ClassVar = frozenset({"username", "product"})

    authentication: str = Field("/authentication", description="assumed: exchange the keys for a token")
    products: str = Field("/products", description="assumed: list the catalogue")
    customers: str = Field("/customers", description="assumed: create, find and list subscribers")
    customer: str = Field("/customers/{username}", description="assumed: read and change a subscriber")
    inactive: str = Field("/customers/{username}/inactive", description="assumed: suspend a subscriber")
    sso: str = Field("/customers/{username}/sso", description="assumed: make a link that lets a subscriber in")
    subscriptions: str = Field("/customers/{username}/subscriptions", description="assumed: list and add products")
    subscription: str = Field(
        "/customers/{username}/subscriptions/{product}", description="assumed: take a product from a subscriber"
    )


class Words(BaseModel):
    """Words of Campsoft's that mean something to us. All are assumed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Statuses(Words):
    """What a subscriber's status is called."""

    active: str = Field("active", min_length=1, description="assumed: the status of who has access")
    inactive: str = Field("inactive", min_length=1, description="assumed: the status of who is suspended")


class ErrorIds(Words):
    """The `error_id` of each refusal that means something to us."""

    user_exists: str = Field("user_already_exists", description="assumed: the username or document has a subscriber")
    invalid_document: str = Field("invalid_document", description="assumed: the CPF or CNPJ is not valid")
    subscription_not_found: str = Field("subscription_not_found", description="assumed: the product is not held")
    invalid_product: str = Field("invalid_product", description="assumed: there is no such product")
    product_not_allowed: str = Field("product_not_allowed", description="assumed: the partner may not sell it")
    already_subscribed: str = Field("already_subscribed", description="assumed: the product is held already")
    no_licences: str = Field("no_licenses_available", description="assumed: the partner has to buy more licences")


class CampsoftSettings(IntegrationSettings):
    """Settings of one account at Campsoft."""

    api_key: SecretStr = Field(min_length=1, description="the ApiKey that Campsoft gave")
    api_secret: SecretStr = Field(min_length=1, description="its ApiSecret")
    page_size: int = Field(100, ge=1, le=100, description="subscribers or products asked for at once in a listing")
    at_once: int = Field(
        AT_ONCE, ge=1, le=AT_ONCE, description="calls under way in a listing, at most; never more than `connections`"
    )
    routes: Annotated[Routes, AS_TEXT] = Field(
        Routes(), description='routes that differ from what is assumed, as JSON: {"sso": "/…"}'
    )
    statuses: Annotated[Statuses, AS_TEXT] = Field(
        Statuses(), description='statuses that differ, as JSON: {"inactive": "…"}'
    )
    error_ids: Annotated[ErrorIds, AS_TEXT] = Field(
        ErrorIds(), description='error ids that differ, as JSON: {"no_licences": "…"}'
    )

    def auth(self) -> KeysForToken:
        """Return that the keys are exchanged for a token, whose expiry Campsoft tells as an instant."""
        return KeysForToken(
            self.routes.authentication,
            {"ApiKey": self.api_key, "ApiSecret": self.api_secret},
            token_field="AccessToken",  # noqa: S106 -- the name of a field
            expiry_field="ExpiresIn",
            expiry_is_instant=True,
        )
