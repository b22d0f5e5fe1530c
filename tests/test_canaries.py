"""Canaries: made-up secrets and personal data are pushed through every path and looked for wherever people read."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import MetaData, select, update
from stdnum.br import cnpj as cnpj_digits
from stdnum.br import cpf as cpf_digits
from svahub.cli import main
from svahub.hub import Hub
from svahub.models import Environment
from svahub.store import tables
from svahub.testing import Fault

if TYPE_CHECKING:
    from svahub_teleclinica.simulator import TeleClinicaSimulator

VARIABLE = "WORD_OF_THE_CLINIC"


def digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def cpf() -> str:
    base = secrets.choice("123456789") + digits(8)
    check: str = cpf_digits.calc_check_digits(base) if hasattr(cpf_digits, "calc_check_digits") else _cpf_check(base)
    return base + check


def _cpf_check(base: str) -> str:
    return next(f"{n:02}" for n in range(100) if cpf_digits.is_valid(f"{base}{n:02}"))


def cnpj() -> str:
    base = "".join(secrets.choice("ABCDEFGHJKLMNP0123456789") for _ in range(12))
    return base + str(cnpj_digits.calc_check_digits(base))


def word() -> str:
    return "".join(secrets.choice("bcdfghjklmnpqrstvwxz") for _ in range(9)).capitalize()


@dataclass
class Person:
    """A customer of whom nothing may be seen."""

    name: str = field(default_factory=lambda: f"{word()} {word()}")
    document: str = field(default_factory=cpf)
    email: str = field(default_factory=lambda: f"{word().lower()}@example.com")
    phone: str = field(default_factory=lambda: f"1191{digits(7)}")
    street: str = field(default_factory=lambda: f"Rua {word()}")
    birth_date: str = field(default_factory=lambda: f"19{digits(1)}7-03-1{digits(1)}")

    @property
    def marks(self) -> list[str]:
        d, p = self.document, self.phone
        written = (
            f"{d[:3]}.{d[3:6]}.{d[6:9]}-{d[9:]}" if len(d) == 11 else f"{d[:2]}.{d[2:5]}.{d[5:8]}/{d[8:12]}-{d[12:]}"
        )
        marks = [self.name, d, written, self.email, p, f"({p[:2]}) {p[2:7]}-{p[7:]}", self.street, self.birth_date]
        return [*marks, *(quote(mark, safe="") for mark in marks)]

    def level(self, contract: str, customer: str) -> dict[str, Any]:
        whole = {
            "id": customer, "name": self.name, "document": self.document, "email": self.email, "phone": self.phone,
            "birth_date": self.birth_date, "address": {"street": self.street, "number": "7"},
        }  # fmt: skip
        return {"contract_id": contract, "customer": whole, "items": [{"code": "1", "product_code": "TM"}]}


def marks_of_secret(secret: str) -> list[str]:
    return [secret, quote(secret, safe=""), b64encode(f"u:{secret}".encode()).decode()]


# -- a provider that repeats all it was told ---------------------------------------------------------------------------

SHAPES = (
    "message", "code", "header", "malformed", "truncated", "credentials", "redirect", "html", "text", "nested",
    "success",
)  # fmt: skip


class Parrot(BaseHTTPRequestHandler):
    """Answers every request with what it knows, in some shape."""

    shape = "message"
    known: str = ""
    heard: int = 0

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        type(self).heard += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        authorization = self.headers.get("Authorization", "")
        plain = b64decode(authorization.partition(" ")[2] or "").decode(errors="replace")
        told = f"{type(self).known} {body} {self.path} {authorization} {plain} {plain.partition(':')[2]}"
        status, headers, content = getattr(self, f"_{self.shape}")(" ".join(told.split()))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        longer = 100 if self.shape == "truncated" else 0
        self.send_header("Content-Length", str(len(content.encode()) + longer))
        self.end_headers()
        self.wfile.write(content.encode())
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815

    def _message(self, told: str) -> tuple[int, dict[str, str], str]:
        return 422, {}, json.dumps({"error": {"code": "invalid", "message": told}})

    def _code(self, told: str) -> tuple[int, dict[str, str], str]:
        return 422, {}, json.dumps({"errors": [{"code": told, "detail": told}]})

    def _header(self, told: str) -> tuple[int, dict[str, str], str]:
        ascii_only = told.encode("ascii", "ignore").decode()
        return 500, {"X-Echo": ascii_only, "Warning": ascii_only, "Set-Cookie": f"s={ascii_only}"}, "{}"

    def _malformed(self, told: str) -> tuple[int, dict[str, str], str]:
        return 200, {}, '{"data": {"x" ' + json.dumps(told)

    def _truncated(self, told: str) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"data": told})

    def _credentials(self, told: str) -> tuple[int, dict[str, str], str]:
        return 401, {"WWW-Authenticate": "Basic"}, json.dumps({"error": {"message": f"wrong: {told}"}})

    def _redirect(self, told: str) -> tuple[int, dict[str, str], str]:
        return 302, {"Location": f"https://example.com/a?name={quote(told)}"}, ""

    def _html(self, told: str) -> tuple[int, dict[str, str], str]:
        return 400, {"Content-Type": "text/html"}, f"<html><title>{told[:80]}</title>{told}</html>"

    def _text(self, told: str) -> tuple[int, dict[str, str], str]:
        return 400, {"Content-Type": "text/plain"}, told

    def _nested(self, told: str) -> tuple[int, dict[str, str], str]:
        return 400, {}, json.dumps({"detail": json.dumps({"cause": told})})

    def _success(self, told: str) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"id": "u1", "status": told, "message": told, "data": [{"note": told}], "total": 1})


@contextmanager
def parrot(known: str) -> Iterator[tuple[type[Parrot], str]]:
    made = type("Made", (Parrot,), {"known": known})
    with ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield made, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


# -- an ISP ------------------------------------------------------------------------------------------------------------


@dataclass
class Shop:
    """An ISP with one contract sold, and all that its commands have printed."""

    hub: Hub
    folder: Path
    person: Person
    password: str
    key: str
    printed: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, obj=self.hub, input=stdin)
        self.printed.append(f"$ svahub {' '.join(arguments)}\n{result.output}")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def move(self, url: str) -> None:
        """Have the integration call another address, and forget what became of its subscriptions."""
        with self.hub.store.write() as connection:
            connection.execute(update(tables.integrations).values(base_url=url, state="enabled", cause=None))

    def leaks(self, marks: list[str]) -> list[str]:
        return [f"{mark!r} in: {text[:3000]}" for text in self.printed for mark in marks if mark in _result_of(text)]


def _result_of(text: str) -> str:
    return text.partition("\n")[2]


@pytest.fixture
def hub(database_url: str) -> Iterator[Hub]:
    with Hub.open(database_url) as hub:
        yield hub


@pytest.fixture
def shop(hub: Hub, clinic: TeleClinicaSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("SVAHUB_SECRET_KEY", key)
    monkeypatch.setenv("SVAHUB_DEBUG", "1")
    monkeypatch.setenv("SVAHUB_LOG_LEVEL", "debug")
    shop = Shop(hub, tmp_path, Person(), clinic.credentials["password"], key)
    user = f"username={clinic.credentials['username']}"
    shop.run(
        "integration", "add", "tele", "--provider", "teleclinica", "--environment", Environment.STAGING.value,
        "--base-url", clinic.url, "--set", user, "--secret", "password=-", stdin=shop.password + "\n",
    )  # fmt: skip
    shop.run("plans", "sync", "tele")
    plan = json.loads(CliRunner().invoke(main, ["--log-level", "error", "plans", "list", "--json"], obj=hub).stdout)[0]
    shop.run(
        "products", "link", "TM", "--product-type", "telemedicine", "--integration", "tele", "--plan", plan["remote_id"]
    )
    shop.run("contracts", "import", shop.file("first.jsonl", json.dumps(shop.person.level("C1", "P1"))))
    shop.run("work", "--once")
    return shop


def stored(hub: Hub, skipped: frozenset[str] = frozenset({"customers"})) -> str:
    """Return every row of every table as text, but those where customers' data has its place."""
    found = MetaData()
    with hub.store.read() as connection:
        found.reflect(connection)
        tables_there = [table for table in found.sorted_tables if table.name not in skipped]
        rows = [
            f"{table.name}: {row}"
            for table in tables_there
            for row in connection.execute(select(*(c for c in table.c if c.name != "last_import")))
        ]
    return "\n".join(rows)


