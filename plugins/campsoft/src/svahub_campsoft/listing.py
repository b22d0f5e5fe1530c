"""Looks at each entry of a listing that tells too little, many at once and no more of them in memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")


def looked_at(values: Iterable[T], look: Callable[[T], R], *, at_once: int) -> Iterator[R]:
    """Stream what `look` brings of each value, in their order; reading the next value is one of the `at_once` too."""
    values = iter(values)
    under_way: deque[Future[R]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="campsoft") as pool:
        try:
            while more := pool.submit(copy_context().run, _next, values).result():
                if len(under_way) == at_once:
                    yield under_way.popleft().result()
                under_way.append(pool.submit(copy_context().run, look, more[0]))
            while under_way:
                yield under_way.popleft().result()
        finally:
            for left in under_way:
                left.cancel()


def _next(values: Iterator[T]) -> tuple[T, ...]:
    return next(((value,) for value in values), ())
