"""Sending one mail by SMTP: what was surely not sent can be tried again, what may have been is for a person to tell."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage

from svahub.errors import Busy, Cause, OutcomeUnknown, ProviderError, Rejected, Unreachable

from svahub_asaas.mail.letters import POLICY
from svahub_asaas.mail.settings import MailSettings, Security

PATIENCE_SECONDS = 30.0
"""A server may look into a message for so long before it says whether it takes it."""
SEND_IT = 354


def send(
    message: EmailMessage,
    settings: MailSettings,
    permit: Callable[[float], None],
    timeout: float,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """Hand a message to the mail server; `permit` is asked just before nothing can be taken back any more.

    `timeout` is in seconds, for each answer before the message and for sending it; `patience` is for the answer to it,
    while which nothing is sent. Raises Unreachable or Busy when the message surely was not taken, Rejected when the
    server refuses it, OutcomeUnknown when nobody can tell.
    """
    content = message.as_bytes(policy=POLICY)
    with _not_taken():
        connected = _connected(settings, timeout)
    with closing(connected) as server:
        with _not_taken():
            _introduce(server, settings)
            _accepted(server.mail(str(message["From"])))
            _accepted(server.rcpt(str(message["To"])))
            _accepted(server.docmd("DATA"), SEND_IT)
        permit(timeout)
        with _not_taken():  # without its last line, which is sent last, a message is none
            server.send(_as_data(content))
        _taken(server, max(timeout, patience))
        with suppress(OSError, smtplib.SMTPException):
            server.quit()


def _as_data(content: bytes) -> bytes:
    """Return a message, whose lines end in CR LF, as SMTP bears it: no line of it is the dot that ends it."""
    end = b"" if content.endswith(b"\r\n") else b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", content) + end + b".\r\n"


def _taken(server: smtplib.SMTP, patience: float) -> None:
    try:
        if server.sock is not None:
            server.sock.settimeout(patience)
        code, _ = server.getreply()
    except (OSError, smtplib.SMTPException):
        code = None
    if code is None:
        raise OutcomeUnknown("the mail server ended before it said whether it took the message")
    if 400 <= code < 600:
        raise _refused(code)
    if not 200 <= code < 300:
        raise OutcomeUnknown(f"the mail server took the message and said nothing that can be understood ({code})")


def _connected(settings: MailSettings, timeout: float) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    assert host is not None  # no task is made where there is no server
    if settings.smtp_security is Security.TLS:
        return smtplib.SMTP_SSL(host, port, timeout=timeout, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, timeout=timeout)


def _introduce(server: smtplib.SMTP, settings: MailSettings) -> None:
    if settings.smtp_security is Security.STARTTLS:
        server.starttls(context=ssl.create_default_context())
    if settings.smtp_user is not None and settings.smtp_password is not None:
        server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    server.ehlo_or_helo_if_needed()


@contextmanager
def _not_taken() -> Iterator[None]:
    """Say of what goes wrong before the message that it was not sent; no server's text is repeated."""
    try:
        yield
    except (OSError, smtplib.SMTPException, UnicodeError) as error:  # what smtplib raises on login may quote the server
        failure = _meaning(error)
    else:
        return
    raise failure


def _meaning(error: Exception) -> ProviderError:
    match error:
        case smtplib.SMTPNotSupportedError():
            return Rejected("smtp_unable", "the mail server cannot do what smtp_security or smtp_user asks for")
        case smtplib.SMTPAuthenticationError(smtp_code=code) if code >= 500:
            return Rejected("smtp_login", "the mail server does not accept smtp_user and smtp_password")
        case smtplib.SMTPResponseException(smtp_code=code):
            return _refused(code)
        case ssl.SSLError():
            return Unreachable(Cause.TLS, "no private connection to the mail server")
        case socket.gaierror() | UnicodeError():
            return Unreachable(Cause.NAME, "the name of the mail server is not known")
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return Unreachable(Cause.TIMEOUT, "the mail server does not answer")
    return Unreachable(Cause.REFUSED, "the mail server cannot be reached, or ended the conversation")


def _accepted(answer: tuple[int, bytes], *expected: int) -> None:
    code, _ = answer
    if code not in (expected or {250, 251}):
        raise _refused(code)


def _refused(code: int) -> ProviderError:
    if 400 <= code < 500:
        return Busy(f"the mail server refuses for now ({code})")
    if 500 <= code < 600:
        return Rejected(f"smtp_{code}", "the mail server refuses the sender, the recipient or the message")
    return Unreachable(Cause.MALFORMED, "what answers there is no mail server")
