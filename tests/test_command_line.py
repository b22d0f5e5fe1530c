"""The `svahub` command as a process: exit codes, signals, terminals, and what stands on which output."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select as select_rows
from sqlalchemy import update
from svahub.hub import Hub
from svahub.models import Environment
from svahub.store import tables
from svahub.store.states import Certainty
from svahub.store.types import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from svahub.hub import TenantHub
    from svahub_teleclinica.simulator import TeleClinicaSimulator

    from conftest import Site

VARIABLE = "WORD_OF_THE_CLINIC"
WORD = "opens-sesame"
SVAHUB = (sys.executable, "-m", "svahub")
CONTRACT = {
    "contract_id": "C1",
    "customer": {"id": "P1", "name": "Maria Inventada", "document": "52998224725"},
    "items": [{"code": "1", "product_code": "TM"}],
}

Run = "Callable[..., subprocess.CompletedProcess[str]]"


@pytest.fixture
def environment(sqlite_url: str, clinic: TeleClinicaSimulator) -> dict[str, str]:
    return {**os.environ, "SVAHUB_DATABASE_URL": sqlite_url, "SVAHUB_TENANT": "default"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def started(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
        given = {"env": environment, "capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
        return subprocess.run([*SVAHUB, *arguments], **(given | how))

    return started


@pytest.fixture
def shop(office: TenantHub, tmp_path: Path) -> Path:
    """Make an office that sells one product at `tele`, and return a file of one contract."""
    office.catalogue.sync("tele")
    office.catalogue.link("TM", "telemedicine", "tele", office.catalogue.plans("tele")[0].remote_id)
    file = tmp_path / "contracts.jsonl"
    file.write_text(json.dumps(CONTRACT))
    return file


def test_a_whole_life_of_a_contract(run: Run, shop: Path, clinic: TeleClinicaSimulator) -> None:
    for arguments in (
        ["contracts", "import", str(shop)],
        ["work", "--once"],
        ["block", "C1"],
        ["cancel", "C1"],
    ):
        ended = run(*arguments)
        assert (ended.returncode, ended.stderr) == (0, "")
    assert [user.status for user in clinic.users] == ["CANCELLED"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["contracts", "show", "C1"], 1, "Error: No contract 'C1'"),
        (["work", "--threads", "0"], 2, "--threads"),
    ],
)
def test_what_goes_wrong_is_told_on_the_error_output(run: Run, arguments: list[str], code: int, told: str) -> None:
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout, told in ended.stderr) == (code, "", True)


def test_a_store_that_cannot_be_reached_is_told_without_its_password(run: Run) -> None:
    ended = run("--database", f"postgresql://svahub:{WORD}@127.0.0.1:1/svahub", "contracts", "list")
    assert (ended.returncode, ended.stderr.startswith("Error: The store "), WORD in ended.stderr) == (1, True, False)


def test_the_store_is_made_on_first_use(run: Run, tmp_path: Path) -> None:
    assert run("--database", f"sqlite:///{tmp_path}/own.db", "contracts", "list", "--json").stdout == "[]\n"


@pytest.mark.deep
def test_a_mistyped_folder_is_not_made(run: Run, tmp_path: Path) -> None:
    ended = run("--database", f"sqlite:///{tmp_path}/nowhere/own.db", "contracts", "list")
    assert (ended.returncode, "Check that its folder exists" in ended.stderr) == (1, True)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.deep)])
def test_a_signal_ends_the_work_and_its_calls_under_way_first(
    number: signal.Signals, shop: Path, clinic: TeleClinicaSimulator, office: TenantHub, environment: dict[str, str]
) -> None:
    clinic.timings.answer_seconds = 0.3
    command = [*SVAHUB, "work", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as work:
        office.contracts.bring(shop)
        _until(lambda: bool(_attempts(office)))
        work.send_signal(number)
        out, errors = work.communicate(timeout=30)
    assert (work.returncode, errors) == (0, "")
    assert json.loads(out)["states"] == {"settled": 1}
    assert len(list(clinic.users)) == 1


SLOW = """
import os
from pathlib import Path
from svahub.extension import Schedule

def wait(office):
    folder = Path(os.environ["SLOW_FOLDER"])
    (folder / "began").write_text("yes")
    return (folder / "end").read_text()  # a pipe: it waits for the test to write

