"""What may carry httpx's requests, side by side: one process of threads against a raw server that answers after 20 ms.

Each carrier is given the same requests by the same threads; rounds take turns, so that a busy machine is busy for all.
What is not installed is left out: uv run --with niquests --with pyreqwest python benchmarks/transports.py [--json]
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

import click
import httpx
from svahub.transport import DeadlineTransport

ANSWERED = b'{"id":"u1","externalReference":"r1","status":"ACTIVE","links":{"app":"https://app.example.com/r1"}}'
ANSWER = (
    b"HTTP/1.1 201 Created\r\nDate: Thu, 26 Nov 2026 12:00:00 GMT\r\nServer: raw\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nX-Request-Id: 0123456789abcdef\r\n\r\n%s" % (len(ANSWERED), ANSWERED)
)
SENT = {"externalReference": "r1", "name": "Pessoa Inventada", "cpf": "00000000000", "planId": "p1"}
ROUNDS = 3

Carrier = Callable[[httpx.Request], bytes]


class Raw(asyncio.Protocol):
    """Answers each packet, which is a request, after a delay; parses nothing."""

    delay = 0.02

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"}"):  # a carrier may send head and body apart
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, ANSWER)


def serve(port: Connection, delay: float) -> None:
    async def main() -> None:
        Raw.delay = delay
        server = await asyncio.get_running_loop().create_server(Raw, "127.0.0.1", 0, backlog=512)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def raw_server(delay: float) -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, delay), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/users"
    finally:
        process.terminate()
        process.join()


def through(transport: httpx.BaseTransport) -> Carrier:
    def carry(request: httpx.Request) -> bytes:
        return transport.handle_request(request).read()

    return carry


def bare_client(threads: int) -> Carrier:
    limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
    return through(httpx.HTTPTransport(limits=limits))


def ours(threads: int) -> Carrier:
    return through(DeadlineTransport(connections=threads))


def ours_for_each_thread(_: int) -> Carrier:
    own = threading.local()

    def carry(request: httpx.Request) -> bytes:
        if not hasattr(own, "transport"):
            own.transport = DeadlineTransport(connections=1)
        content: bytes = own.transport.handle_request(request).read()
        return content

    return carry


class HttpClient(httpx.BaseTransport):
    """The standard library's client, a connection for each thread."""

    def __init__(self) -> None:
        self._own = threading.local()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        connection = self._connection(request.url)
        connection.request(request.method, request.url.raw_path.decode(), request.read(), dict(request.headers))
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), stream=httpx.ByteStream(answer.read()))

    def _connection(self, url: httpx.URL) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(url.host, url.port, timeout=5)
            self._own.connection.connect()
            self._own.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: http.client.HTTPConnection = self._own.connection
        return connection


class H11(httpx.BaseTransport):
    """h11 over a blocking socket, a connection for each thread: the parser without httpcore."""

    def __init__(self) -> None:
        self._own = threading.local()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        import h11

        if not hasattr(self._own, "socket"):
            self._own.socket = socket.create_connection((request.url.host, request.url.port), timeout=5)
            self._own.http = h11.Connection(h11.CLIENT)
        wire, spoken = self._own.socket, self._own.http
        asked = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        wire.sendall(spoken.send(asked) + spoken.send(h11.Data(request.read())) + spoken.send(h11.EndOfMessage()))
        body = b""
        while not isinstance(event := spoken.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                spoken.receive_data(wire.recv(65536))
            elif isinstance(event, h11.Response):
                answer = event
            else:
                body += event.data
        spoken.start_next_cycle()
        return httpx.Response(answer.status_code, headers=answer.headers.raw_items(), stream=httpx.ByteStream(body))


class Urllib3(httpx.BaseTransport):
    """urllib3's pool, shared by all threads."""

    def __init__(self, threads: int) -> None:
        import urllib3

        self._pool = urllib3.PoolManager(maxsize=threads, retries=False, timeout=5)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._pool.urlopen(
            request.method, str(request.url), body=request.read(), headers=dict(request.headers), preload_content=True
        )
        return httpx.Response(answer.status, headers=answer.headers.items(), stream=httpx.ByteStream(answer.data))


class Niquests(httpx.BaseTransport):
    """niquests, a session shared by all threads."""

    def __init__(self, threads: int) -> None:
        import niquests

        self._session = niquests.Session(pool_maxsize=threads)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._session.request(
            request.method, str(request.url), data=request.read(), headers=dict(request.headers), timeout=5
        )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), stream=httpx.ByteStream(answer.content))


