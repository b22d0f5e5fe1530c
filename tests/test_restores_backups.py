"""Backups as files: consistent while others write, private, never over another, and what restore accepts."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner, Result
from sqlalchemy import select, text, update
from svahub.areas import backups
from svahub.cli import main
from svahub.errors import Refused
from svahub.hub import Hub
from svahub.models import Desired, Observed
from svahub.registry import Registry
from svahub.store import Store, tables, versions
from svahub.store.restoring import BLIND, Sight, unsure
from svahub.store.rows import SubscriptionRow
from svahub.store.states import Phase, Priority
from svahub.testing.clocks import HandClock

CLOCK = HandClock()
SEES = Sight(finds=True, changes=True)


@pytest.fixture
def hub(usual_database_url: str) -> Iterator[Hub]:
    with Hub.open(usual_database_url) as hub:
        yield hub


def restored(file: Path, folder: Path) -> Store:
    store = Store(f"sqlite:///{folder / 'restored.db'}")
    backups.restore(file, store, Registry(), actor="eva")
    return store


def test_a_backup_is_one_instant_however_much_is_written_meanwhile(hub: Hub, tmp_path: Path) -> None:
    hub.add_tenant("one")
    before = {row.name for row in hub.tenants()}
    label = []

    def bar(name: str, _length: int | None = None) -> Any:
        label.append(name)
        hub.add_tenant(f"during-{len(label)}")  # a verb, while the backup is being written
        return backups.unseen(name)

    file = tmp_path / "b.db"
    backups.backup(hub.store, file, actor="eva", bar=bar)
    store = restored(file, tmp_path)
    with store.read() as connection:
        assert set(connection.execute(select(tables.tenants.c.name)).scalars()) == before
    store.close()


def test_a_backup_is_one_file_that_only_its_owner_reads(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "b.db"
    file.parent.mkdir()
    backups.backup(hub.store, file, actor="eva")
    assert [f.name for f in file.parent.iterdir()] == ["b.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_never_overwrites(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    file.write_text("mine")
    with pytest.raises(Refused, match="never overwrites"):
        backups.backup(hub.store, file, actor="eva")
    assert file.read_text() == "mine"


def test_a_backup_is_no_store_to_work_on(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    backups.backup(hub.store, file, actor="eva")
    with pytest.raises(versions.StoreClosed, match=r"is a backup of .*db restore"):
        Hub.open(f"sqlite:///{file}")


def test_a_folder_that_is_not_there_is_told_and_nothing_is_left(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"missing/b.db was not made, nothing is left"):
        backups.backup(hub.store, tmp_path / "missing" / "b.db", actor="eva")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with room for a hundred kilobytes."""
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let a small disk be mounted")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_nothing_is_left(hub: Hub, small_disk: Path) -> None:
    with pytest.raises(Refused, match=r"b\.db was not made, nothing is left of it"):
        backups.backup(hub.store, small_disk / "b.db", actor="eva")
    assert list(small_disk.iterdir()) == []
    hub.add_tenant("after")


def test_an_older_backup_is_upgraded(tmp_path: Path) -> None:
    old = Store(f"sqlite:///{tmp_path / 'old.db'}")
    with old.write() as connection:
        config = Config()
        config.set_main_option("script_location", "svahub.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO tenants VALUES ('default', 'America/Sao_Paulo', 0)"))
    backups.backup(old, tmp_path / "b.db", actor="eva")
    store = restored(tmp_path / "b.db", tmp_path)
    assert versions.differences(store) == []
    with store.read() as connection:
        assert versions.current(connection) == versions.HEAD
    store.close()
    old.close()


@pytest.mark.parametrize("command", ["backup", "restore --dry-run", "restore --yes"])
def test_tables_that_are_not_svahubs_are_told(hub: Hub, tmp_path: Path, command: str) -> None:
    if hub.store.dialect == "postgresql" and command != "backup":
        pytest.skip("a backup of PostgreSQL has no such table")
    with hub.store.write() as connection:
        connection.execute(text("CREATE TABLE invoices (n INTEGER)"))
    file = tmp_path / "b.db"
    place = hub.store.url.render_as_string(hide_password=False)
    if command != "backup":
        backups.backup(hub.store, file, actor="eva")
        place = f"sqlite:///{tmp_path / 'there.db'}"
    word, *options = command.split()
    result = run("--database", place, "db", word, str(file), *options, "--json")
    assert json.loads(result.stdout)["left_out"] == ["invoices"]


def test_a_table_that_a_restore_leaves_out_is_shown(sqlite_url: str, tmp_path: Path) -> None:
    with Hub.open(sqlite_url) as hub, hub.store.write() as connection:
        connection.execute(text("CREATE TABLE invoices (n INTEGER)"))
    file, there = str(tmp_path / "b.db"), f"sqlite:///{tmp_path / 'there.db'}"
    shown = [run("--database", sqlite_url, "db", "backup", file).stdout]
    shown += [run("--database", there, "db", "restore", file, option).stdout for option in ("--dry-run", "--yes")]
    assert all("invoices" in said for said in shown)


def test_a_file_that_is_no_backup_is_refused(hub: Hub, tmp_path: Path) -> None:
    other, empty = tmp_path / "other.txt", Store(f"sqlite:///{tmp_path / 'empty.db'}")
    other.write_text("hello")
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE mine (n INTEGER)"))
    empty.close()
    for file in (other, tmp_path / "empty.db", tmp_path / "missing.db"):
        with pytest.raises(Refused, match=r"is no backup|There is no file"):
            restored(file, tmp_path)


