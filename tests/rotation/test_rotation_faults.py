"""`integration test` over real sockets: which of host, TLS, credentials, permission and clock is at fault."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from svahub.cli import main
from svahub.hub import Hub, TenantHub
from svahub.models import Environment
from svahub.store import tables
from svahub.testing import Fault
from svahub_teleclinica.simulator import TeleClinicaSimulator

if TYPE_CHECKING:
    from svahub.areas.trials import Tested

VARIABLE = "WORD_OF_THE_CLINIC"


@pytest.fixture(autouse=True)
def word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "any")


def trial(hub: Hub, address: str) -> Tested:
    """Return what a test of an integration at that address brings."""
    office = hub.tenant("default")
    with hub.store.write() as connection:
        connection.execute(tables.integrations.delete())
    secret = {"password": f"env:{VARIABLE}"}
    given = {"settings": {"username": "u", "timeout": 0.5}, "secret": secret}
    office.integrations.add("tele", "teleclinica", Environment.STAGING, address="http://127.0.0.1:9/v1", **given)
    with hub.store.write() as connection:
        connection.execute(tables.integrations.update().values(base_url=address))
    return office.integrations.test("tele")


@contextmanager
def answering(status: int, certificate: Path | None = None, **headers: str) -> Iterator[str]:
    """Serve one answer to every request on loopback, by TLS with a certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answering, status, headers))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answering(BaseHTTPRequestHandler):
    def __init__(self, status: int, headers: dict[str, str], *arguments: object) -> None:
        self.status, self.given = status, headers
        super().__init__(*arguments)  # type: ignore[arg-type]  # as http.server calls it

    def do_GET(self) -> None:
        self.send_response_only(self.status)
        for name, value in {"Date": format_datetime(datetime.now(UTC), usegmt=True), **self.given}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def test_where_nobody_listens_the_host_is_at_fault(hub: Hub) -> None:
    found = trial(hub, "http://127.0.0.1:1/v1")
    assert (found.ok, found.fault, found.message) == (False, "host", "nobody listens at 127.0.0.1, port 1")
    assert "base URL" in str(found.remedy)


def test_a_name_that_does_not_resolve_is_the_hosts_fault(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from svahub_teleclinica import TeleClinica

    monkeypatch.setattr(TeleClinica, "hosts", {Environment.STAGING: ("https://nobody.invalid/v1",)})
    found = trial(hub, "https://nobody.invalid/v1")
    assert (found.fault, "nobody.invalid does not resolve" in found.message) == ("host", True)


def test_a_certificate_that_nobody_vouches_for_is_the_fault_of_tls(hub: Hub, self_signed: Path) -> None:
    with answering(200, self_signed) as address:
        found = trial(hub, address)
    assert (found.fault, "self-signed certificate" in found.message) == ("tls", True)
    assert "SSL_CERT_FILE" in str(found.remedy)


def test_a_port_that_speaks_no_tls_is_the_fault_of_tls(hub: Hub) -> None:
    with answering(200) as address:
        assert trial(hub, address.replace("http:", "https:")).fault == "tls"


def test_a_401_is_the_fault_of_the_credentials_and_the_remedy_names_the_command(hub: Hub) -> None:
    with answering(401) as address:
        found = trial(hub, address)
    assert found.fault == "credentials"
    assert "svahub integration rotate tele --secret password=env:VAR" in str(found.remedy)


def test_a_403_is_the_fault_of_the_permission_and_no_rotation_helps(hub: Hub) -> None:
    with answering(403) as address:
        found = trial(hub, address)
    assert (found.fault, "rotate" in str(found.remedy)) == ("permission", False)


@pytest.mark.parametrize(("hours", "said"), [(3, "behind its own"), (-3, "ahead of its own")])
def test_a_401_with_a_date_that_is_hours_off_is_the_fault_of_the_clock(hub: Hub, hours: int, said: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    with answering(401, Date=date) as address:
        found = trial(hub, address)
    assert (found.fault, said in found.message, "NTP" in str(found.remedy)) == ("clock", True, True)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_the_provider_itself_cannot_do_now_is_its_own_fault(hub: Hub, status: int) -> None:
    with answering(status) as address:
        assert trial(hub, address).fault == "provider"


def test_a_secret_that_is_not_there_is_the_fault_of_the_settings(
    office: TenantHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    found = office.integrations.test("tele")
    assert (found.fault, VARIABLE in found.message) == ("settings", True)


# -- the command -------------------------------------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def run(hub: Hub) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["integration", "test", *arguments], obj=hub)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def two(office: TenantHub, clinic: TeleClinicaSimulator) -> TenantHub:
    """Return an office with `tele`, which works, and `wrong`, whose user the provider does not know."""
    office.integrations.add(
        "wrong",
        "teleclinica",
        Environment.STAGING,
        address=clinic.url,
        settings={"username": "nobody"},
        secret={"password": f"env:{VARIABLE}"},
    )
    return office


def test_one_that_works_exits_with_0_and_one_that_does_not_with_1(two: TenantHub, run: Run) -> None:
    assert "yes" in run("tele").stdout
    output = run("wrong", code=1).stdout
    assert ("credentials" in output, "svahub integration rotate wrong" in output) == (True, True)


def test_all_are_tested_although_one_fails(two: TenantHub, run: Run) -> None:
    import json

    rows = json.loads(run("--all", "--json", code=1).stdout)
    assert [(row["name"], row["ok"], row["fault"]) for row in rows] == [
        ("tele", True, None),
        ("wrong", False, "credentials"),
    ]
    assert "credentials" in run("--all", code=1).stdout


def test_what_a_person_disabled_is_tested_by_name_only(two: TenantHub, run: Run) -> None:
    two.integrations.disable("wrong")
    assert [one.name for one in two.integrations.test_all()] == ["tele"]
    run("--all")
    run("wrong", code=1)


def test_a_plugin_that_is_gone_does_not_keep_the_others_from_being_tested(two: TenantHub, hub: Hub) -> None:
    with hub.store.write() as connection:
        wrong = tables.integrations.c.name == "wrong"
        connection.execute(tables.integrations.update().where(wrong).values(provider="gone"))
    found = {one.name: one.fault for one in two.integrations.test_all()}
    assert found == {"tele": None, "wrong": "plugin"}


@pytest.mark.parametrize("arguments", [[], ["tele", "--all"]])
def test_either_a_name_or_all_is_a_usage_matter(two: TenantHub, run: Run, arguments: list[str]) -> None:
    run(*arguments, code=2)


def test_without_any_there_is_nothing_to_test(hub: Hub, run: Run) -> None:
    assert "no integration to test" in run("--all").stdout


def test_a_test_that_fails_is_no_verdict_of_a_worker(two: TenantHub, clinic: TeleClinicaSimulator) -> None:
    clinic.faults.next(Fault.ERROR_BEFORE)
    two.integrations.test_all()
    assert {view.status for view in two.integrations.list()} == {"enabled"}
