"""What a forked child does: one svahub command, with a watcher that kills, stops or troubles it where a test says."""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from svahub.points import Point


@dataclass
class Job:
    """One command: on which store, with which clock, and what happens to it.

    `act` is done at the point number `at`, of all points or of those in `where`; "statement" there means before each
    SQL statement, any other text before that one. It is kill, stop, or cut: every connection to the store is cut.
    `program` is called in place of a command: "module:function", with an open hub and the arguments.
    """

    arguments: list[str]
    url: str
    output: str
    errors: str
    environment: dict[str, str] = field(default_factory=dict)
    clock: str | None = None
    at: int = 0
    act: str = "kill"
    where: list[str] = field(default_factory=list)
    busy_milliseconds: int | None = None
    program: str | None = None

    @property
    def acted(self) -> Path:
        """The file that tells that the act was done."""
        return Path(f"{self.output}.acted")


class SharedClock:
    """The machine's time plus seconds from a small file that several processes map: `steps` sets clocks only."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        file = Path(path)
        if not file.exists():
            file.write_bytes(struct.pack("dd", 0.0, 0.0))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 16)

    def _seconds(self) -> tuple[float, float]:
        passed, steps = struct.unpack("dd", self._map[:16])
        return passed, steps

    def advance(self, seconds: float = 0, *, days: float = 0) -> None:
        """Let time pass for every process."""
        passed, steps = self._seconds()
        self._map[:16] = struct.pack("dd", passed + timedelta(days, seconds).total_seconds(), steps)

    def set_back(self, seconds: float) -> None:
        """Set the clock back, as a person does: the monotonic clock does not notice."""
        passed, steps = self._seconds()
        self._map[:16] = struct.pack("dd", passed, steps - seconds)

    def show(self, instant: datetime) -> None:
        """Set the clock to an instant; the monotonic clock does not notice."""
        self.set_back((self.now() - instant).total_seconds())

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=sum(self._seconds()))

    def monotonic(self) -> float:
        return time.monotonic() + self._seconds()[0]

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Watcher:
    """Counts the points that a job watches and acts at one of them."""

    def __init__(self, job: Job) -> None:
        self._job, self._count = job, count(1)
        self.transactions: set[int] = set()

    def __call__(self, point: Point | str) -> None:
        if self._job.where and str(point) not in self._job.where:
            return
        if next(self._count) == self._job.at:
            self._job.acted.touch()
            getattr(self, f"_{self._job.act}")()

    def _kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _stop(self) -> None:
        for _ in range(200):  # one that froze within a transaction would keep others from theirs
            if not self.transactions:
                break
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.05)  # the signal may stop another thread a little earlier than this one

    def _cut(self) -> None:
        import psycopg

        query = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self._job.url.replace("+psycopg", "")) as connection:
            connection.execute(query).fetchall()


WARM = (
    "svahub.hub",
    "svahub.server.app",
    "svahub.server.serving",
    "svahub.runners.procrastinated",
    "svahub_teleclinica",
    "svahub_asaas.commands.invoices",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "tabulate",
)


def warm_up() -> None:
    """Import what commands import, so that children need not."""
    from svahub.cli import COMMANDS

    for target, _ in COMMANDS.values():
        if target not in {"simulate", "demo"}:
            import_module(f"svahub.cli.{target.partition(':')[0]}")
    for name in WARM:
        import_module(name)


def run(order: dict[str, Any]) -> NoReturn:
    """Do one job in this process, which was forked for it, and end."""
    job, code = Job(**order), 70
    _redirect(job)
    random.seed()
    try:
        code = _command(job)
    except BaseException:  # noqa: BLE001  # it is told, and the child ends
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(job: Job) -> None:
    files = ((0, os.devnull, os.O_RDONLY), (1, job.output, _NEW), (2, job.errors, _NEW))
    for number, path, flags in files:
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _command(job: Job) -> int:
    from svahub import points
    from svahub.cli import main
    from svahub.hub import Hub

    os.environ.update(job.environment, SVAHUB_DATABASE_URL=job.url)
    watcher = Watcher(job)
    _watch_statements(watcher, job.where)
    if job.act == "stop":
        _watch_transactions(watcher.transactions)
    if job.busy_milliseconds is not None:
        _hurry(job.busy_milliseconds)
    points.watch(watcher)
    clock = SharedClock(job.clock) if job.clock else None
    hub = Hub.open(job.url, clock=clock) if clock or job.program else None
    try:
        if job.program:
            module, _, function = job.program.partition(":")
            getattr(import_module(module), function)(hub, *job.arguments)
        else:
            main.main(job.arguments, prog_name="svahub", obj=hub)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    finally:
        if hub is not None:
            hub.close()
    return 0


def _watch_statements(watcher: Watcher, wanted: list[str]) -> None:
    from sqlalchemy import Engine, event

    if not wanted:
        return

    @event.listens_for(Engine, "before_cursor_execute")
    def about_to_execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        watcher("statement" if "statement" in wanted else statement)


def _watch_transactions(under_way: set[int]) -> None:
    from sqlalchemy import Engine, event

    event.listen(Engine, "begin", lambda connection: under_way.add(id(connection)))
    for ended in ("commit", "rollback"):
        event.listen(Engine, ended, lambda connection: under_way.discard(id(connection)))


def _hurry(milliseconds: int) -> None:
    """Let a locked SQLite store be waited for only so long."""
    from sqlalchemy import Engine, event

    @event.listens_for(Engine, "begin")
    def begun(connection: Any) -> None:
        connection.connection.dbapi_connection.execute(f"PRAGMA busy_timeout={milliseconds}")
