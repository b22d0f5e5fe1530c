"""`svahub serve` as operators run it: a process that answers, stores, is killed, and ends when it is told to."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main
from svahub.hub import Hub, TenantHub
from svahub.models import Environment
from svahub.server.app import application
from svahub.server.serving import Serving, bound
from svahub_asaas.simulator import AsaasSimulator

KEY, TOKEN = "KEY_AT_ASAAS", "TOKEN_OF_ASAAS"
PATIENCE_SECONDS = 30.0
PAYMENT = {
    "object": "payment",
    "customer": "cus_1",
    "value": 49.9,
    "netValue": 47.91,
    "status": "RECEIVED",
    "dueDate": "2026-11-10",
    "dateCreated": "2026-11-01",
    "billingType": "PIX",
}


def until(happens: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline, ticks = time.monotonic() + PATIENCE_SECONDS, Event()
    while not happens():
        assert time.monotonic() < deadline
        ticks.wait(0.02)


def started(url: str, *options: str) -> subprocess.Popen[str]:
    """Run `svahub serve` on a free port."""
    command = [sys.executable, "-m", "svahub", "--database", url, "serve", "--port", "0", "--json", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def address(process: subprocess.Popen[str]) -> str:
    """Return where it answers, once it does."""
    assert process.stdout is not None
    where: str = json.loads(process.stdout.readline())["url"]
    return where


@dataclass
class Billing:
    """An ISP on a store that processes share, with Asaas's simulator."""

    url: str
    hub: Hub
    asaas: AsaasSimulator

    @property
    def path(self) -> str:
        path = self.hub.tenant("default").integrations.show("bill").endpoint
        assert path is not None
        return path

    def tell(self, server: str, number: int) -> int:
        """Deliver an event as Asaas does; return the answer's status."""
        event = {"id": f"evt_{number}", "event": "PAYMENT_RECEIVED", "payment": PAYMENT | {"id": f"pay_{number}"}}
        headers = {"asaas-access-token": os.environ[TOKEN], "Content-Type": "application/json"}
        connection = HTTPConnection(urlsplit(server).netloc, timeout=20)
        try:
            connection.request("POST", self.path, json.dumps(event), headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def states(self) -> list[str]:
        return [one.state.value for one in self.hub.tenant("default").inbox.list()]

    def tries(self) -> set[int]:
        return {one.tries for one in self.hub.tenant("default").inbox.list()}


@pytest.fixture
def billing(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Billing]:
    with AsaasSimulator(seed=1).running() as asaas, Hub.open(sqlite_url) as hub:
        monkeypatch.setenv(KEY, asaas.credentials["key"])
        monkeypatch.setenv(TOKEN, secrets.token_urlsafe(32))
        references = {"key": f"env:{KEY}", "webhook_token": f"env:{TOKEN}"}
        hub.tenant("default").integrations.add(
            "bill", "asaas", Environment.STAGING, address=asaas.url, secret=references
        )
        yield Billing(sqlite_url, hub, asaas)


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--database", url, *arguments])


def killed_after(billing: Billing, count: int) -> None:
    """Have a server take deliveries in, and kill it."""
    with started(billing.url) as server:
        where = address(server)
        assert [billing.tell(where, number) for number in range(count)] == [200] * count
        server.kill()
    assert billing.states() == ["waiting"] * count


def test_what_a_killed_server_had_answered_is_read_after_it_once(billing: Billing) -> None:
    killed_after(billing, 20)
    assert run(billing.url, "work", "--once").exit_code == 0
    assert (billing.states(), billing.tries()) == (["done"] * 20, {0})


@pytest.mark.deep
def test_of_two_processes_that_work_each_delivery_is_read_by_one(billing: Billing) -> None:
    killed_after(billing, 300)
    command = [sys.executable, "-m", "svahub", "--database", billing.url, "work", "--once"]
    workers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert (billing.states(), billing.tries()) == (["done"] * 300, {0})


def test_with_work_what_comes_is_read_and_sigterm_ends_it_cleanly(billing: Billing) -> None:
    with started(billing.url, "--with-work") as server:
        where = address(server)
        assert billing.tell(where, 1) == 200
        until(lambda: billing.states() == ["done"])
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        assert server.stderr is not None
        assert server.stderr.read() == ""


def test_ctrl_c_while_a_delivery_is_coming_lets_it_be_kept_and_answered(billing: Billing) -> None:
    with started(billing.url) as server:
        there = urlsplit(address(server))
        body = b'{"id": "evt_1", "event": "PAYMENT_CREATED"}'
        head = f"POST {billing.path} HTTP/1.1\r\nHost: here\r\nasaas-access-token: {os.environ[TOKEN]}\r\n"
        with socket.create_connection((there.hostname, there.port), 20) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:20])
            _wait_until_it_is_heard(there.netloc)
            server.send_signal(signal.SIGINT)
            until(lambda: not _listens(there.port))
            connection.sendall(body[20:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert server.wait(20) == 0
    assert billing.states() == ["waiting"]


def _wait_until_it_is_heard(netloc: str) -> None:
    """What came on another connection before has been heard when this is answered."""
    connection = HTTPConnection(netloc, timeout=20)
    connection.request("GET", "/health/live")
    assert connection.getresponse().status == 200
    connection.close()


def _listens(port: int | None) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port or 0), 20).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_port_that_is_taken_is_told_in_a_sentence(sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(sqlite_url, "serve", "--port", str(port))
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: Nobody can listen at 127.0.0.1, port {port}: Address already in use. Choose others: --host, --port.\n",
    )


def test_without_its_packages_it_says_what_to_install(sqlite_url: str, tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError('No module', name='uvicorn')\n")
    command = [sys.executable, "-m", "svahub", "--database", sqlite_url, "serve", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    told = "Error: The server needs more packages (uvicorn): pip install 'svahub[server]'.\n"
    assert (ended.returncode, ended.stderr) == (1, told)


def test_calls_to_providers_are_counted_by_the_status_of_the_answer(office: TenantHub) -> None:
    office.catalogue.sync("tele")
    with Serving(application(office.hub), bound("127.0.0.1", 0)) as serving:
        connection = HTTPConnection(urlsplit(serving.url).netloc, timeout=20)
        connection.request("GET", "/metrics")
        told = connection.getresponse().read().decode()
        connection.close()
    assert re.search(r'^svahub_exchanges_total{integration="tele",status="200",tenant="default"} [1-9]', told, re.M)
