"""Steps that take several calls: what is told of the first ones where a later one fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from svahub.errors import Partial, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.models import RemoteUser


@contextmanager
def telling_of(there: RemoteUser, *, known: bool = False) -> Iterator[None]:
    """Tell of a user that is there where what follows fails: raises Partial in the place of a ProviderError.

    Of a user that the core has `known` before there is nothing to tell but the failure.
    """
    try:
        yield
    except ProviderError as failed:
        if known:
            raise
        raise Partial(there, failed) from failed