def pyreqwest(_: int) -> Carrier:
    from pyreqwest.compatibility.httpx import SyncHttpxTransport

    return through(SyncHttpxTransport())


def carriers() -> dict[str, Callable[[int], Carrier]]:
    """Return what is to be compared, the stock one first."""
    found: dict[str, Callable[[int], Carrier]] = {
        "stock": bare_client,
        "svahub (httptools)": ours,
        "svahub, thread's own": ours_for_each_thread,
        "http.client": lambda _: through(HttpClient()),
        "h11": lambda _: through(H11()),
    }
    kept: dict[str, Callable[[int], Carrier]] = {
        "urllib3": lambda threads: through(Urllib3(threads)),
        "niquests": lambda threads: through(Niquests(threads)),
        "pyreqwest": pyreqwest,
    }
    return found | {name: made for name, made in kept.items() if find_spec(name)}


def request(url: str) -> httpx.Request:
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), 30.0)
    headers = {"Authorization": "Basic bm9ib2R5", "Accept": "application/json", "User-Agent": "svahub"}
    return httpx.Request("POST", url, json=SENT, headers=headers, extensions={"timeout": timeout})


def per_second(carry: Carrier, asked: httpx.Request, calls: int, pool: ThreadPoolExecutor) -> tuple[float, float]:
    """Return requests a second, and milliseconds of this process's CPU for each."""
    cpu, began = time.process_time(), time.perf_counter()
    assert all(content == ANSWERED for content in pool.map(lambda _: carry(asked), range(calls)))
    seconds = time.perf_counter() - began
    return calls / seconds, (time.process_time() - cpu) * 1000 / calls


def compared(url: str, threads: int, calls: int) -> Iterator[tuple[str, dict[str, float]]]:
    asked, rates = request(url), {name: [] for name in carriers()}  # type: dict[str, list[tuple[float, float]]]
    made = {name: make(threads) for name, make in carriers().items()}
    with ThreadPoolExecutor(threads) as pool:
        for carry in made.values():
            per_second(carry, asked, threads * 4, pool)  # so that all are connected
        for _ in range(ROUNDS):
            for name, carry in made.items():
                rates[name].append(per_second(carry, asked, calls, pool))
    stock = statistics.median(rate for rate, _ in rates["stock"])
    for name, found in rates.items():
        rate, cpu = (statistics.median(values) for values in zip(*found, strict=True))
        yield name, {"per_second": rate, "ratio_to_stock": rate / stock, "cpu_milliseconds": cpu}


@click.command()
@click.option("--threads", default=[32, 128], multiple=True, show_default=True)
@click.option("--calls", default=4000, show_default=True)
@click.option("--delay-ms", default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(threads: tuple[int, ...], calls: int, delay_ms: int, as_json: bool) -> None:
    """Print how many requests a second each carrier makes, and its ratio to httpx's own."""
    found: dict[str, Any] = {}
    with raw_server(delay_ms / 1000) as url:
        for count in threads:
            found[str(count)] = dict(compared(url, count, calls))
    if as_json:
        click.echo(json.dumps(found))
        return
    for count, rows in found.items():
        for name, row in rows.items():
            click.echo(
                f"{count:>4} threads  {name:20} {row['per_second']:8.0f}/s  {row['ratio_to_stock']:5.2f} of stock"
                f"  {row['cpu_milliseconds']:6.3f} ms CPU"
            )


if __name__ == "__main__":
    main()
