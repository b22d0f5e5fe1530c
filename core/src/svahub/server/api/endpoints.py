"""What an API can be asked: each endpoint with its path, what it takes and what it returns.

The routes and the OpenAPI document are both made from these; a handler's docstring is what the document says of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter

from svahub.hub import TenantHub
from svahub.server.api.paging import PageQuery
from svahub.server.api.words import ENGLISH, Words
from svahub.store.states import OWN_PERMISSIONS, Permission

A = TypeVar("A", bound=BaseModel)


class Nothing(BaseModel):
    """What an endpoint takes that takes nothing."""


class PathName(NamedTuple):
    """What a path may name: one of which kind, in which shape, and how the document tells of it."""

    kind: str
    shape: TypeAdapter[Any]
    description: str


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
    permissions: frozenset[Permission] = frozenset(OWN_PERMISSIONS)

    @cached_property
    def about(self) -> str | None:
        """The place in the path that names something."""
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


@dataclass(frozen=True)
class Api:
    """What is served below one prefix, and how its document tells of it.

    An API for the `partner` of a plugin opens to keys of that partner only, and others' APIs do not open to these.
    """

    prefix: str
    title: str
    distribution: str
    """Whose version the document bears."""
    about: str
    endpoints: Sequence[Endpoint]
    names: Mapping[str, PathName]
    """What the paths name."""
    links: Mapping[type[BaseModel], tuple[str, str]] = field(default_factory=dict)
    """Where in an answer the name of something is that other paths take."""
    next_page: str = "/next"
    """Where in a page the cursor of the one that follows is."""
    partner: str | None = None
    keys_made_by: str = "svahub keys create"
    words: Words = ENGLISH
    """In which language it is told what is wrong."""

    def kind(self, endpoint: Endpoint) -> str | None:
        """Return what an endpoint's path names one of."""
        return None if endpoint.about is None else self.names[endpoint.about].kind