def absent(text: str, marks: list[str]) -> None:
    for line in text.splitlines():
        assert [mark for mark in marks if mark in line] == [], line


# -- what is asked, and what is answered -------------------------------------------------------------------------------


def reads(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Walk the command's tree and yield what only looks."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from reads(command, (*path, name))
        elif command is not None and name in LOOKING:
            yield (*path, name), command


LOOKING = frozenset(["list", "show", "check", "verify", "doctor", "status", "events", "explain", "plugins", "test"])
KNOWN = {"contract": "C1", "customer": "P1", "integration": "tele", "subscription": "C1/1", "id": "1", "operation": "1"}


def arguments_of(command: click.Command) -> list[str] | None:
    needed = [p for p in command.params if isinstance(p, click.Argument) and p.required]
    names = [str(p.name) for p in needed]
    return [KNOWN.get(name, KNOWN["integration"] if name == "name" else "1") for name in names]


def test_whatever_is_looked_at_shows_no_canary(shop: Shop) -> None:
    shop.run("block", "C1", "--actor", shop.person.document, "--note", f"asked by {shop.person.email}", "--no-wait")
    for path, command in reads(main):
        for style in ("text", "json"):
            more = ["--json"] if style == "json" and any(p.name == "as_json" for p in command.params) else []
            shop.run("--log-format", style, *path, *(arguments_of(command) or []), *more)
    shop.run("access", "show", "C1", "--json")
    own_name = [mark for mark in shop.person.marks if mark not in {shop.person.name}]
    assert shop.leaks([*own_name, *marks_of_secret(shop.password), shop.key]) == []


def test_what_is_looked_at_for_a_provider_tells_no_login(shop: Shop, clinic: TeleClinicaSimulator) -> None:
    office = shop.hub.tenant("default")
    (access,) = office.users.access("C1", None, reveal=True, actor="test")
    logins = [str(access.login), str(access.access_url)]
    shop.run("access", "show", "C1")
    shop.run("access", "show", "C1", "--json")
    shop.run("users", "list", "tele", "--json")
    shop.run("subscriptions", "show", "C1/1", "--json")
    assert [user.login for user in clinic.users] == logins[:1]
    assert shop.leaks(logins) == []
    absent(stored(shop.hub, frozenset()), logins)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_provider_that_repeats_everything_is_not_repeated(shop: Shop, shape: str) -> None:
    other = Person()
    known = " ".join(shop.person.marks)
    with parrot(known) as (server, url):
        server.shape = shape
        shop.move(url)
        for style in ("text", "json"):
            shop.run("--log-format", style, "block", "C1", "--timeout", "2")
            shop.run("--log-format", style, "access", "show", "C1")
        shop.move(url)
        for asked in (("users", "list", "tele"), ("plans", "sync", "tele"), ("integration", "test", "tele")):
            shop.run(*asked)
        shop.move(url)
        server.known = ""
        shop.run("contracts", "import", shop.file("other.jsonl", json.dumps(other.level("C2", "P2"))))
        shop.run("work", "--once")
    assert server.heard >= 4
    for asked in (("operations", "list"), ("subscriptions", "show", "C1/1", "--json"), ("audit", "list", "--json")):
        shop.run(*asked)
    hidden = [*marks_of_secret(shop.password), shop.key, *other.marks]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub), hidden)
    whole = [shop.person.document, shop.person.email, shop.person.phone]
    assert shop.leaks(whole) == []
    absent(stored(shop.hub), whole)


