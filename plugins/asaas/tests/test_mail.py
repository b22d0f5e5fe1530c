"""Mail over real sockets: what was surely not sent is tried again, what may have been sent is for a person to tell."""

from __future__ import annotations

import email
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from socket import create_server, socket
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from svahub import Account, Customer, DocumentKind, Task
from svahub.errors import Busy, Cause, NotSent, OutcomeUnknown, Rejected, Unreachable
from svahub.extension.words import Outcome, State
from svahub_asaas.mail.letters import POLICY, Kind, has_birthday, letter
from svahub_asaas.mail.sending import send
from svahub_asaas.mail.settings import MailSettings, Security

if TYPE_CHECKING:
    from conftest import Isp

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
        controller = Controller(self, hostname="127.0.0.1", port=port or _free(), **options)
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


def _free() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def post() -> Iterator[Post]:
    with Post().running() as post:
        yield post


def mail(text: str = "Hello\n.\n..dots\n", to: str = "p1@example.com") -> EmailMessage:
    message = EmailMessage(POLICY)
    message["From"], message["To"], message["Subject"] = "isp@example.com", to, "Olá, José"
    message.set_content(text)
    return message


def sent(settings: MailSettings, message: EmailMessage | None = None, **more: Any) -> None:
    send(message or mail(), settings, more.pop("permit", lambda _: None), more.pop("timeout", FAR), **more)


# -- how it gets there -------------------------------------------------------------------------------------------------


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


# -- how it does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["450 mailbox busy", "451 greylisted", "421 too many"])
def test_a_recipient_that_is_refused_for_now_can_be_tried_again(post: Post, answer: str) -> None:
    post.to_recipient = answer
    with pytest.raises(Busy):
        sent(post.settings())


def test_a_recipient_that_is_refused_is_not_tried_again(post: Post) -> None:
    post.to_recipient = "550 nobody here"
    with pytest.raises(Rejected, match="smtp_550"):
        sent(post.settings())


@pytest.mark.parametrize(("answer", "error"), [("452 full", Busy), ("554 spam", Rejected)])
def test_a_message_that_the_server_refuses_was_not_taken(post: Post, answer: str, error: type[Exception]) -> None:
    post.to_message = answer
    with pytest.raises(error):
        sent(post.settings())


def test_a_server_that_is_away_is_unreachable() -> None:
    with pytest.raises(Unreachable) as failed:
        sent(Post(port=_free()).settings())
    assert failed.value.cause is Cause.REFUSED


@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'a' * 64}.example"])
def test_a_server_that_has_no_address_is_unreachable(host: str) -> None:
    with pytest.raises(Unreachable) as failed:
        sent(Post(port=25).settings(smtp_host=host, smtp_security="tls"))
    assert failed.value.cause is Cause.NAME


def test_what_must_not_be_sent_now_is_not(post: Post) -> None:
    def never(_: float) -> None:
        raise NotSent("the lease ends")

    with pytest.raises(NotSent):
        sent(post.settings(), permit=never)
    assert post.taken == []


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


def test_nobody_knows_of_a_message_that_was_handed_over_and_not_answered() -> None:
    with script(*HELLO, then=take_whole) as post, pytest.raises(OutcomeUnknown):
        sent(post.settings())


def test_nobody_knows_of_a_message_whose_answer_makes_no_sense() -> None:
    def nonsense(connection: socket) -> None:
        take_whole(connection)
        connection.sendall(b"what?\r\n")

    with script(*HELLO, then=nonsense) as post, pytest.raises(OutcomeUnknown):
        sent(post.settings())


def test_nobody_knows_of_a_message_that_is_answered_too_late() -> None:
    ended = threading.Event()

    def slow(connection: socket) -> None:
        take_whole(connection)
        ended.wait()

    with script(*HELLO, then=slow) as post:
        with pytest.raises(OutcomeUnknown):
            sent(post.settings(), timeout=0.05, patience=0.05)
        ended.set()


@pytest.mark.parametrize("answered", range(len(HELLO)))
def test_a_connection_that_ends_before_the_message_was_handed_over_sent_nothing(answered: int) -> None:
    with script(*HELLO[:answered] or (b"",)) as post, pytest.raises(Unreachable):
        sent(post.settings())


def test_what_is_no_mail_server_gets_no_mail() -> None:
    with script(b"HTTP/1.1 400 Bad Request\r\n\r\n") as post, pytest.raises(Unreachable) as failed:
        sent(post.settings())
    assert failed.value.cause is Cause.MALFORMED


# -- what can be set ---------------------------------------------------------------------------------------------------


ACCENTED = "não"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_security": "none", "smtp_host": "mail.example.com"}, "only for a server on this machine"),
        ({"mail_from": None}, "nobody could answer"),
        ({"smtp_user": "isp"}, "go together"),
        ({"smtp_user": "isp", "smtp_password": ACCENTED}, "ASCII"),
        ({"mail_from": "ação@example.com"}, "ASCII"),
    ],
)
def test_settings_by_which_no_mail_could_go_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Post(port=25).settings(**wrong)


