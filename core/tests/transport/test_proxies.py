"""Proxies of the environment: which calls go through one, and what it learns."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from svahub import Trust, errors
from svahub.client import ProviderClient
from svahub.proxies import Proxies, Proxy, from_environment, proxy_for
from svahub.settings import BasicAuth
from svahub.transport import DeadlineTransport

from .conftest import GOOD, Server, Thing, serving

HOST = "api.example.com"


def test_the_environment_names_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"https_proxy": "http://proxy.example:3128", "no_proxy": "a.example"}.items():
        monkeypatch.setenv(name, value)
    found = from_environment()
    assert proxy_for("https", HOST, found) == Proxy("proxy.example", 3128)
    assert proxy_for("https", "api.a.example", found) is None


@pytest.mark.parametrize(
    ("host", "proxies", "through"),
    [
        (HOST, {"https": "proxy.example:3128"}, True),
        (HOST, {"all": "http://proxy.example"}, True),
        (HOST, {"http": "http://proxy.example"}, False),
        (HOST, {}, False),
        (HOST, {"https": "http://proxy.example", "no": "other.example, example.com"}, False),
        (HOST, {"https": "http://proxy.example", "no": "*"}, False),
        ("127.0.0.1", {"https": "http://proxy.example"}, False),
        ("::1", {"https": "http://proxy.example"}, False),
        ("localhost", {"all": "http://proxy.example"}, False),
    ],
)
def test_a_call_goes_through_the_proxy_of_its_scheme_unless_its_host_is_excepted(
    host: str, proxies: Proxies, through: bool
) -> None:
    assert (proxy_for("https", host, proxies) is not None) is through


@pytest.mark.parametrize("named", ["https://proxy.example", "socks5://proxy.example", "http://", "http://[::"])
def test_a_proxy_that_cannot_be_spoken_to_is_refused_not_passed_by(named: str) -> None:
    with pytest.raises(httpx.ProxyError):
        proxy_for("https", HOST, {"https": named})


def test_a_proxy_is_told_who_we_are_and_nobody_else() -> None:
    word = "w" * 8
    proxy = proxy_for("https", HOST, {"https": f"http://us%40isp:{word}@proxy.example:3128"})
    assert proxy
    assert proxy.headers == ((b"Proxy-Authorization", b"Basic dXNAaXNwOnd3d3d3d3d3"),)
    assert "Basic" not in repr(proxy)


def tunnelling(to: str, heard: list[bytes]) -> Callable[[Server, socket.socket], None]:
    """Return a proxy that connects whoever asks with one server, whatever its name."""
    host, port = to.removeprefix("https://").split(":")

    def script(_server: Server, near: socket.socket) -> None:
        heard.append(near.recv(65536))
        with socket.create_connection((host, int(port))) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=piped, args=(far, near))
            back.start()
            piped(near, far)
            back.join()

    return script


def piped(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def secured(certificate: tuple[Path, str]) -> Iterator[tuple[str, Trust, list[bytes]]]:
    """A server that speaks TLS: its address, how it is trusted, and what it was asked."""
    pem, heard = certificate[0], list[bytes]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def script(_server: Server, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as spoken:
            while asked := spoken.recv(65536):
                heard.append(asked)
                spoken.sendall(GOOD)

    with serving(script) as server:
        yield server.url.replace("http:", "https:"), Trust(certificate_sha256=certificate[1]), heard


def calls(proxy: str, trust: Trust) -> ProviderClient:
    carrier = DeadlineTransport(connections=2, proxies={"https": proxy}, trust=trust)
    auth = BasicAuth("us", SecretStr("w" * 8))
    return ProviderClient(base_url=f"https://{HOST}", hosts=frozenset({HOST}), auth=auth, transport=carrier)


def test_https_goes_through_a_tunnel_of_which_the_proxy_learns_the_host_only(
    secured: tuple[str, Trust, list[bytes]],
) -> None:
    url, trust, asked = secured
    told: list[bytes] = []
    with serving(tunnelling(url, told)) as proxy, calls(f"http://u:p@{proxy.url[7:]}", trust) as client:
        for _ in range(2):
            assert client.get("/things", returns=Thing) == Thing(id="t1")
    assert told == [
        b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
    ]
    assert [b"Authorization: Basic" in request for request in asked] == [True, True]
    assert not any(b"Proxy-" in request for request in asked)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200"),
        (b"SSH-2.0-OpenSSH\r\n", "does not answer as one"),
        (b"", "does not answer as one"),
    ],
    ids=["refused", "more than an answer", "no proxy", "nothing"],
)
def test_a_proxy_that_connects_to_nobody_is_told_apart_and_a_write_was_not_sent(answer: bytes, said: str) -> None:
    def script(server: Server, connection: socket.socket) -> None:
        server.request(connection)
        connection.sendall(answer)

    with serving(script) as proxy, calls(proxy.url, Trust()) as client:
        with pytest.raises(errors.Unreachable, match=said):
            client.post("/things")
        assert proxy.requests == 1


def test_a_proxy_that_is_silent_holds_a_call_until_its_deadline_only() -> None:
    def script(server: Server, _connection: socket.socket) -> None:
        server.stopping.wait(30)

    with serving(script) as proxy:
        carrier = DeadlineTransport(connections=1, proxies={"https": proxy.url})
        quick = ProviderClient(base_url=f"https://{HOST}", hosts=frozenset({HOST}), timeout=0.1, transport=carrier)
        with quick, pytest.raises(errors.Unreachable) as caught:
            quick.post("/things")
        assert caught.value.cause is errors.Cause.TIMEOUT


def test_plain_http_names_the_whole_address_to_the_proxy() -> None:
    told: list[bytes] = []

    def script(_server: Server, connection: socket.socket) -> None:
        told.append(connection.recv(65536))
        connection.sendall(GOOD)

    with serving(script) as proxy:
        carrier = DeadlineTransport(connections=1, proxies={"http": f"http://u:p@{proxy.url[7:]}"})
        timeout = {"timeout": {"read": 5.0}}
        carrier.handle_request(httpx.Request("GET", f"http://{HOST}/things?a=1", extensions=timeout)).read()
        carrier.close()
    first, host, *_ = told[0].split(b"\r\n")
    assert (first, host) == (b"GET http://api.example.com:80/things?a=1 HTTP/1.1", b"Host: api.example.com")
    assert b"\r\nProxy-Authorization: Basic dTpw\r\n" in told[0]
