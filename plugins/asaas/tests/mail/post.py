"""A mail server on loopback, one that follows a script, and what the tests of mail send to them."""

from __future__ import annotations

import email
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from socket import create_server, socket
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from svahub_asaas.mail.letters import POLICY
from svahub_asaas.mail.sending import send
from svahub_asaas.mail.settings import MailSettings

FAR = 5.0


@dataclass
class Post:
    """A mail server on loopback: keeps what it takes, and answers recipients and messages as it is told."""

    port: int = 0
    user: str | None = None
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    to_recipient: str = "250 ok"
    to_message: str = "250 taken"
    taken: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(  # noqa: N802 -- aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        message = email.message_from_bytes(envelope.content or b"", policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append((envelope.mail_from or "", envelope.rcpt_tos, message))
        return self.to_message

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        expected = LoginPassword((self.user or "").encode(), self.password.encode())
        return AuthResult(success=given == expected, handled=False)

    @contextmanager
    def running(self, port: int = 0, **options: Any) -> Iterator[Post]:
        controller = Controller(self, hostname="127.0.0.1", port=port or free_port(), **options)
        controller.start()
        self.port = controller.port
        try:
            yield self
        finally:
            controller.stop()

    def settings(self, **more: Any) -> MailSettings:
        given = {
            "smtp_host": "127.0.0.1", "smtp_port": self.port, "smtp_security": "none",
            "mail_from": "isp@example.com", "report_to": "boss@example.com",
        } | more  # fmt: skip
        return MailSettings.model_validate(given)


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def mail(text: str = "Hello\n.\n..dots\n", to: str = "p1@example.com") -> EmailMessage:
    message = EmailMessage(POLICY)
    message["From"], message["To"], message["Subject"] = "isp@example.com", to, "Olá, José"
    message.set_content(text)
    return message


def sent(settings: MailSettings, message: EmailMessage | None = None, **more: Any) -> None:
    send(message or mail(), settings, more.pop("permit", lambda _: None), more.pop("timeout", FAR), **more)


@contextmanager
def script(*lines: bytes, then: Callable[[socket], None] = lambda _: None) -> Iterator[Post]:
    """Run a server that answers each line with the next of some, then does something with the connection."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as asked:
            connection.sendall(lines[0])
            for line in lines[1:]:
                asked.readline()
                connection.sendall(line)
            then(connection)

    with create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield Post(port=listening.getsockname()[1])
        thread.join()


HELLO = (b"220 hello\r\n", b"250 you too\r\n", b"250 from\r\n", b"250 to\r\n", b"354 go on\r\n")


def take_whole(connection: socket) -> None:
    with connection.makefile("rb") as asked:
        while asked.readline() not in {b".\r\n", b""}:
            pass
