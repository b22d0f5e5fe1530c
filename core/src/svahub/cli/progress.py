"""A bar on the error output while something long runs; nothing where that is no terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def bar(label: str, length: int | Callable[[], int] | None = None) -> Iterator[Callable[[int], None]]:
    """Yield what is to be told how many more are done; without a `length` the bar counts.

    One that has to be found out is asked for where a bar is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    length = length() if callable(length) else length
    endless = None if length else iter(())
    with click.progressbar(endless, length=length, label=label, show_pos=True, file=sys.stderr) as shown:
        yield shown.update
