"""From which address somebody asks: the connection's, or what proxies that are known tell of it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.requests import Request

FORWARDED = "x-forwarded-for"
SITE_BITS = 64
"""So many bits of an IPv6 address say whose it is; the rest its owner changes at will."""


class Callers:
    """Tells who asks; only `proxies` are believed about others."""

    def __init__(self, proxies: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._proxies = tuple(proxies)

    def address(self, request: Request) -> str:
        """Return the address of who asks: the nearest one that is no known proxy's."""
        nearest = request.client.host if request.client else ""
        for told in chain([nearest], _forwarded(request)):
            address = _parsed(told)
            if address is None:
                break
            nearest = str(address)
            if not any(address in proxy for proxy in self._proxies):
                break
        return nearest


def whose(address: str) -> str:
    """Return what names an address's owner: of IPv6 their whole network."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, SITE_BITS), strict=False))
    return address


def _forwarded(request: Request) -> Iterator[str]:
    """Yield for whom each proxy asked, the nearest proxy's word first."""
    told = ",".join(request.headers.getlist(FORWARDED))
    yield from (one.strip() for one in reversed(told.split(",")))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
