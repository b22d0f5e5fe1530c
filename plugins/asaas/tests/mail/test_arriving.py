"""Mail that arrives, over connections that are private or need not be, to servers that are trusted."""

from __future__ import annotations

import secrets
import ssl
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from svahub.errors import Cause, Rejected, Unreachable
from svahub_asaas.mail.settings import Security

from .post import Post, sent


def test_a_mail_arrives_as_it_was_written(post: Post) -> None:
    sent(post.settings())
    ((sender, recipients, message),) = post.taken
    assert (sender, recipients) == ("isp@example.com", ["p1@example.com"])
    assert (message["Subject"], message.get_content().splitlines()) == ("Olá, José", ["Hello", ".", "..dots"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and its certificate for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    began = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(began).not_valid_after(began + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    unlocked = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(unlocked + made.public_bytes(pem))
    return file


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def secured(security: Security, certificate: Path, post: Post) -> AbstractContextManager[Post]:
    if security is Security.TLS:
        return post.running(ssl_context=tls(certificate))
    login = {"auth_required": post.user is not None, "authenticator": post.authenticate}
    return post.running(tls_context=tls(certificate), require_starttls=True, **login)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_private_connection_is_made_to_a_server_that_is_trusted(
    security: Security, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with secured(security, certificate, Post()) as post:
        sent(post.settings(smtp_security=security, smtp_host="localhost"))
    assert len(post.taken) == 1


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_no_mail_goes_to_a_server_that_is_not_trusted(security: Security, certificate: Path) -> None:
    with secured(security, certificate, Post()) as post, pytest.raises(Unreachable) as failed:
        sent(post.settings(smtp_security=security, smtp_host="localhost"))
    assert (failed.value.cause, post.taken) == (Cause.TLS, [])


def test_a_server_without_starttls_gets_no_mail(post: Post) -> None:
    with pytest.raises(Rejected, match="smtp_unable"):
        sent(post.settings(smtp_security="starttls"))
    assert post.taken == []


def test_who_has_to_log_in_does_so(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with secured(Security.STARTTLS, certificate, Post(user="isp")) as post:
        login = {"smtp_user": "isp", "smtp_password": post.password, "smtp_security": "starttls"}
        sent(post.settings(smtp_host="localhost", **login))
    assert len(post.taken) == 1


def test_a_wrong_password_is_said_to_be_one_and_is_not_repeated(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with secured(Security.STARTTLS, certificate, Post(user="isp")) as post:
        wrong = secrets.token_urlsafe(12)
        login = {"smtp_user": "isp", "smtp_password": wrong, "smtp_security": "starttls"}
        with pytest.raises(Rejected, match="does not accept smtp_user and smtp_password") as failed:
            sent(post.settings(smtp_host="localhost", **login))
    assert wrong not in repr(failed.value)
    assert post.taken == []