# -- what it says ------------------------------------------------------------------------------------------------------

BORN = date(1980, 11, 23)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def greeting(name: str = "Maria Inventada", address: str | None = "p1@example.com", **kept: Any) -> Task:
    who = Customer("P1", name, "52998224725", DocumentKind.CPF, address, birth_date=BORN)
    return Task(secrets.token_hex(8), Kind.BIRTHDAY, "P1/2026", {}, Account("a1", who), kept=kept)


def written(task: Task, now: datetime = NOON) -> EmailMessage:
    message = letter(task, Post(port=25).settings(), now)
    assert message is not None
    read = email.message_from_bytes(message.as_bytes(policy=POLICY), policy=default)
    assert isinstance(read, EmailMessage)
    return read


HEADERS = {
    "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "From", "Date", "Message-ID",
    "Auto-Submitted",
}  # fmt: skip


@settings(max_examples=60)
@given(st.text(max_size=120), st.text(max_size=120), st.text(max_size=120))
def test_no_name_and_no_text_adds_a_header_or_changes_one(name: str, subject: str, text: str) -> None:
    read = written(greeting(name, subject=f"$first_name {subject} $name", text=text))
    assert set(read.keys()) == HEADERS
    assert len(read.keys()) == len(HEADERS)
    assert (read["To"], read["From"]) == ("p1@example.com", "isp@example.com")
    assert read["Subject"].isprintable()
    assert not read.is_multipart()


def test_a_name_that_would_add_a_recipient_does_not() -> None:
    read = written(greeting("Eva\r\nBcc: all@example.com\r\n\r\nHello"))
    assert (read["Bcc"], read["Subject"]) == (None, "Feliz aniversário, Eva!")


@pytest.mark.parametrize(
    "address",
    ["p1@example.com, all@example.com", "p1@example.com\r\nRCPT TO:<x@example.com>", "<p1@example.com>", "p\x001@a.b",
     "p1", "joão@example.com", "p1@example.com p2@example.com", '"p 1"@example.com'],
)  # fmt: skip
def test_an_address_that_is_more_than_one_gets_nothing(address: str) -> None:
    with pytest.raises(Rejected, match="bad_address"):
        letter(greeting(address=address), Post(port=25).settings(), NOON)


def test_who_has_no_address_gets_nothing() -> None:
    with pytest.raises(Rejected, match="no_address"):
        letter(greeting(address=None), Post(port=25).settings(), NOON)


def test_a_greeting_is_let_go_when_its_day_is_over() -> None:
    settings = Post(port=25).settings()
    last_second = datetime(2026, 11, 24, 2, 59, 59, tzinfo=UTC)
    assert letter(greeting(), settings, last_second) is not None
    assert letter(greeting(), settings, last_second + timedelta(seconds=1)) is None


def test_who_has_opted_out_since_they_were_to_be_greeted_is_not() -> None:
    assert letter(greeting(opted_out=True), Post(port=25).settings(), NOON) is None


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(2000, 2099))
def test_everybody_has_one_birthday_a_year(born: date, year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365 + (date(year, 3, 1) - date(year, 2, 28)).days - 1)]
    assert sum(has_birthday(born, day) for day in days) == 1


@pytest.mark.parametrize(
    ("day", "has"),
    [(date(2027, 2, 28), True), (date(2027, 3, 1), False), (date(2028, 2, 28), False), (date(2028, 2, 29), True)],
)
def test_who_was_born_on_a_leap_day_has_their_birthday_on_the_28th_where_there_is_no_29th(day: date, has: bool) -> None:
    assert has_birthday(date(2000, 2, 29), day) is has


# -- as tasks ----------------------------------------------------------------------------------------------------------


def greet(isp: Isp, post: Post, **more: Any) -> int:
    """Have a customer greeted, and return the task's id once nothing more can be done for now."""
    isp.sign(1, birth_date="1980-11-23")
    given = post.settings(**more).model_dump(mode="json", exclude_none=True) | {"birthday_mails": True}
    isp.set(**{name: value for name, value in given.items() if name != "smtp_password"})
    assert "1 of 1 birthdays greeted" in isp.invoke("schedule", "run", "asaas-birthdays").output
    (task,) = isp.office.tasks.list(kind=Kind.BIRTHDAY)
    return task.id


def test_a_greeting_is_a_task_that_holds_nothing_personal(isp: Isp, post: Post) -> None:
    id = greet(isp, post)
    (task,) = isp.office.tasks.settle([id])
    assert (task.outcome, task.details, task.name) == (Outcome.SUCCEEDED, {"sent": True}, "P1/2026")
    ((_, recipients, message),) = post.taken
    assert (recipients, message["Subject"]) == (["p1@example.com"], "Feliz aniversário, Pessoa!")


