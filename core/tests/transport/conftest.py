"""Servers on real sockets that say exactly what a test has them say."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import BaseModel
from svahub.client import ProviderClient
from svahub.testing.clocks import HandClock


class Thing(BaseModel):
    """An answer."""

    id: str


GOOD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"id":"t1"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"
Script = Callable[["Server", socket.socket], None]


@dataclass
class Server:
    """A listening socket; `script` serves one connection, `connections` and `requests` are counted."""

    script: Script
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    connections: int = 0
    requests: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: HandClock = field(default_factory=HandClock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.script(self, connection)

    def request(self, connection: socket.socket) -> bool:
        """Read one request without a body; False when the client has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                return False
            received += part
        self.requests += 1
        return True


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    server = Server(script)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join()


def client(
    url: str, timeout: float = 5.0, connections: int = 4, monotonic: Callable[[], float] = time.monotonic
) -> ProviderClient:
    return ProviderClient(base_url=url, timeout=timeout, connections=connections, monotonic=monotonic)


def always(answer: bytes) -> Script:
    def script(server: Server, connection: socket.socket) -> None:
        while server.request(connection):
            connection.sendall(answer)

    return script


def once(answer: bytes) -> Script:
    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(answer)

    return script


def silent(server: Server, connection: socket.socket) -> None:
    server.request(connection)
    server.stopping.wait(30)


def dripping(first: bytes) -> Script:
    """Send `first` at once; then time is over, but a byte comes every few milliseconds for as long as anybody reads."""

    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(first)
        server.clock.advance(seconds=60)
        while not server.stopping.wait(0.02):
            connection.sendall(b"x")

    return script


def certified(folder: Path, name: str, until: datetime) -> tuple[Path, str]:
    """Write a certificate and its key to one file; return it with the fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=9))
        .not_valid_after(until)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    kept = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + kept)
    return file, hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, str]:
    """A certificate of this machine, with its key, and its fingerprint."""
    return certified(tmp_path, "127.0.0.1", datetime.now(UTC) + timedelta(days=9))
