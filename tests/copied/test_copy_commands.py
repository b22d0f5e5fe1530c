"""The commands `db copy` and `db reopen`: what they tell, and what they keep to themselves."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import select
from svahub.areas import copies
from svahub.cli import main
from svahub.store import Store, tables
from svahub.store.states import AuditKind

from copied.stores import PEOPLE, address


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result


def test_db_copy_tells_what_it_did(pair: tuple[Store, Store]) -> None:
    source, target = pair
    here = ("--database", address(source))
    dry = json.loads(run(*here, "db", "copy", address(target), "--dry-run", "--json").stdout)
    assert (dry["rows"] > PEOPLE, copies.is_missing(target)) == (True, True)
    moved = run(*here, "db", "copy", address(target))
    assert "name it in SVAHUB_DATABASE_URL" in moved.stderr
    assert "was moved to" in run(*here, "tenant", "list", code=1).stderr
    assert "was moved to" in json.loads(run(*here, "db", "check", "--json", code=1).stdout)["remedy"]
    assert "was moved to" in run(*here, "db", "upgrade", code=1).stderr
    assert "was moved to" in run(*here, "db", "copy", f"{address(target)}2", code=1).stderr
    run("--database", address(target), "db", "check")
    with target.read() as connection:
        commands = connection.execute(select(tables.audit.c.command).where(tables.audit.c.kind == AuditKind.COMMAND))
        assert commands.scalars().all() == ["db copy"]


def test_db_reopen_brings_a_moved_store_back(pair: tuple[Store, Store]) -> None:
    source, target = pair
    here = ("--database", address(source))
    run(*here, "db", "reopen", code=1)
    run(*here, "db", "copy", address(target), "--json")
    assert json.loads(run(*here, "db", "reopen", "--json", "--dry-run").stdout)["asked_again"] == PEOPLE
    assert json.loads(run(*here, "db", "reopen", "--json").stdout)["asked_again"] == PEOPLE
    run(*here, "tenant", "list")


def test_db_copy_says_when_there_is_no_store(tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'typo.db'}"
    result = run("--database", missing, "db", "copy", f"sqlite:///{tmp_path / 'other.db'}", code=1)
    assert "There is no store at" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_not_shown(pair: tuple[Store, Store]) -> None:
    source, _ = pair
    word = secrets.token_hex(8)
    url = f"postgresql://ana:{word}@localhost:1/nothing"
    assert word not in run("--database", address(source), "db", "copy", url, code=1).output
