"""The lifecycle API under `/v1`: contracts, subscriptions, operations, plans and integrations, and the verbs.

Its bearer's key says whose tenant it is. Whoever can read the store needs no key: the commands are admin. What it is
made of serves plugins' APIs as well (`svahub.extension.api`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.server.api.access import RATE
from svahub.server.api.served import MountedApi
from svahub.server.api.v1 import API, ENDPOINTS, PREFIX

if TYPE_CHECKING:
    from svahub.hub import Hub

__all__ = ["ENDPOINTS", "PREFIX", "RATE", "Mounted"]


class Mounted(MountedApi):
    """The API at its place in the server."""

    def __init__(self, hub: Hub, *, rate: str = RATE) -> None:
        super().__init__(PREFIX, hub, API, rate=rate)
