"""A provider that answers as a test wants it to, and a client of it: what the tests of the client share."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from pydantic import BaseModel
from svahub.client import ProviderClient

BASE = "https://api.example.com/v1"
HOSTS = frozenset({"api.example.com"})
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "52998224725"  # noqa: S105  # a document number that no message may repeat


class Thing(BaseModel):
    """What the provider answers."""

    id: str


Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, **options: object) -> ProviderClient:
    return ProviderClient(
        base_url=BASE, hosts=HOSTS, transport=httpx.MockTransport(handler), now=lambda: NOW, **options
    )  # type: ignore[arg-type]  # options are the constructor's own


def answering(status: int, body: object = None, **headers: str) -> Handler:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: httpx.Response(
        status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
