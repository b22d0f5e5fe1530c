"""What an integration with Olli's partner platform is set to, and the routes, as those are only assumed."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr
from svahub import ClientCredentials, IntegrationSettings
from svahub.extension.wire import AS_TEXT, RouteTemplates


class Routes(RouteTemplates):
    """Templates of paths below the base URL. All are assumed: no public reference of this API exists."""

    names: ClassVar = frozenset({"customer", "subscription", "licence"})

    token: str = Field("/oauth/token", description="assumed: exchange the client's credentials for a token")
    items: str = Field("/fn/items", description="assumed: list what FN sells")
    known_customers: str = Field("/fn/customers", description="assumed: find a customer in FN by document")
    customers: str = Field("/customers", description="assumed: create a customer")
    customer_subscriptions: str = Field("/customers/{customer}/subscriptions", description="assumed: subscribe")
    subscriptions: str = Field("/subscriptions", description="assumed: list subscriptions")
    subscription: str = Field("/subscriptions/{subscription}", description="assumed: block, unblock and end one")
    licences: str = Field("/subscriptions/{subscription}/licenses", description="assumed: list and create licences")
    licence: str = Field("/licenses/{licence}", description="assumed: block, unblock and end one licence")


class IotSettings(IntegrationSettings):
    """Settings of one account at Olli; what an ERP calls them is in the plugin's README."""

    client_id: str = Field(min_length=1, description="the API key: the OAuth2 client, olli.oa2-client.…")
    client_secret: SecretStr = Field(min_length=1, description="the API secret: the client's own")
    platform: str = Field("olli", min_length=1, max_length=100, description="the platform's name; kept, not sent")
    login: str | None = Field(None, max_length=200, description="the login at the partner portal; kept, not sent")
    password: SecretStr | None = Field(None, description="the password at the partner portal; kept, not sent")
    external_id: str | None = Field(None, max_length=200, description="the ISP's id at the platform; kept, not sent")
    page_size: int = Field(100, ge=1, le=100, description="items or subscriptions asked for at once in a listing")
    routes: Annotated[Routes, AS_TEXT] = Field(
        Routes(), description='routes that differ from what is assumed, as JSON: {"token": "/…"}'
    )

    def auth(self) -> ClientCredentials:
        """Return OAuth2 client credentials, asked for with a JSON body."""
        return ClientCredentials(self.routes.token, self.client_id, self.client_secret, json=True)
