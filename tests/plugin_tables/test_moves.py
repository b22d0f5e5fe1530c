"""A plugin's tables go where the store goes: to another database and back, into backups and out of them."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from svahub import points
from svahub.areas import backups, copies
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.registry import Registry
from svahub.store import Store, StoreUnavailable, versions

from plugin_tables.beekeeper import FAILS, Apiary, hives, keep, revision, run

NAMES = ["ção", "Ana", "ana", "z"]


@pytest.fixture
def filled(apiary: Apiary, usual_database_url: str) -> str:
    """Return the address of a store in which the plugin keeps something."""
    apiary.install()
    keep(usual_database_url, *NAMES, "gone")
    drop_gone(usual_database_url)
    return usual_database_url


def drop_gone(url: str) -> None:
    store = Store(url)
    with store.write() as connection:
        connection.execute(text("DELETE FROM apiary_frames WHERE hive = 5"))
        connection.execute(text("DELETE FROM apiary_hives WHERE id = 5"))
    store.close()


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, usual_database_url: str) -> str:
    """Return the address of an empty place on the other database."""
    other = "sqlite" if usual_database_url.startswith("postgresql") else "postgresql"
    url: str = request.getfixturevalue(f"empty_{other}_url")
    return url


def kept(url: str) -> dict[str, list[Any]]:
    """Return all that the plugin keeps."""
    import apiary

    store = Store(url)
    with store.read() as connection:
        found = {t.name: sorted(map(tuple, connection.execute(select(t)))) for t in (apiary.hives, apiary.frames)}
    store.close()
    return {name: [(*map(str, row),) for row in rows] for name, rows in found.items()}


def copied(result: Any) -> dict[str, tuple[int, str]]:
    tables = json.loads(result.stdout)["tables"]
    return {t["table"]: (t["rows"], t["checksum"]) for t in tables if t["table"].startswith("apiary_")}


def test_a_copy_there_and_back_holds_the_same(filled: str, elsewhere: str, empty_sqlite_url: str) -> None:
    before = kept(filled)
    there = run(filled, "db", "copy", elsewhere, "--yes", "--json")
    assert there.exit_code == 0, there.output
    assert (kept(elsewhere), revision(elsewhere)) == (before, "0001")
    assert json.loads(there.stdout)["left_out"] == []
    assert run(elsewhere, "db", "check").exit_code == 0
    back = empty_sqlite_url.replace("new.db", "back.db")
    again = run(elsewhere, "db", "copy", back, "--yes", "--json")
    assert {name: rows for name, (rows, _) in copied(there).items()} == {"apiary_frames": 4, "apiary_hives": 4}
    assert copied(again) == copied(there)
    assert kept(back) == before


@pytest.mark.deep
def test_ids_that_were_given_away_are_not_given_again_in_a_copy(filled: str, elsewhere: str) -> None:
    assert run(filled, "db", "copy", elsewhere, "--yes").exit_code == 0
    keep(elsewhere, "new")
    assert "6" in {row[0] for row in kept(elsewhere)["apiary_hives"]}


def test_a_store_that_was_copied_takes_nothing_from_the_plugin_any_more(filled: str, elsewhere: str) -> None:
    with Hub.open(filled) as hub:
        assert run(filled, "db", "copy", elsewhere, "--yes").exit_code == 0
        with pytest.raises(StoreUnavailable, match="was moved"), hub.store.write() as connection:
            connection.execute(text("UPDATE apiary_hives SET name = 'other'"))
    assert run(filled, "db", "reopen", "--yes").exit_code == 0
    keep(filled, "again")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.deep
def test_a_copy_that_is_killed_again_and_again_ends_with_all_of_it(filled: str, elsewhere: str) -> None:
    before, kills, source = kept(filled), 0, Store(filled)
    for point in count(1):
        if works(elsewhere):
            break
        kill_at(point)
        try:
            copies.copy(source, elsewhere, actor="eva", page=1)
        except Killed:
            kills += 1
        finally:
            points.watch(None)
    source.close()
    assert kills > 2
    assert (kept(elsewhere), revision(elsewhere)) == (before, "0001")


def kill_at(point: int) -> None:
    """Let this thread die at so many durable writes from now."""
    seen = iter(range(point))

    def watcher(_point: points.Point) -> None:
        if next(seen, None) is None:
            raise Killed

    points.watch(watcher)


def works(url: str) -> bool:
    store = Store(url)
    with store.read() as connection:
        version = versions.current(connection)
    store.close()
    return version == versions.HEAD


@pytest.mark.deep
def test_tables_of_a_plugin_that_is_not_installed_are_told_of(apiary: Apiary, filled: str, elsewhere: str) -> None:
    apiary.uninstall()
    told = run(filled, "db", "copy", elsewhere, "--dry-run", "--json")
    assert json.loads(told.stdout)["left_out"] == ["alembic_version_apiary", "apiary_frames", "apiary_hives"]
    assert run(filled, "db", "copy", elsewhere, "--yes").exit_code == 0
    with Hub.open(elsewhere):
        assert revision(elsewhere) is None
    apiary.install()
    Hub.open(elsewhere).close()
    assert hives(elsewhere) == []


def test_older_tables_are_not_copied(apiary: Apiary, filled: str, elsewhere: str) -> None:
    apiary.upgrade()
    told = run(filled, "db", "copy", elsewhere, "--yes")
    assert told.exit_code == 1
    assert "Run: svahub db upgrade" in told.stderr


def test_a_backup_brings_them_back(filled: str, tmp_path: Path) -> None:
    before, file, there = kept(filled), tmp_path / "b.db", f"sqlite:///{tmp_path / 'there.db'}"
    assert run(filled, "db", "backup", str(file)).exit_code == 0
    restored = run(there, "db", "restore", str(file), "--yes", "--json")
    assert (restored.exit_code, json.loads(restored.stdout)["left_out"]) == (0, [])
    assert (kept(there), revision(there)) == (before, "0001")
    keep(there, "new")
    assert "6" in {row[0] for row in kept(there)["apiary_hives"]}


def test_a_backup_with_older_tables_is_upgraded(apiary: Apiary, filled: str, tmp_path: Path) -> None:
    file, there = tmp_path / "b.db", f"sqlite:///{tmp_path / 'there.db'}"
    assert run(filled, "db", "backup", str(file)).exit_code == 0
    apiary.upgrade()
    assert run(there, "db", "restore", str(file), "--yes").exit_code == 0
    assert (hives(there), revision(there)) == (NAMES, "0002")


def test_a_backup_whose_tables_cannot_be_upgraded_is_refused(apiary: Apiary, filled: str, tmp_path: Path) -> None:
    source = Store(filled)
    backups.backup(source, tmp_path / "b.db", actor="eva")
    source.close()
    apiary.upgrade("2.0", FAILS)
    there = Store(f"sqlite:///{tmp_path / 'there.db'}")
    with pytest.raises(Refused, match=r"tables of 'apiary' in .*b\.db cannot be upgraded.*nothing_of_the_kind"):
        backups.restore(tmp_path / "b.db", there, Registry(), actor="eva")
    there.close()
