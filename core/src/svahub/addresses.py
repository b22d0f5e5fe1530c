"""Which addresses a message may go to: only those of the internet, unless a target is allowed others. Pure.

A name may lead to another address at each look, so what is judged is the address that is then connected to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: the last four bytes are an IPv4 address."""
ALLOCATED = IPv6Network("2000::/3")
"""What of IPv6 the internet uses; the rest is for other purposes, or for none yet."""


class Forbidden(Exception):
    """A name leads to an address that the target must not be at; the text says why."""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: Address) -> bool:
    """Say whether an address, and every address that is written into it, is one of the internet's."""
    return all(map(_is_global, (address, *_inside(address))))


def _is_global(address: Address) -> bool:
    special = (
        address.is_private, address.is_loopback, address.is_link_local, address.is_multicast, address.is_reserved,
        address.is_unspecified,
    )  # fmt: skip
    return address.is_global and not any(special) and _is_allocated(address)


def _is_allocated(address: Address) -> bool:
    return isinstance(address, IPv4Address) or address in ALLOCATED or address in TRANSLATED


def _inside(address: Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv4Address):
        return
    found = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
    yield from (one for one in found if one is not None)
    if address in TRANSLATED:
        yield IPv4Address(address.packed[-4:])


def checked(host: str, found: Sequence[str], *, allow_private: bool, encrypted: bool) -> Sequence[str]:
    """Return the addresses that a name has, all of them being allowed; raise Forbidden otherwise.

    Without encryption a target may only be at addresses that are not of the internet.
    """
    for text in found:
        public = is_public(ip_address(text))
        if not public and not allow_private:
            raise Forbidden(f"{host} is at {text}, which is no address of the internet")
        if public and not encrypted:
            raise Forbidden(f"{host} is at {text} on the internet, where only https goes")
    if not found:
        raise Forbidden(f"{host} has no address")
    return found
