"""Sending one mail by SMTP: what was surely not sent can be tried again, what may have been is for a person to tell."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from svahub.errors import Busy, Cause, OutcomeUnknown, Rejected, Unreachable

from svahub_asaas.mail.settings import MailSettings, Security


def send(message: EmailMessage, settings: MailSettings, permit: Callable[[float], None], timeout: float) -> None:
    """Hand a message to the mail server; `permit` is asked just before nothing can be taken back any more.

    `timeout` is in seconds, for each answer of the server. Raises Unreachable or Busy when the message surely was not
    taken, Rejected when the server refuses it, OutcomeUnknown when nobody can tell.
    """
    with _server(settings, timeout) as server:
        with _not_taken():
            _introduce(server, settings)
            _accepted(server.mail(str(message["From"])))
            _accepted(server.rcpt(str(message["To"])))
        permit(timeout)
        _hand_over(server, message)


def _hand_over(server: smtplib.SMTP, message: EmailMessage) -> None:
    try:
        code, _ = server.data(message.as_bytes())
    except smtplib.SMTPDataError as error:  # the server refused before it got anything
        raise _refused(error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknown("the mail server ended before it said whether it took the message") from error
    if code != 250:
        raise _refused(code)


@contextmanager
def _server(settings: MailSettings, timeout: float) -> Iterator[smtplib.SMTP]:
    host = settings.smtp_host
    assert host is not None  # no task is made where there is no server
    with _not_taken():
        if settings.smtp_security is Security.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, settings.smtp_port, timeout=timeout, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, settings.smtp_port, timeout=timeout)
    try:
        yield server
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()


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
    except smtplib.SMTPAuthenticationError as error:
        raise Rejected("smtp_login", "the mail server does not accept smtp_user and smtp_password") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Rejected("smtp_security", "the mail server cannot do what smtp_security asks for") from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code) from None
    except ssl.SSLError as error:
        raise Unreachable(Cause.TLS, "no private connection to the mail server") from error
    except TimeoutError as error:
        raise Unreachable(Cause.TIMEOUT, "the mail server does not answer") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unreachable(Cause.REFUSED, "the mail server cannot be reached") from error


def _accepted(answer: tuple[int, bytes]) -> None:
    code, _ = answer
    if code not in {250, 251}:
        raise _refused(code)


def _refused(code: int) -> Busy | Rejected:
    if 400 <= code < 500:
        return Busy(f"the mail server refuses for now ({code})")
    return Rejected(f"smtp_{code}", "the mail server refuses the sender, the recipient or the message")