slow = Schedule("0 3 * * *", "Wait.", wait)
"""


def test_calls_under_way_are_written_while_a_long_schedule_goes_on(
    shop: Path, clinic: TeleClinicaSimulator, office: TenantHub, environment: dict[str, str], site: Site, tmp_path: Path
) -> None:
    site.install("slow", "[svahub.schedules]\nslow = slow:slow\n", slow=SLOW)
    os.mkfifo(tmp_path / "end")
    office.schedules.set("slow", "0 4 * * *")
    with office.hub.store.write() as connection:
        connection.execute(update(tables.schedules).values(next_due_at=EPOCH))
    clinic.timings.answer_seconds = 0.3
    there = {"PYTHONPATH": str(site.folder), "SLOW_FOLDER": str(tmp_path)}
    with subprocess.Popen([*SVAHUB, "work", "--json"], env=environment | there, stdout=subprocess.PIPE) as work:
        _until((tmp_path / "began").exists)
        office.contracts.bring(shop)
        _until(lambda: bool(_attempts(office)))
        work.send_signal(signal.SIGTERM)
        _until(lambda: not _attempts(office, tables.attempts.c.ended_at.is_(None)))
        assert work.poll() is None
        (tmp_path / "end").write_text("done")
        work.communicate(timeout=30)
    assert (work.returncode, office.schedules.show("slow").last_message) == (0, "done")
    assert [attempt.certainty for attempt in _attempts(office)] == [Certainty.SUCCEEDED]


def _attempts(office: TenantHub, *where: Any) -> list[Any]:
    with office.hub.store.read() as connection:
        return list(connection.execute(select_rows(tables.attempts).where(*where)).all())


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_several_workers_at_once_do_each_step_once(
    shop: Path, clinic: TeleClinicaSimulator, office: TenantHub, environment: dict[str, str]
) -> None:
    office.contracts.bring(shop)
    workers = [subprocess.Popen([*SVAHUB, "work", "--once"], env=environment) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    assert clinic.counts["POST /users", 201] == 1


@pytest.mark.parametrize(("answer", "code", "status"), [(b"n\n", 1, "ACTIVE"), (b"y\n", 0, "CANCELLED")])
def test_cancelling_on_a_terminal_asks_first(
    run: Run, shop: Path, office: TenantHub, clinic: TeleClinicaSimulator, answer: bytes, code: int, status: str
) -> None:
    office.contracts.bring(shop)
    office.settle([view.key for view in office.subscriptions.list()])
    person, terminal = os.openpty()
    os.write(person, answer)
    ended = run("cancel", "C1", stdin=terminal)
    os.close(person)
    os.close(terminal)
    assert (ended.returncode, "Cancel C1? [y/N]" in ended.stderr) == (code, True)
    assert [user.status for user in clinic.users] == [status]


def test_a_secret_typed_on_a_terminal_is_not_echoed(
    run: Run, hub: Hub, clinic: TeleClinicaSimulator, environment: dict[str, str]
) -> None:
    from cryptography.fernet import Fernet

    given = environment | {"SVAHUB_SECRET_KEY": Fernet.generate_key().decode()}
    where = ("--environment", "staging", "--base-url", clinic.url, "--set", "username=u", "--secret", "password=-")
    command = [*SVAHUB, "integration", "add", "typed", "--provider", "teleclinica", *where]
    person, terminal = os.openpty()
    how = {"stdin": terminal, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=given, start_new_session=True, **how) as adding:
        assert adding.stderr
        prompt = adding.stderr.read(len("password: "))  # what is typed before it is thrown away
        os.write(person, f"{WORD}\n".encode())
        out, errors = adding.communicate(timeout=60)
    os.set_blocking(person, False)
    echoed = os.read(person, 1000) if select.select([person], [], [], 0)[0] else b""
    os.close(person)
    os.close(terminal)
    assert (adding.returncode, prompt) == (0, "password: ")
    assert WORD not in f"{out}{errors}{echoed.decode()}"
    assert hub.tenant("default").integrations.show("typed").environment is Environment.STAGING


def test_bars_are_for_terminals(run: Run, shop: Path) -> None:
    person, terminal = os.openpty()
    ended = run("contracts", "import", str(shop), "--json", capture_output=False, stdout=subprocess.PIPE,
                stderr=terminal)  # fmt: skip
    os.close(terminal)
    drawn = os.read(person, 10_000).decode()
    os.close(person)
    assert (json.loads(ended.stdout)["added"], "contracts" in drawn) == (1, True)
