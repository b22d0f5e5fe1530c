"""Which proxy a call goes through: the one that the environment names, as every program of the system is told.

`https_proxy`, `http_proxy` and `all_proxy` name it, `no_proxy` the hosts that are reached without; this machine always
is. A proxy is spoken to in plain HTTP, and sees nothing of what goes by https but the name of the host.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # by typeshed

import httpx

from svahub.addresses import is_loopback

Proxies = Mapping[str, str]
"""What Python's `getproxies_environment` returns: a URL for each scheme, and for `no` a list of hosts."""

NO_PROXIES: Proxies = {}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens, and what it is told of who we are."""

    host: str
    port: int
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)


def from_environment() -> Proxies:
    """Return the proxies that this process was told of."""
    return getproxies_environment()


def proxy_for(scheme: str, host: str, proxies: Proxies) -> Proxy | None:
    """Return the proxy for it; ProxyError when the one that is named cannot be spoken to."""
    named = proxies.get(scheme) or proxies.get("all")
    if not named or is_loopback(host) or proxy_bypass_environment(host, dict(proxies)):
        return None
    return _parsed(named, scheme)


def _parsed(named: str, scheme: str) -> Proxy:
    try:
        url = httpx.URL(named if "://" in named else f"http://{named}")
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme != "http" or not url.host:
        raise httpx.ProxyError(f"the proxy for {scheme} is no http://host:port, the only kind that is spoken to")
    return Proxy(url.host, url.port or 80, _authorization(url))


def _authorization(url: httpx.URL) -> tuple[tuple[bytes, bytes], ...]:
    if not url.userinfo:
        return ()
    known = f"{unquote(url.username)}:{unquote(url.password)}"
    return ((b"Proxy-Authorization", b"Basic " + b64encode(known.encode())),)
