"""While a plugin is tested this process calls nobody but this machine: what tries to is noted, and stopped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from svahub.addresses import is_loopback


class Elsewhere(ConnectionRefusedError):
    """A call to another machine, which was not let out."""


_called: list[str] | None = None
_installed = False


@contextmanager
def kept_inside() -> Iterator[list[str]]:
    """Let no connection out to another machine; yield the hosts that were asked for."""
    global _called
    _install()
    before, _called = _called, []
    try:
        yield _called
    finally:
        _called = before


def _install() -> None:
    """Begin to hear of connections: Python forgets no audit hook, so that there is one for the whole process."""
    global _installed
    if not _installed:
        sys.addaudithook(_heard)
        _installed = True


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if _called is None:
        return
    if event == "socket.getaddrinfo":
        _refuse(arguments[0])
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        _refuse(arguments[1][0])


def _refuse(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if _called is not None and not is_loopback(name):
        _called.append(name)
        raise Elsewhere(f"{name} is not called while the plugin is tested")