@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.TRUNCATED, Fault.ERROR_AFTER, Fault.REDIRECT])
def test_a_provider_in_trouble_leaves_no_canary(shop: Shop, clinic: TeleClinicaSimulator, fault: Fault) -> None:
    clinic.faults.next(fault, fault)
    shop.run("block", "C1", "--timeout", "2")
    shop.run("work", "--once")
    hidden = [*shop.person.marks, *marks_of_secret(shop.password)]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub), hidden)


# -- what is taken in --------------------------------------------------------------------------------------------------


def wrong_files(person: Person) -> Iterator[tuple[str, str]]:
    level = person.level("C9", "P9")
    yield "cut.jsonl", json.dumps(level)[:-40]
    yield (
        "document.jsonl",
        json.dumps(level | {"customer": level["customer"] | {"document": person.document[:-1] + "x"}}),
    )
    yield "unknown.jsonl", json.dumps(level | {"customer": level["customer"] | {person.email: person.name}})
    yield "swapped.jsonl", json.dumps(level | {"due_day": person.document, "price": person.name})
    yield "twice.jsonl", json.dumps(level) + "\n" + json.dumps(level)
    header = "contract_id;customer_id;customer_name;customer_document;customer_email;item_code;item_product_code"
    yield "shifted.csv", f"{header}\nC9;{person.name};{person.document};{person.email};P9;1;TM\n"
    yield "header.csv", f"{person.name};{person.document}\nC9;{person.email}\n"
    yield (
        "long.csv",
        f"{header}\nC9;P9;{person.name};{person.document};{person.email};1;TM;{person.phone};{person.street}\n",
    )
    yield "quote.csv", f'{header}\nC9;P9;"{person.name};{person.document};{person.email};1;TM\n'


