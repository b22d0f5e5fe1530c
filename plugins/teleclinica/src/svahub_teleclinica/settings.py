"""What an integration with TeleClínica is set to: its credentials, and the routes, as those are only assumed."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr
from svahub import BasicAuth, IntegrationSettings
from svahub.extension.wire import AS_TEXT, RouteTemplates


class Routes(RouteTemplates):
    """Templates of paths below the base URL. All are assumed: no public reference of this API exists."""

    names: ClassVar = frozenset({"user", "plan"})

    plans: str = Field("/plans", description="assumed: list and register plans")
    users: str = Field("/users", description="assumed: create, find and list users")
    user: str = Field("/users/{user}", description="assumed: change and cancel a user")
    block: str = Field("/users/{user}/block", description="assumed: block a user")
    unblock: str = Field("/users/{user}/unblock", description="assumed: unblock a user")
    user_plans: str = Field("/users/{user}/plans", description="assumed: add a plan to a user")
    user_plan: str = Field("/users/{user}/plans/{plan}", description="assumed: change and cancel a plan of a user")


class TeleClinicaSettings(IntegrationSettings):
    """Settings of one account at TeleClínica."""

    username: str = Field(min_length=1, description="the user that TeleClínica gave for this environment")
    password: SecretStr = Field(min_length=1, description="its password; TeleClínica has it changed periodically")
    page_size: int = Field(100, ge=1, le=100, description="users or plans asked for at once in a listing")
    routes: Annotated[Routes, AS_TEXT] = Field(
        Routes(), description='routes that differ from what is assumed, as JSON: {"block": "/…"}'
    )

    def auth(self) -> BasicAuth:
        """Return HTTP Basic with the user and password."""
        return BasicAuth(self.username, self.password)
