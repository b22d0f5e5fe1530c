"""The first use of a store: made once, however many come at once; one from a newer svahub is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.store import Store, StoreUnavailable, versions
from svahub.store.versions import StoreTooNew, StoreTooOld

PROGRAM = """
import os, sys
import alembic.command
from svahub.hub import Hub

for _ in range(3):
    if not os.fork():
        names = [tenant.name for tenant in Hub.open(sys.argv[1]).tenants()]
        os.write(1, f"{names}\\n".encode())  # at once: they share the pipe
        break
else:
    sys.exit(any(os.wait()[1] for _ in range(3)))
"""


@pytest.mark.parametrize(
    "empty_database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.deep)], indirect=True
)
def test_processes_that_come_at_once_make_one_store(empty_database_url: str) -> None:
    command = [sys.executable, "-c", PROGRAM, empty_database_url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == 3 * "['default']\n"


def test_the_migrations_make_exactly_the_tables_that_the_code_expects(empty_database_url: str) -> None:
    with Hub.open(empty_database_url) as hub:
        assert versions.differences(hub.store) == []


def test_a_store_from_a_newer_svahub_is_refused(database_url: str) -> None:
    Hub.open(database_url).close()
    store = Store(database_url)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreTooNew, match="Install a newer svahub"):
        Hub.open(database_url)


def test_an_older_store_names_the_command_that_upgrades_it(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Hub.open(sqlite_url).close()
    monkeypatch.setattr(versions, "HEAD", "9999")
    monkeypatch.setattr(versions, "KNOWN", (*versions.KNOWN, "9999"))
    with pytest.raises(StoreTooOld, match="svahub db upgrade"):
        Hub.open(sqlite_url)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "sqlite:///FILE"),
        ("mysql://user@host/db", "driver|SQLite or PostgreSQL"),
        ("sqlite://", "name a file"),
        ("sqlite:////proc/nowhere/store.db", "cannot be"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be reached"),
    ],
)
def test_a_store_that_cannot_be_opened_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        Hub.open(url)


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(StoreUnavailable, match="not an SQLite database"):
        Hub.open(f"sqlite:///{path}")


def test_a_damaged_file_is_a_sentence_with_a_remedy(tmp_path: Path) -> None:
    Hub.open(f"sqlite:///{tmp_path / 'whole.db'}").close()
    cut = (tmp_path / "whole.db").read_bytes()[:50_000]
    (tmp_path / "damaged.db").write_bytes(cut)
    with pytest.raises(StoreUnavailable, match=r"is damaged\. Bring a backup into an empty store"):
        Hub.open(f"sqlite:///{tmp_path / 'damaged.db'}")


def test_the_file_of_a_new_store_is_its_users_alone(tmp_path: Path) -> None:
    with Hub.open(f"sqlite:///{tmp_path / 'own.db'}") as hub:
        hub.add_tenant("north")
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
