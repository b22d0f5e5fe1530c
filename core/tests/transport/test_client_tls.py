"""Whom the client takes a server for: a certificate of its own making is trusted when somebody has said so."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from svahub import Trust
from svahub.client import ProviderClient
from svahub.errors import Cause, Refused, Unreachable
from svahub.tls import ssl_context

from .conftest import certified

GOOD = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Server:
    """A server that made its own certificate, and what it was asked."""

    url: str
    pem: Path
    sha256: str
    heard: list[bytes]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[object]:
    listeners: list[socket.socket] = []

    def made(name: str = "127.0.0.1", until: datetime = NOW + timedelta(days=9), said: bytes = GOOD) -> Server:
        pem, sha256 = certified(tmp_path, name, until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        listener, heard = socket.create_server(("127.0.0.1", 0)), []
        listeners.append(listener)
        threading.Thread(target=answer, args=(listener, context, heard, said), daemon=True).start()
        return Server(f"https://127.0.0.1:{listener.getsockname()[1]}", pem, sha256, heard)

    yield made
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(listener: socket.socket, context: ssl.SSLContext, heard: list[bytes], said: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                if asked := secured.recv(65536):
                    heard.append(asked)
                    secured.sendall(said)


def call(server: Server, trust: Trust) -> None:
    with ProviderClient(base_url=server.url, trust=trust) as client:
        client.get("/things")


def refused(server: Server, trust: Trust) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        call(server, trust)
    assert server.heard == []
    return caught.value


def test_a_certificate_of_the_servers_own_making_is_not_trusted_unasked(make) -> None:  # type: ignore[no-untyped-def]
    assert refused(make(), Trust()).cause is Cause.TLS


def test_an_authority_of_the_isps_own_is_trusted(make) -> None:  # type: ignore[no-untyped-def]
    server = make()
    call(server, Trust(ca_file=str(server.pem)))
    assert len(server.heard) == 1


def test_an_authority_vouches_for_the_servers_name_too(make) -> None:  # type: ignore[no-untyped-def]
    server = make("127.0.0.9")
    assert refused(server, Trust(ca_file=str(server.pem))).cause is Cause.TLS


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.9"])
def test_one_known_certificate_is_trusted_whatever_it_says(make, name: str) -> None:  # type: ignore[no-untyped-def]
    server = make(name, until=NOW - timedelta(days=1))
    call(server, Trust(certificate_sha256=":".join(server.sha256[i : i + 2] for i in range(0, 64, 2)).upper()))
    assert len(server.heard) == 1


def test_another_certificate_than_the_known_one_is_refused_with_its_fingerprint(make) -> None:  # type: ignore[no-untyped-def]
    server = make()
    said = refused(server, Trust(certificate_sha256="0" * 64))
    assert said.cause is Cause.TLS
    assert server.sha256 in str(said)


def test_what_vouches_for_nobody_is_refused_before_any_call(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for trust in (Trust(ca_file=str(tmp_path / "none.pem")), Trust(str(empty)), Trust(certificate_sha256="12:34")):
        with pytest.raises(Refused):
            ssl_context(trust)


def test_a_body_that_ends_with_the_connection_is_whole_only_where_tls_says_so(make) -> None:  # type: ignore[no-untyped-def]
    server = make(said=b"HTTP/1.1 200 OK\r\n\r\n{}")  # closed without a word of TLS: anybody may have cut it off
    assert refused_of(server).cause is Cause.BROKEN


def refused_of(server: Server) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        call(server, Trust(ca_file=str(server.pem)))
    return caught.value