def test_a_store_that_holds_anything_is_not_restored_over(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    backups.backup(hub.store, file, actor="eva")
    for dry_run in (True, False):
        with pytest.raises(Refused, match="it holds a store already"):
            backups.restore(file, hub.store, Registry(), actor="eva", dry_run=dry_run)
    hub.add_tenant("still")


def test_backup_and_restore_as_commands(sqlite_url: str, tmp_path: Path) -> None:
    Hub.open(sqlite_url).close()
    file, there = str(tmp_path / "b.db"), f"sqlite:///{tmp_path / 'there.db'}"
    assert json.loads(run("--database", sqlite_url, "db", "backup", file, "--json").stdout)["file"] == file
    assert "never overwrites" in run("--database", sqlite_url, "db", "backup", file, code=1).stderr
    dry = json.loads(run("--database", there, "db", "restore", file, "--dry-run", "--json").stdout)
    assert (dry["asked_again"], Path(tmp_path, "there.db").exists()) == (0, False)
    assert "Next: svahub contracts import" in run("--database", there, "db", "restore", file, "--yes").stderr
    run("--database", there, "tenant", "list")
    run("--database", there, "db", "restore", file, code=1)
    run("--database", f"sqlite:///{tmp_path / 'typo.db'}", "db", "backup", str(tmp_path / "c.db"), code=1)


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result


# -- what is marked ----------------------------------------------------------------------------------------------------


def row(**more: Any) -> SubscriptionRow:
    values: dict[str, Any] = dict.fromkeys(SubscriptionRow._fields)
    now = CLOCK.now()
    values |= {"key": "s", "tenant": "default", "contract_id": "C", "item_code": "1", "sale": 1, "quantity": 1}
    values |= {"desired": Desired.ACTIVE, "observed": Observed.ACTIVE, "generation": 1, "remote_id": "u1", "looks": 0}
    values |= {"phase": Phase.SETTLED, "priority": Priority.PAID, "tries": 2, "created_at": now, "changed_at": now}
    values["applied"] = {"plan": "p", "quantity": 2, "price": "1.00", "due_day": 5, "customer": "d"}
    return SubscriptionRow(**values | more)


def test_what_the_provider_has_is_looked_up_whatever_was_known_of_it() -> None:
    for desired, observed in ((Desired.ACTIVE, Observed.ACTIVE), (Desired.BLOCKED, Observed.ABSENT)):
        now = unsure(row(desired=desired, observed=observed), CLOCK.now(), SEES)
        assert (now.observed, now.remote_id, now.uncertain_since) == (Observed.UNKNOWN, None, CLOCK.now())
        assert (now.phase, now.due_at, now.priority, now.tries) == (Phase.DUE, CLOCK.now(), Priority.BULK, 0)


def test_what_no_look_tells_is_given_again() -> None:
    now = unsure(row(), CLOCK.now(), SEES)
    assert now.applied == {"plan": "p", "quantity": 2, "price": None, "due_day": None, "customer": None}


def test_where_nothing_can_be_looked_up_levels_are_sent_to_the_user_that_is_known() -> None:
    now = unsure(row(), CLOCK.now(), Sight(finds=False, changes=True))
    assert (now.observed, now.remote_id, now.uncertain_since) == (Observed.UNKNOWN, "u1", CLOCK.now())
    assert unsure(row(), CLOCK.now(), BLIND).uncertain_since is None


def test_where_nothing_can_be_looked_up_nobody_is_created_without_a_person() -> None:
    now = unsure(row(observed=Observed.ABSENT, remote_id=None), CLOCK.now(), BLIND)
    assert (now.observed, now.uncertain_since) == (Observed.UNKNOWN, CLOCK.now())


def test_what_has_ended_stays() -> None:
    for desired, observed in (
        (Desired.CANCELLED, Observed.CANCELLED),
        (Desired.CANCELLED, Observed.ABSENT),
        (Desired.ACTIVE, Observed.CANCELLED),
    ):
        ended = row(desired=desired, observed=observed)
        assert unsure(ended, CLOCK.now(), SEES) == ended


def test_what_adds_and_was_accepted_is_asked_after_and_a_level_is_not() -> None:
    adding = unsure(row(handle="create_user:7", phase=Phase.PENDING), CLOCK.now(), SEES)
    assert (adding.handle, adding.phase) == ("create_user:7", Phase.PENDING)
    level = unsure(row(handle="block:7", phase=Phase.PENDING), CLOCK.now(), SEES)
    assert (level.handle, level.phase) == (None, Phase.DUE)


def test_what_is_parked_stays_parked_and_is_looked_up_when_a_person_retries() -> None:
    now = unsure(row(phase=Phase.PARKED, cause="why", advice="do"), CLOCK.now(), SEES)
    assert (now.phase, now.due_at, now.cause, now.advice) == (Phase.PARKED, None, "why", "do")
    assert (now.observed, now.uncertain_since) == (Observed.UNKNOWN, CLOCK.now())


def test_a_restore_that_was_killed_goes_on(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    backups.backup(hub.store, file, actor="eva")
    store = Store(f"sqlite:///{tmp_path / 'there.db'}")
    versions.begin(store, backups.Closing.RESTORING, str(file), CLOCK.now())
    with pytest.raises(versions.StoreClosed, match="unfinished restore"):
        versions.ready(store)
    backups.restore(file, store, Registry(), actor="eva")
    versions.ready(store)
    with store.write() as connection:
        connection.execute(update(tables.tenants).values(zone="America/Manaus"))
    store.close()