@pytest.mark.parametrize("person", [Person(), Person(document=cnpj())], ids=["person", "company"])
def test_a_file_that_is_refused_is_not_repeated(shop: Shop, person: Person) -> None:
    for name, text in wrong_files(person):
        shop.run("contracts", "import", shop.file(name, text))
        shop.run("--log-format", "json", "contracts", "import", shop.file(name, text), "--json")
        shop.run("contracts", "import", shop.file(name, text), "--dry-run", "--strict")
    assert shop.leaks(person.marks) == []
    absent(stored(shop.hub), person.marks)


@pytest.mark.parametrize(
    "asked",
    [
        ("block", "C1", "--no-wait"), ("unblock", "C1", "--no-wait"), ("cancel", "C1", "--no-wait"),
        ("activate", "C1", "--no-wait"), ("change", "C1", "--item", "1", "--quantity", "2"),
    ],
)  # fmt: skip
def test_notes_and_actors_are_kept_without_documents(shop: Shop, asked: tuple[str, ...]) -> None:
    person = shop.person
    note = f"{person.document} {person.email} ({person.phone[:2]}) {person.phone[2:7]}-{person.phone[7:]}"
    shop.run(*asked, "--actor", person.document, "--note", note)
    shop.run("operations", "list", "--json")
    shop.run("audit", "list", "--json")
    hidden = [mark for mark in person.marks if mark not in {person.name, person.street, person.birth_date}]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub), hidden)


def test_names_that_nobody_bears_are_not_repeated_where_they_are_documents(shop: Shop) -> None:
    person = shop.person
    for asked in (("customers", "show"), ("contracts", "show"), ("explain",), ("block",), ("subscriptions", "show")):
        for typed in (person.document, person.email):
            shop.run(*asked, typed)
    assert shop.leaks([person.document, person.email]) == []


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_no_secret_is_repeated_when_settings_or_secrets_are_wrong(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, clinic: TeleClinicaSimulator
) -> None:
    wrong = secrets.token_urlsafe(18)
    monkeypatch.setenv("WRONG_WORD", wrong)
    add = (
        "integration",
        "add",
        "two",
        "--provider",
        "teleclinica",
        "--environment",
        "staging",
        "--base-url",
        clinic.url,
    )
    shop.run(*add, "--set", "username=u", "--secret", "password=env:WRONG_WORD")
    shop.run("integration", "test", "two")
    shop.run(*add, "--set", "timeout=soon", "--set", "routes=" + wrong, "--secret", "password=env:WRONG_WORD")
    shop.run(*add, "--set", "username=u", "--secret", f"password={wrong}")
    shop.run("--database", f"postgresql://u:{wrong}@127.0.0.1:1/none", "contracts", "list")
    result = CliRunner().invoke(main, ["--database", f"postgresql://u:{wrong}@127.0.0.1:1/none", "contracts", "list"])
    shop.printed.append("\n" + result.output)
    monkeypatch.setenv("SVAHUB_SECRET_KEY", wrong)
    shop.run("work", "--once")
    shop.run("integration", "list", "--json")
    hidden = [*marks_of_secret(wrong), *marks_of_secret(shop.password), shop.key]
    assert shop.leaks(hidden) == []
    absent(stored(shop.hub, frozenset()), hidden)


