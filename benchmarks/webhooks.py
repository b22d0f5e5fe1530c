"""Webhooks against a real `svahub serve`, and the same against a server that keeps nothing; prints one ratio.

Every delivery that was answered with 200 must be in the store afterwards, or this ends with an error.

Run: uv run python benchmarks/webhooks.py [--webhooks 10000] [--connections 8] [--database URL] [--with-work] [--json]
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import click
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from svahub.hub import Hub
from svahub.models import Environment
from svahub.server.serving import Serving, bound

KEY, TOKEN = "SVAHUB_BENCHMARK_KEY", "SVAHUB_BENCHMARK_TOKEN"
ENDED = b"\r\n\r\n{}"
NOW = f"{datetime.now(ZoneInfo('America/Sao_Paulo')):%Y-%m-%d %H:%M:%S}"  # of what is told late, Asaas would be asked


@dataclass(frozen=True)
class Answered:
    """How often an answer was 200, how long each took, and all together, in seconds."""

    taken: int
    each: list[float]
    whole: float

    def figures(self, name: str) -> Iterator[tuple[str, float]]:
        """Return what to print."""
        hundredths = statistics.quantiles(self.each, n=100)
        yield f"{name}_per_second", len(self.each) / self.whole
        yield f"{name}_p50_ms", hundredths[49] * 1000
        yield f"{name}_p99_ms", hundredths[98] * 1000
        yield f"{name}_max_ms", max(self.each) * 1000


def delivery(number: int) -> bytes:
    """Return an event as Asaas sends it."""
    payment = {
        "object": "payment", "id": f"pay_{number % 1000}", "customer": "cus_1", "value": 49.9, "netValue": 47.91,
        "status": "RECEIVED", "dueDate": "2026-11-10", "dateCreated": "2026-11-01", "billingType": "PIX",
    }  # fmt: skip
    event = {"id": f"evt_{number}", "event": "PAYMENT_RECEIVED", "dateCreated": NOW}
    return json.dumps(event | {"payment": payment}).encode()


def requests(path: str, token: str, numbers: range) -> list[bytes]:
    """Return whole requests, made beforehand: the time that they take is not the server's."""
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nasaas-access-token: {token}\r\nContent-Type: application/json\r\n"
    made = []
    for body in map(delivery, numbers):
        made.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


def post(url: str, made: list[bytes]) -> tuple[int, list[float]]:
    """Send requests one after another over one connection."""
    there, each, taken = urlsplit(url), [], 0
    with socket.create_connection((there.hostname, there.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in made:
            began, answer = time.perf_counter(), b""
            connection.sendall(request)
            while not answer.endswith(ENDED):
                answer += connection.recv(4096) or ENDED
            each.append(time.perf_counter() - began)
            taken += answer.startswith(b"HTTP/1.1 200 ")
    return taken, each


def delivered(url: str, path: str, token: str, webhooks: int, connections: int) -> Answered:
    """Send events over several connections at once."""
    shares = [requests(path, token, range(first, webhooks, connections)) for first in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        began = time.perf_counter()
        ended = list(pool.map(lambda made: post(url, made), shares))
        whole = time.perf_counter() - began
    return Answered(sum(taken for taken, _ in ended), [seconds for _, each in ended for seconds in each], whole)


async def answer(request: Request) -> JSONResponse:
    """Read the body and answer; keep nothing."""
    await request.body()
    return JSONResponse({})


def answer_on(told: Connection) -> None:
    """Serve until told to end."""
    with Serving(Starlette(routes=[Route("/", answer, methods=["POST"])]), bound("127.0.0.1", 0)) as serving:
        told.send(serving.url)
        told.recv()


@contextmanager
def bare() -> Iterator[str]:
    """Run the server that keeps nothing, as a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=answer_on, args=[there])
    process.start()
    yield here.recv()
    here.send(None)
    process.join()


@contextmanager
def served(database: str, *options: str) -> Iterator[str]:
    """Run `svahub serve`."""
    command = [sys.executable, "-m", "svahub", "--database", database, "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.terminate()


def registered(database: str) -> str:
    """Register Asaas, which nobody calls, and return its endpoint."""
    os.environ[KEY], os.environ[TOKEN] = f"$aact_hmlg_{secrets.token_urlsafe(24)}", secrets.token_urlsafe(32)
    references = {"key": f"env:{KEY}", "webhook_token": f"env:{TOKEN}"}
    with Hub.open(database) as hub:
        address = "http://127.0.0.1:9/v3"
        view = hub.tenant("default").integrations.add(
            "asaas", "asaas", Environment.STAGING, address=address, secret=references
        )
    assert view.endpoint is not None
    return view.endpoint


def kept(database: str) -> int:
    """Count the events in the store."""
    with Hub.open(database) as hub:
        return len({one.event_id for one in hub.tenant("default").inbox.list()})


def figures(webhooks: int, connections: int, database: str, *options: str) -> Iterator[tuple[str, float]]:
    """Measure, in one run: a server that keeps nothing, `svahub serve`, the other again."""
    path = registered(database)

    def measure(url: str, path: str) -> Answered:
        return delivered(url, path, os.environ[TOKEN], webhooks, connections)

    with bare() as url:
        measure(url, "/")
        before = measure(url, "/")
    with served(database, *options) as url:
        stored = measure(url, path)
    with bare() as url:
        measure(url, "/")
        after = measure(url, "/")
    yield from before.figures("bare")
    yield from stored.figures("served")
    yield "answered_200", stored.taken
    yield "kept", kept(database)
    yield "ratio", (before.whole + after.whole) / 2 / stored.whole


@click.command()
@click.option("--webhooks", default=10_000, show_default=True)
@click.option("--connections", default=8, show_default=True)
@click.option("--database", help="An empty one; default: an SQLite file of its own.")
@click.option("--with-work", is_flag=True, help="Read them meanwhile.")
@click.option("--json", "as_json", is_flag=True)
def main(webhooks: int, connections: int, database: str | None, with_work: bool, as_json: bool) -> None:
    """Print how many deliveries a server takes, and how long each waits for its answer."""
    with tempfile.TemporaryDirectory() as name:
        options = ["--with-work"] if with_work else []
        found = dict(figures(webhooks, connections, database or f"sqlite:///{Path(name) / 'store.db'}", *options))
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name:22} {value:10.2f}")
    if not found["answered_200"] == found["kept"] == webhooks:
        raise click.ClickException("Deliveries were refused or lost.")


if __name__ == "__main__":
    main()
