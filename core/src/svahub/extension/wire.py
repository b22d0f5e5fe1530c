"""What plugins read and ask a provider's API with: paths that can be set, statuses, lookups, listings page by page."""

from __future__ import annotations

import json
from itertools import count
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator
from pydantic.alias_generators import to_camel

from svahub import brazil
from svahub.errors import Cause, Rejected, Unreachable
from svahub.models import Observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.client import ProviderClient

__all__ = [
    "AS_TEXT",
    "STATUSES",
    "CamelWire",
    "CursorPage",
    "Listed",
    "NumberedPage",
    "RouteTemplates",
    "Several",
    "Status",
    "by_cursor",
    "may_be_of",
    "numbered",
    "path",
]


class RouteTemplates(BaseModel):
    """Templates of paths below the base URL, for an API whose routes are only assumed; `names` are what may be filled.

    A subclass has a field for each route; its settings take them as JSON by `AS_TEXT`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*")
    @classmethod
    def _fillable(cls, template: str) -> str:
        named = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        if not template.startswith("/") or not named <= cls.names:
            allowed = " and ".join(f"{{{name}}}" for name in sorted(cls.names, reverse=True))
            raise ValueError(f"a route begins with / and may name {allowed}")
        return template


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


AS_TEXT = BeforeValidator(_parsed)
"""Takes a setting's value as JSON, as the command line gives it."""


def path(template: str, **ids: str) -> str:
    """Fill a route with ids, each of which stays one part of the path."""
    if any("/" in value or value in {"", ".", ".."} for value in ids.values()):
        raise Rejected("unusable_id", "an id with a slash, or of dots only, would name something else")  # also quoted
    return template.format(**{name: quote(value, safe="") for name, value in ids.items()})


class CamelWire(BaseModel):
    """A provider's JSON with fields in camel case; what is not known is ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


STATUSES = {status.value: status for status in (Observed.ACTIVE, Observed.BLOCKED, Observed.CANCELLED)}
"""What users and subscriptions are at a provider that has the core's own words for it."""


def _status(word: object) -> Observed:
    return STATUSES.get(word, Observed.UNKNOWN) if isinstance(word, str) else Observed.UNKNOWN


Status = Annotated[Observed, BeforeValidator(_status)]
"""A status in these words; any other, such as that of what is still being set up, is read as UNKNOWN."""


class Listed(BaseModel):
    """An entry of a listing: what it is known by at the provider."""

    id: str


E = TypeVar("E", bound=Listed)


class Several(BaseModel, Generic[E]):
    """What a lookup brought, in an envelope or as a bare list."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: tuple[E, ...]
    total: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"data": value} if isinstance(value, list) else value

    @property
    def whole(self) -> tuple[E, ...]:
        """All of them; raises Unreachable(INCOMPLETE) when the answer says that there are more."""
        if self.total is not None and len(self.data) < self.total:
            raise Unreachable(Cause.INCOMPLETE, f"the lookup brought {len(self.data)} of {self.total}")
        return self.data


def may_be_of(document: str, told: str | None) -> bool:
    """Say whether what a lookup by document brought can be meant: its own, if one is told, is no other one.

    An API that does not filter by what it is asked brings strangers, whom nobody wants to be linked.
    """
    return told is None or not brazil.is_document(told) or brazil.document(told)[1] == document


class NumberedPage(BaseModel, Generic[E]):
    """One page of a listing whose pages are numbered; `total` counts the entries of all pages."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data: tuple[E, ...]
    total: int


def numbered(
    client: ProviderClient, route: str, page: type[NumberedPage[E]], *, size: int, **filters: str | None
) -> Iterator[E]:
    """Stream all pages (`page`, `limit`); an entry that moved on to the next page meanwhile comes once.

    Raise Unreachable(INCOMPLETE) when a page brings nothing new before `total` is reached.
    """
    received, before = 0, frozenset[str]()
    for number in count(1):
        answer = client.get(route, params={"page": number, "limit": size, **filters}, returns=page)
        fresh = [entry for entry in answer.data if entry.id not in before]
        yield from fresh
        received, before = received + len(fresh), frozenset(entry.id for entry in answer.data)
        if received >= answer.total:
            return
        if not fresh:
            raise Unreachable(Cause.INCOMPLETE, f"the listing ended after {received} of {answer.total}")


class CursorPage(BaseModel, Generic[E]):
    """One page of a listing that goes on at a cursor and counts nothing; `next` is None on the last page alone.

    An answer without `next` is no last page, and cannot be read. Where the names differ, a subclass gives aliases.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    items: tuple[E, ...]
    next: str | None


def by_cursor(
    client: ProviderClient,
    route: str,
    page: type[CursorPage[E]],
    *,
    parameter: str = "cursor",
    **asked: str | int | None,
) -> Iterator[E]:
    """Stream all pages, each asked for by the cursor that the one before named; what comes once more is left out.

    A page that is short, or empty, ends nothing. Raise Unreachable(INCOMPLETE) when a cursor leads back.
    """
    cursor: str | None = None
    followed, before = set[str | None](), frozenset[str]()
    while cursor not in followed:
        followed.add(cursor)
        answer = client.get(route, params={parameter: cursor, **asked}, returns=page)
        yield from (entry for entry in answer.items if entry.id not in before)
        cursor, before = answer.next, frozenset(entry.id for entry in answer.items)
        if cursor is None:
            return
    raise Unreachable(Cause.INCOMPLETE, f"after {len(followed)} pages the listing leads back to one of them")
