"""What Asaas's tests share: its simulator, a client of it, and the OpenAPI document as a judge."""

from __future__ import annotations

import importlib.util
import json
import os
import ssl
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from svahub.testing.clocks import HandClock
from svahub_asaas.simulator import AsaasSimulator

ONE_CONTEXT = ssl.create_default_context()  # a new one for each client costs more than most tests


@pytest.fixture
def simulator() -> Iterator[AsaasSimulator]:
    """Return a running simulator whose days only pass by hand, and that tries webhooks again at once."""
    with AsaasSimulator(seed=1, clock=HandClock()).running() as running:
        running.timings.webhook_scale = 0
        yield running


@pytest.fixture
def http(simulator: AsaasSimulator) -> Iterator[httpx.Client]:
    """Return a client that has the key."""
    headers = {"access_token": simulator.credentials["key"]}
    with httpx.Client(base_url=simulator.url, headers=headers, verify=ONE_CONTEXT) as client:
        yield client


@dataclass
class Receiver:
    """Takes webhooks: keeps each with its headers, and answers what `statuses` says next, else 200."""

    url: str = ""
    statuses: deque[int] = field(default_factory=deque)
    status: int = 200
    seen: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was received, in the order in which it came."""
        return [event for _, event in self.seen]

    @property
    def names(self) -> list[str]:
        """The events' names."""
        return [event["event"] for event in self.events]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Keep a request and return what it is answered."""
        self.seen.append((headers, json.loads(body)))
        return self.statuses.popleft() if self.statuses else self.status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a server on loopback that takes webhooks."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/endpoint"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def openapi() -> Any:
    """Return the document of `openapi.py`; skip where none is named, which CI must not do."""
    module = _sibling("openapi")
    path = module.path_from_environment()
    if path is None:
        missing = f"no OpenAPI document of Asaas: {module.VARIABLE} has to name the file"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return module.OpenApi.read(path)


def _sibling(name: str) -> Any:
    """Import a module beside this one: tests are imported one by one, so that none is on the path."""
    full = f"svahub_asaas_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]
