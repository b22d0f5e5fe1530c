"""Pages: how many are asked for, and from where; a cursor is the key of the last that was given out, in base64."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from svahub.server.api.documents import LARGEST, Wrong
from svahub.server.api.problems import Kind, Problem

K = TypeVar("K")
R = TypeVar("R")

MOST = 200
USUAL = 50


def _digits(value: Any) -> Any:
    """Let nothing but digits be a number: pydantic takes `1_0` and ` 1` too."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,10}", value):
        raise ValueError("has to be a whole number")
    return value


Limit = Annotated[int, Field(ge=1, le=MOST), BeforeValidator(_digits)]  # bounds first: the schema then has them


class PageQuery(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Limit = Field(USUAL, description="How many at most.")
    cursor: str | None = Field(None, description="`next` of the page before, of the same list.")


class Paged(NamedTuple):
    """A page's rows, and the cursor of the page that follows."""

    items: Sequence[Any]
    next: str | None


class Keyset(Generic[K]):
    """How one list is paged: the shape of the keys that it is ordered by, and what stands before the first."""

    def __init__(self, kind: Any, start: K, key: Callable[[Any], K]) -> None:
        self._shape: TypeAdapter[K] = TypeAdapter(kind, config=ConfigDict(strict=True))
        self._start, self._key = start, key

    def page(self, query: PageQuery, read: Callable[[K, int], Sequence[Any]]) -> Paged:
        """Return the page that a query asks for; `read` returns so many rows that follow a key."""
        rows = read(self._after(query.cursor), query.limit + 1)
        shown = rows[: query.limit]
        return Paged(shown, self._cursor(shown[-1]) if len(rows) > query.limit else None)

    def _cursor(self, row: Any) -> str:
        return urlsafe_b64encode(to_json(self._key(row))).decode().rstrip("=")

    def _after(self, cursor: str | None) -> K:
        if cursor is None:
            return self._start
        try:
            return self._shape.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (ValueError, ValidationError) as error:
            wrong = Wrong(field="cursor", message="is none of this list's")
            raise Problem(Kind.INVALID, "The cursor is none of this list's.", errors=[wrong]) from error


Number = Annotated[int, Field(ge=0, le=LARGEST)]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
