"""What every test may ask for: a store on SQLite or PostgreSQL, or room for one; and how hypothesis draws.

Stores are copies of one that a worker makes once: making each by its migrations would take a third of the whole run.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from svahub.testing.statements import compile_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IN_CI = bool(os.environ.get("CI"))
SHARED = "SVAHUB_TEST_SHARED"
MEMORY = Path("/dev/shm")  # noqa: S108  # files in folders of our own
ENOUGH = 4 * 2**30
"""Bytes that must be free there before files of tests are kept in memory: they take up to 1 GB."""

STRUCK = {
    "test_a_fault_at_any_call_of_any_verb_leaves_what_is_wanted",
    "test_a_listing_brings_all_or_an_error",
    "test_a_failed_look_is_not_an_empty_one",
    "test_a_read_brings_all_or_an_error",
}
"""The tests of the conformance kit that strike with each fault in turn."""
OFTEN = {"drop_after", "lag_and_drop_after", "short_page"}
"""Faults of different kinds: applied and lost, applied and lost and not yet to be seen, not whole."""

settings.register_profile("local", deadline=None)
# derandomized, it draws the same every time: a few serve as well as many
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, max_examples=30)
settings.load_profile("ci" if IN_CI else "local")

compile_once()


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: tests wait for sockets and processes a quarter of their time."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Let xdist's workers know the process that outlives them: what they share ends with it."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED] = f"{os.getpid()}-{secrets.token_hex(4)}"
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _fastest_folder())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Strike one of our plugins with all of the kit's faults in every run, the others with all in the long one."""
    for item in items:
        name, _, parameters = item.name.rstrip("]").partition("[")
        if name in STRUCK and "TeleClinica" not in item.nodeid and parameters.partition("-")[0] not in OFTEN:
            item.add_marker(pytest.mark.deep)


def _fastest_folder() -> str:
    """Return where files are kept in memory, if that can be: no test cuts the power, none needs a disk."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH
    return str(MEMORY) if roomy else tempfile.gettempdir()


@pytest.fixture(scope="session", autouse=True)
def _bytecode(request: pytest.FixtureRequest) -> None:
    """Let programs that tests start keep bytecode in pytest's cache if they may not beside the sources.

    Each would compile all of svahub anew. Not in this process: tests rewrite modules faster than files' times tell.
    """
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    if cache and os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = str(cache.mkdir("bytecode"))


def _make_store(url: str) -> None:
    """Make a store as its first use does, but for the tenant that comes with it."""
    from sqlalchemy import delete
    from svahub.hub import Hub
    from svahub.store.tables import tenants

    with Hub.open(url) as hub, hub.store.write() as connection:
        connection.execute(delete(tenants))


# -- SQLite ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Return the address of a store on SQLite that is not there yet."""
    return f"sqlite:///{tmp_path / 'new.db'}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a store in which nothing is yet."""
    file = tmp_path_factory.mktemp("template") / "svahub.db"
    _make_store(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """Return the address of a store on SQLite in which nothing is yet."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'svahub.db')}"


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql_server() -> str:
    """Return the address of a PostgreSQL server, one for all workers; SVAHUB_TEST_POSTGRESQL names one that runs."""
    if given := os.environ.get("SVAHUB_TEST_POSTGRESQL"):
        return given.replace("+psycopg", "")
    folder = Path(_fastest_folder(), f"svahub-{os.environ[SHARED]}")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = folder / "address"
        if not address.exists():
            address.write_text(_start_postgresql(folder))
        return address.read_text()


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Return the address of an empty database, dropped after the test."""
    with _database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> Iterator[str]:
    """Return the name of a database with a store in which nothing is yet."""
    with _database(postgresql_server) as url:
        _make_store(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def postgresql_url(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    """Return the address of a store on PostgreSQL in which nothing is yet, dropped after the test."""
    with _database(postgresql_server, postgresql_template) as url:
        yield url


@contextmanager
def _database(server: str, template: str = "template1") -> Iterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    words = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**words))
    address, _, _ = server.rpartition("/")
    yield f"{address.replace('postgresql:', 'postgresql+psycopg:')}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**words))


# -- either ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of where a store can be made; the test runs once on each database."""
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a store in which nothing is yet; the test runs once on each database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.deep)])
def usual_database_url(request: pytest.FixtureRequest) -> str:
    """Return the same for a test of what the database is not in question for: on PostgreSQL in the long proofs only."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


# -- a PostgreSQL server -----------------------------------------------------------------------------------------------


@pytest.fixture
def own_postgresql() -> Iterator[OwnServer]:
    """Return a PostgreSQL server of the test's own, which may be restarted."""
    folder = Path(tempfile.mkdtemp(prefix="svahub-", dir=_fastest_folder()))
    folder.chmod(0o711)
    yield OwnServer(folder, _start_postgresql(folder))
    _control(folder, "stop")
    shutil.rmtree(folder)


class OwnServer(NamedTuple):
    """A server that no other test uses."""

    folder: Path
    address: str

    @property
    def url(self) -> str:
        """The address of its only database, as svahub is given it."""
        return self.address.replace("postgresql:", "postgresql+psycopg:")

    def restart(self) -> None:
        """Restart it as after a crash: every connection is cut."""
        _control(self.folder, "restart")


def _start_postgresql(folder: Path) -> str:
    cluster, port = folder / "cluster", _free_port()
    programs, user = _postgresql_programs(), _postgresql_user()
    cluster.mkdir(mode=0o700)
    if user:
        shutil.chown(cluster, user)
    _run([programs / "initdb", "-D", cluster, "-U", "svahub", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], user)
    options = f"-F -p {port} -k {cluster} -c listen_addresses=127.0.0.1 -c max_connections=400 -c max_wal_size=128MB"
    _run([programs / "pg_ctl", "start", "-w", "-D", cluster, "-l", cluster / "log", "-o", options], user)
    _stop_with_the_tests(cluster, folder)
    return f"postgresql://svahub@127.0.0.1:{port}/postgres"


def _control(folder: Path, action: str) -> None:
    cluster = folder / "cluster"
    command = [_postgresql_programs() / "pg_ctl", action, "-w", "-m", "immediate", "-D", cluster, "-l", cluster / "log"]
    _run(command, _postgresql_user())


def _postgresql_programs() -> Path:
    on_path = shutil.which("initdb")
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda found: float(found.parts[-3]))
    if on_path:
        return Path(on_path).resolve().parent
    if packaged:
        return packaged[-1].parent
    missing = "PostgreSQL is not installed: install its server, or name one in SVAHUB_TEST_POSTGRESQL"
    if IN_CI:
        pytest.fail(missing)
    pytest.skip(missing)


def _postgresql_user() -> str | None:
    # PostgreSQL refuses to run as root.
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _stop_with_the_tests(cluster: Path, folder: Path) -> None:
    # A process of its own watches, so that the server ends and its files go even when the tests are killed.
    tests, _, _ = os.environ[SHARED].partition("-")
    server = (cluster / "postmaster.pid").read_text().split()[0]
    watch = '(while kill -0 "$0"; do sleep 1; done; kill -INT "$1"; sleep 2; rm -rf "$2") >/dev/null 2>&1 </dev/null &'
    _run(["sh", "-c", watch, tests, server, folder])


def _run(command: Sequence[str | Path], user: str | None = None) -> None:
    quiet = subprocess.DEVNULL
    subprocess.run(  # noqa: S603  # every word of the command is ours
        command, user=user, check=True, stdin=quiet, stdout=quiet, start_new_session=True, cwd="/"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