def test_no_secret_is_in_the_files_of_the_store(sqlite_url: str, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("skip"):
        return
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with Hub.open(sqlite_url) as hub:
        clinic = request.getfixturevalue("clinic")
        folder, monkeypatch = request.getfixturevalue("tmp_path"), request.getfixturevalue("monkeypatch")
        key = Fernet.generate_key().decode()
        monkeypatch.setenv("SVAHUB_SECRET_KEY", key)
        shop = Shop(hub, folder, Person(), clinic.credentials["password"], key)
        shop.run(
            "integration", "add", "tele", "--provider", "teleclinica", "--environment", "staging", "--base-url",
            clinic.url, "--set", "username=u", "--secret", "password=-", stdin=shop.password + "\n",
        )  # fmt: skip
        shop.run("plans", "sync", "tele")
        shop.run("integration", "test", "tele")
        raw = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    raw += b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    assert len(raw) > 10_000
    assert [mark for mark in [*marks_of_secret(shop.password), key] if mark.encode() in raw] == []


# -- what programs see -------------------------------------------------------------------------------------------------


def test_no_repr_of_what_is_public_shows_a_canary(shop: Shop) -> None:
    from svahub.opening import open_integration
    from svahub.store import contracts, integrations, queue

    office = shop.hub.tenant("default")
    with shop.hub.store.read() as connection:
        (row,) = integrations.of_tenant(connection, "default")
        found = contracts.customers_by_id(connection, "default", ["P1"])
        rows: list[Any] = [row, found, *contracts.subscriptions_of(connection, "default", ["C1"])]
        rows += queue.subscriptions_of(connection, [rows[-1].account_key])
    opened = open_integration(row, shop.hub.registry, clock=shop.hub.clock)
    user = next(iter(opened.relay.list_users()))
    seen = [
        *rows,
        opened,
        opened.settings,
        opened.client,
        found["P1"].customer(),
        user,
        office,
        *office.users.list("tele"),
    ]
    seen += office.users.access("C1", None, reveal=True, actor="a")
    opened.client.close()
    hidden = [*shop.person.marks, *marks_of_secret(shop.password), str(user.login), str(user.access_url)]
    absent("\n".join(map(repr, seen)), hidden)


BUGGY = """
from svahub import hookimpl


@hookimpl(wrapper=True)
def block(subscription, reasons):
    yield
    c = subscription.account.customer
    raise KIND(f"{c.name} {c.document} {c.email} {c.phone} {c.birth_date}")
"""


@pytest.mark.parametrize("kind", ["ValueError", "TypeError", "KeyError", "BaseException", "SystemExit"])
def test_a_plugins_bug_does_not_tell_of_whom_it_was_about(shop: Shop, site: Any, kind: str) -> None:
    source = BUGGY.replace("KIND", kind)
    site.install("svahub-buggy", "[svahub.hooks]\nbuggy = svahub_buggy\n", svahub_buggy=source)
    shop.hub = Hub(shop.hub.store)
    shop.run("block", "C1", "--timeout", "2")
    shop.run("operations", "list", "--json")
    assert any("raised" in text for text in shop.printed), shop.printed[-2:]
    assert shop.leaks([*shop.person.marks, *marks_of_secret(shop.password)]) == []
    absent(stored(shop.hub), shop.person.marks)
