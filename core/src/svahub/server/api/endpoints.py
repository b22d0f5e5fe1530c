"""What the API can be asked: each endpoint with its path, what it takes and what it returns.

The routes and the OpenAPI document are both made from these; a handler's docstring is what the document says of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, TypeAdapter

from svahub.hub import TenantHub
from svahub.server.api.documents import LARGEST, Name
from svahub.server.api.paging import PageQuery
from svahub.store.states import Permission

A = TypeVar("A", bound=BaseModel)


class Nothing(BaseModel):
    """What an endpoint takes that takes nothing."""


PATH_PARAMETERS: Mapping[str, tuple[TypeAdapter[Any], str]] = {
    "contract": (TypeAdapter(Name), "The contract's id."),
    "subscription": (TypeAdapter(UUID), "The subscription's key."),
    "operation": (TypeAdapter(Annotated[int, Field(ge=1, le=LARGEST)]), "The operation's number."),
    "integration": (TypeAdapter(Name), "The integration's name."),
}
"""What a path may name: the shape of it, and what it is."""


@dataclass(frozen=True, slots=True)
class Call(Generic[A]):
    """One request: whose part of the installation it is about, what its bearer may do, and what is asked."""

    office: TenantHub
    permission: Permission
    asked: A
    named: str = ""
    """What the path names."""
    idempotency_key: str | None = None


class Answer(NamedTuple):
    """What is answered, and with which status."""

    body: BaseModel
    status: int = 200


@dataclass(frozen=True)
class Endpoint:
    """One method on one path; what it takes is in the query of a GET, in the body of a POST."""

    method: str
    path: str
    handler: Callable[[Call[Any]], Answer]
    returns: type[BaseModel]
    takes: type[BaseModel] = Nothing
    statuses: Mapping[int, str] = field(default_factory=lambda: {200: "What was asked for."})
    permissions: frozenset[Permission] = frozenset(Permission)

    @cached_property
    def about(self) -> str | None:
        """What the path names one of."""
        named = re.search(r"{(\w+)}", self.path)
        return named[1] if named else None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @property
    def pages(self) -> bool:
        """Whether it is a list."""
        return issubclass(self.takes, PageQuery)
