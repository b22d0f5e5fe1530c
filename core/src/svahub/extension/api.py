"""What a plugin's own API (`svahub.routes`) is made with, so that it looks and behaves like the core's under `/v1`.

Keys, how often one may ask, pages, problem documents and the OpenAPI document are the core's. A plugin says what can be
asked: endpoints, whose handlers get the part of the installation that the key is for. Needs `svahub[server]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.areas.holders import Holders
from svahub.server.api.access import RATE
from svahub.server.api.documents import Given, Name
from svahub.server.api.endpoints import Answer, Api, Call, Endpoint, Nothing, PathName
from svahub.server.api.openapi import document
from svahub.server.api.paging import USUAL, Keyset, Limit, Number, Paged, PageQuery, Text
from svahub.server.api.problems import Kind, Problem, none_of_this_name
from svahub.server.api.served import MountedApi
from svahub.server.api.words import PORTUGUESE, Words
from svahub.store.holders import HolderRow, HoldingRow
from svahub.store.states import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from svahub.hub import Hub

__all__ = [
    "PORTUGUESE",
    "RATE",
    "USUAL",
    "Answer",
    "Api",
    "Call",
    "Endpoint",
    "Given",
    "HolderRow",
    "Holders",
    "HoldingRow",
    "Keyset",
    "Kind",
    "Limit",
    "Name",
    "Nothing",
    "Number",
    "PageQuery",
    "Paged",
    "PathName",
    "Permission",
    "Problem",
    "Text",
    "Words",
    "document",
    "none_of_this_name",
    "routes_of",
]


def routes_of(hub: Hub, api: Api, *, rate: str = RATE) -> Sequence[BaseRoute]:
    """Return what a plugin's `build` returns: the API's routes, to be mounted below its prefix."""
    return [MountedApi("", hub, api, rate=rate)]
