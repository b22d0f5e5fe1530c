"""An ISP with all that the examples of commands name: five simulators, contracts, charges, and what waits for a person.

Opaque ids differ from those that examples show; `Isp.meant` says what each stands for here.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import Update, update
from svahub.cli import main
from svahub.extension.invented import person
from svahub.hub import Hub
from svahub.store import Store, closing, inbox, tables, versions
from svahub.store.closing import Closed, Closing
from svahub.store.inbox import Delivery
from svahub.store.queue import Lane
from svahub.store.rows.sales import LOST
from svahub.store.states import MessageState
from svahub.testing.clocks import HandClock
from svahub_asaas.simulator import AsaasSimulator
from svahub_campsoft.simulator import CampsoftSimulator
from svahub_iot.simulator import IotSimulator
from svahub_ixc.simulator import IxcSimulator
from svahub_teleclinica.simulator import TeleClinicaSimulator


@dataclass
class Isp:
    """The installation, its simulators, and what opaque words of examples stand for."""

    hub: Hub
    folder: Path
    clock: HandClock
    clinic: TeleClinicaSimulator
    asaas: AsaasSimulator
    films: CampsoftSimulator
    olli: IotSimulator
    erp: IxcSimulator
    meant: dict[str, str] = field(default_factory=dict)

    def invoke(self, line: str) -> Result:
        """Run a command line as examples show it; one that names another store gets that."""
        for told, here in self.meant.items():
            line = line.replace(told, here)
        words = shlex.split(line)[1:]
        return CliRunner().invoke(main, words, obj=None if "--database" in words else self.hub)

    def run(self, line: str, *codes: int) -> Any:
        """Run a command line that has to end with 0, or one of these codes; return what it prints as JSON."""
        result = self.invoke(f"svahub {line} --json")
        assert result.exit_code in (codes or (0,)), f"{line}: {result.output}"
        return json.loads(result.stdout)

    def write(self, statement: Update) -> None:
        """Change the store beneath the commands, for what would take hours to come about."""
        with self.hub.store.write() as connection:
            connection.execute(statement)

    def line(self, contract: int, status: str, *items: dict[str, Any]) -> dict[str, Any]:
        """Return a contract as a line of a file has it; contract C-n is customer P-n's."""
        customer = person(contract) | {"id": f"P-{contract}", "email": f"p{contract}@example.com"}
        priced = {"due_day": 10, "price": "99.90"}
        return {"contract_id": f"C-{contract}", "status": status, "customer": customer, "items": list(items), **priced}

    def bring(self, *lines: dict[str, Any], code: int = 0) -> None:
        """Import contracts, and do what follows, which ends with a code."""
        (self.folder / "contracts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        self.run("contracts import contracts.jsonl")
        self.run("work --once", code)


@contextmanager
def opened(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Isp]:
    """Open the ISP with its store in a folder, which becomes the working directory."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SVAHUB_SECRET_KEY", Fernet.generate_key().decode())
    shutil.copy(url.removeprefix("sqlite:///"), folder / "former.db")
    clock, made = HandClock(), {}
    kinds = (TeleClinicaSimulator, AsaasSimulator, CampsoftSimulator, IotSimulator, IxcSimulator)
    with ExitStack() as stack:
        mail = Controller(Sink(), hostname="127.0.0.1", port=_free())
        for kind in kinds:
            made[kind] = stack.enter_context(kind(seed=1, clock=clock).running())
        hub = stack.enter_context(Hub.open(url, clock=clock))
        mail.start()
        stack.callback(mail.stop)
        isp = Isp(hub, folder, clock, *(made[kind] for kind in kinds))
        _register(isp, monkeypatch, mail.port)
        isp.run(f"outbox add {stack.enter_context(_ear())} --name crm --allow-private")
        _sell(isp)
        _charge(isp)
        _leave_to_persons(isp)
        (folder / "bill.csv").write_text("CPF;Valor\n529.982.247-25;19,90\n")
        isp.run("reconcile run tele")
        isp.run("reconcile run tele")
        _campaign(isp)
        _close("sqlite:///former.db", clock)
        yield isp


class Ear(BaseHTTPRequestHandler):
    """Another system, which takes whatever it is told."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def _ear() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _free() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _register(isp: Isp, monkeypatch: pytest.MonkeyPatch, post: int) -> None:
    keys = {
        "TELE_PASSWORD": isp.clinic.credentials["password"],
        "NEW_PASSWORD": isp.clinic.credentials["password"],
        "ASAAS_KEY": isp.asaas.credentials["key"],
        "ASAAS_TOKEN": Fernet.generate_key().decode(),
        "TV_KEY": isp.films.credentials["api_key"],
        "TV_SECRET": isp.films.credentials["api_secret"],
        "IOT_SECRET": isp.olli.credentials["client_secret"],
        "ERP_TOKEN": isp.erp.credentials["token"],
    }
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    user, client = isp.clinic.credentials["username"], isp.olli.credentials["client_id"]
    mail = f"smtp_host=127.0.0.1 smtp_port={post} smtp_security=none mail_from=isp@example.com report_to=b@example.com"
    own = " ".join(f"--set {setting}" for setting in mail.split())
    for name, provider, simulator, more in (
        ("tele", "teleclinica", isp.clinic, f"--set username={user} --secret password=env:TELE_PASSWORD"),
        ("cobranca", "asaas", isp.asaas, f"{own} --secret key=env:ASAAS_KEY --secret webhook_token=env:ASAAS_TOKEN"),
        ("tv", "campsoft", isp.films, "--secret api_key=env:TV_KEY --secret api_secret=env:TV_SECRET"),
        ("casa", "iot", isp.olli, f"--set client_id={client} --secret client_secret=env:IOT_SECRET"),
    ):
        at = f"--environment staging --base-url {simulator.url}"
        isp.run(f"integration add {name} --provider {provider} {at} --set settle_seconds=0 {more}")
    at = f"--environment staging --base-url {isp.erp.url}"
    isp.run(f"source add erp --type ixc {at} --set watch=false --secret token=env:ERP_TOKEN")
    isp.erp.sign("1")
    isp.erp.sign("1")


def _sell(isp: Isp) -> None:
    isp.run("plans sync")
    plans = {plan["name"]: plan["remote_id"] for plan in isp.run("plans list")}
    isp.meant["pln_2807e46a1006"] = plans["Família"]
    isp.meant |= {"--type acme-erp": "--type ixc", "--provider acme": "--provider teleclinica"}
    isp.meant["simulate acme"] = "simulate teleclinica"
    isp.meant["plugins show acme"] = "plugins show teleclinica"
    isp.meant["postgresql://svahub@db.example.br/svahub"] = "sqlite:///new.db"
    for code, kind, plan in (
        ("TELE", "telemedicine", "Individual"),
        ("TV", "streaming", "Filmes e séries"),
        ("CAMERA", "iot", "Câmera interna"),
    ):
        isp.run(f"products link {code} --product-type {kind} --plan {plans[plan]}")
    tele, films = {"code": "1", "product_code": "TELE"}, {"code": "1", "product_code": "TV"}
    net, cameras = {"code": "1", "product_code": "NET"}, {"code": "1", "product_code": "CAMERA", "quantity": 1}
    sold = {3: films, 6: cameras, 7: net, 11: cameras}
    isp.bring(*(isp.line(n, "pending" if n == 9 else "active", sold.get(n, tele)) for n in range(1, 17)))
    isp.run("block C-15 --reason staff")
    isp.run("cancel C-16")
    isp.run("iot licences add C-11 SN-1001 SN-1002 SN-1003")
    (isp.folder / "terms.md").write_text("Consultas por vídeo, todos os dias.")
    isp.run("terms set telemedicine --version 2026-11 --file terms.md")


def _charge(isp: Isp) -> None:
    isp.run("asaas invoices create C-1 C-2 C-3 C-4 C-5 C-6 --month 2026-11")
    listed = {row["contract"]: row for row in isp.run("asaas invoices list")}
    isp.asaas.pay(listed["C-4"]["charge"])
    isp.asaas.make_overdue(listed["C-6"]["charge"])
    isp.clock.advance(minutes=1)
    isp.run("asaas sync --since 2026-11-01")
    isp.run(f"asaas invoices receive-in-cash {listed['C-5']['id']}")
    isp.meant["pay_080225913252"] = isp.run("debts list")[0]["reference"]


def _campaign(isp: Isp) -> None:
    """Plan five campaigns; the third runs, the fourth is paused."""
    for _ in range(4):
        isp.run("block --where integration=tv")
    isp.run("unblock --where product_type=telemedicine")
    for number in (3, 4):
        isp.run(f"campaigns start {number} --no-wait --max-percent 100")
    isp.run("campaigns pause 4")


def _close(url: str, clock: HandClock) -> None:
    """Leave a store as one is whose content went to another."""
    store = Store(url)
    with store.write() as connection:
        closing.close(connection, Closed(Closing.MOVED, versions.HEAD, "sqlite:///moved.db", clock.now()))
    store.close()


def _leave_to_persons(isp: Isp) -> None:
    isp.olli.account.stock = 0
    isp.bring(*(isp.line(n, "active", {"code": "1", "product_code": "CAMERA"}) for n in (21, 22, 23)), code=4)
    isp.olli.account.stock = None
    lost = {"uncertain_since": isp.clock.now(), "cause": LOST}
    isp.write(update(tables.subscriptions).where(tables.subscriptions.c.contract_id == "C-22").values(lost))
    isp.write(update(tables.outbox).where(tables.outbox.c.id == 1).values(state=MessageState.PARKED))
    told = Delivery(Lane("default", "cobranca"), "evt_1", "PAYMENT_CREATED", None, {}, b"{}")
    with isp.hub.store.write() as connection:
        inbox.keep(connection, [told], isp.clock.now())
    isp.run("asaas invoices create C-7 C-8 C-10 --month 2026-12 --no-wait")
    isp.write(update(tables.tasks).where(tables.tasks.c.id == 10).values(uncertain_since=isp.clock.now()))
