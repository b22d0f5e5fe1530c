"""What an integration with TeleClínica is set to: its credentials, and the routes, as those are only assumed."""

from __future__ import annotations

import json
from string import Formatter
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from svahub import BasicAuth, IntegrationSettings
from svahub.errors import Rejected


class Routes(BaseModel):
    """Templates of paths below the base URL. All are assumed: no public reference of this API exists."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plans: str = Field("/plans", description="assumed: list and register plans")
    users: str = Field("/users", description="assumed: create, find and list users")
    user: str = Field("/users/{user}", description="assumed: change and cancel a user")
    block: str = Field("/users/{user}/block", description="assumed: block a user")
    unblock: str = Field("/users/{user}/unblock", description="assumed: unblock a user")
    user_plans: str = Field("/users/{user}/plans", description="assumed: add a plan to a user")
    user_plan: str = Field("/users/{user}/plans/{plan}", description="assumed: change and cancel a plan of a user")

    @field_validator("*")
    @classmethod
    def _fillable(cls, template: str) -> str:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        if not template.startswith("/") or not names <= {"user", "plan"}:
            raise ValueError("a route begins with / and may name {user} and {plan}")
        return template


def path(template: str, **ids: str) -> str:
    """Fill a route with ids, each of which stays one part of the path."""
    if any("/" in value or value in {"", ".", ".."} for value in ids.values()):
        raise Rejected("unusable_id", "an id with a slash, or of dots only, would name something else")  # also quoted
    return template.format(**{name: quote(value, safe="") for name, value in ids.items()})


class TeleClinicaSettings(IntegrationSettings):
    """Settings of one account at TeleClínica."""

    username: str = Field(min_length=1, description="the user that TeleClínica gave for this environment")
    password: SecretStr = Field(min_length=1, description="its password; TeleClínica has it changed periodically")
    page_size: int = Field(100, ge=1, le=100, description="users or plans asked for at once in a listing")
    routes: Routes = Field(Routes(), description='routes that differ from what is assumed, as JSON: {"block": "/…"}')

    @field_validator("routes", mode="before")
    @classmethod
    def _routes_as_text(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def auth(self) -> BasicAuth:
        """Return HTTP Basic with the user and password."""
        return BasicAuth(self.username, self.password)