def test_nobody_is_greeted_twice(isp: Isp, post: Post) -> None:
    isp.add("other")
    isp.set("other", **post.settings().model_dump(mode="json", exclude_none=True), birthday_mails=True)
    first = greet(isp, post)
    isp.invoke("schedule", "run", "asaas-birthdays")
    assert [task.id for task in isp.office.tasks.list(kind=Kind.BIRTHDAY)] == [first]


def test_a_mail_waits_for_a_server_that_is_away_and_is_sent_once_it_is_back(isp: Isp) -> None:
    post = Post(port=_free())
    id = greet(isp, post)
    (task,) = isp.office.tasks.settle([id], timeout=0.5)
    assert (task.state, task.outcome) == (State.WAITING, Outcome.QUEUED)
    with post.running(post.port):
        (task,) = isp.office.tasks.settle([id], timeout=3600)
    assert (task.outcome, len(post.taken)) == (Outcome.SUCCEEDED, 1)


def test_a_recipient_whom_the_server_refuses_is_for_a_person(isp: Isp, post: Post) -> None:
    post.to_recipient = "550 nobody here"
    (task,) = isp.office.tasks.settle([greet(isp, post)])
    assert (task.state, task.cause) == (State.PARKED, "Rejected: smtp_550: the mail server refuses the sender, the "
                                        "recipient or the message")  # fmt: skip


def test_a_mail_of_which_nobody_knows_is_not_repeated_but_for_a_person_to_tell(isp: Isp) -> None:
    with script(*HELLO, then=take_whole) as post:
        id = greet(isp, post)
        (task,) = isp.office.tasks.settle([id])
    assert (task.state, task.tries) == (State.PARKED, 1)
    assert "look there" in (task.advice or "")
    (task,) = isp.told("tasks", "confirm", str(id), "--remote-id", "seen")
    assert task["outcome"] == Outcome.SUCCEEDED


def test_who_opts_out_is_not_greeted_any_more(isp: Isp, post: Post) -> None:
    id = greet(isp, post)
    isp.told("asaas", "mail", "opt-out", "P1")
    (task,) = isp.office.tasks.settle([id])
    assert (task.outcome, task.details, post.taken) == (Outcome.SUCCEEDED, {"sent": False}, [])
    assert [row["customer"] for row in isp.told("asaas", "mail", "list")] == ["P1"]
    isp.clock.advance(days=365)
    assert "0 of 1 birthdays greeted, 1 want no" in isp.invoke("schedule", "run", "asaas-birthdays").output
    isp.told("asaas", "mail", "opt-in", "P1")
    assert "P9" in isp.invoke("asaas", "mail", "opt-out", "P9", code=1).stderr
    assert isp.told("asaas", "mail", "list") == []


def test_a_test_mail_says_what_is_wrong(isp: Isp, post: Post) -> None:
    assert "No mail server is set" in isp.invoke("asaas", "mail", "test", code=1).output
    given = post.settings().model_dump(mode="json", exclude_none=True)
    isp.set(**given)
    assert isp.told("asaas", "mail", "test") == {"sent": True}
    post.to_recipient = "550 nobody here"
    assert "smtp_550" in isp.invoke("asaas", "mail", "test", code=1).output


def test_mail_follows_the_templates_of_the_integration(isp: Isp, post: Post) -> None:
    isp.told("asaas", "templates", "set", "birthday-subject", "Parabéns, $first_name")
    isp.told("asaas", "templates", "set", "birthday", "$name!")
    isp.office.tasks.settle([greet(isp, post)])
    ((_, _, message),) = post.taken
    assert (message["Subject"], message.get_content()) == ("Parabéns, Pessoa", "Pessoa Bia!\r\n")


def test_a_report_is_mailed_once_a_month_with_what_was_paid_and_what_was_issued(isp: Isp, post: Post) -> None:
    (charged,) = isp.charge(1)
    isp.asaas.pay(charged["charge"])
    isp.invoke("asaas", "sync")
    isp.clock.advance(days=8)
    isp.set(**post.settings().model_dump(mode="json", exclude_none=True))
    assert "asked to be mailed" in isp.invoke("schedule", "run", "asaas-payment-report").output
    assert "was mailed before" in isp.invoke("schedule", "run", "asaas-payment-report").output
    (task,) = isp.office.tasks.list(kind=Kind.PAYMENT_REPORT)
    isp.office.tasks.settle([task.id])
    ((_, recipients, message),) = post.taken
    body = message.get_body()
    assert body is not None
    assert (recipients, message["Subject"]) == (["boss@example.com"], "Payments and charges, 2026-11-01 to 2026-11-30")
    assert "paid: 1, R$ 49,90" in body.get_content()
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == ["payments-2026-11.html", "invoices-2026-11.html"]
