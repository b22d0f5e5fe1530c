"""`svahub doctor` on stores that must not be used, on a provider's odd clock, on what a dead worker holds."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet
from sqlalchemy import update
from svahub.areas import backups, copies
from svahub.cli import main
from svahub.doctor import accounts, database
from svahub.doctor.findings import Verdict
from svahub.doctor.premises import Premises
from svahub.hub import Hub
from svahub.store import Store, closing, tables, versions
from svahub.store.closing import Closed, Closing

if TYPE_CHECKING:
    from pathlib import Path

    from svahub.hub import TenantHub


def on(url: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["--database", url, "doctor", "--offline", "--json"])
    return result.exit_code, json.loads(result.stdout)


def about_the_store(shown: dict[str, Any]) -> str:
    (told,) = (f for f in shown["findings"] if f["check"] == "store" and f["verdict"] == "error")
    return str(told["found"])


# -- stores that must not be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Closing.COPYING, "is an unfinished copy of elsewhere: run `svahub db copy` again"),
        (Closing.RESTORING, "is an unfinished restore of elsewhere: run `svahub db restore` again"),
        (Closing.BACKUP, "`svahub db restore` brings it into an empty store"),
        (Closing.MOVED, "To come back: svahub db reopen"),
    ],
)
def test_a_store_that_is_closed_is_told_with_why(database_url: str, kind: Closing, sentence: str) -> None:
    Hub.open(database_url).close()
    store = Store(database_url)
    with store.write() as connection:
        closing.close(connection, Closed(kind, versions.HEAD, "elsewhere", store.now(connection)))
    store.close()
    code, shown = on(database_url)
    assert (code, sentence in about_the_store(shown)) == (1, True), shown
    assert "not checked" in str(shown)


def test_what_db_copy_closed_and_db_backup_made_is_told(sqlite_url: str, tmp_path: Path) -> None:
    backup, copy = tmp_path / "backup", f"sqlite:///{tmp_path / 'copy.db'}"
    with Hub.open(sqlite_url) as hub:
        backups.backup(hub.store, backup, actor="eva")
        copies.copy(hub.store, copy, actor="eva")
    assert "was moved to" in about_the_store(on(sqlite_url)[1])
    assert "is a backup of" in about_the_store(on(f"sqlite:///{backup}")[1])
    assert on(copy)[0] == 0


def test_a_key_file_beside_the_store_is_told_as_secrets_tell_it(
    office: TenantHub, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text(Fernet.generate_key().decode())
    key.chmod(0o644)
    monkeypatch.delenv("SVAHUB_SECRET_KEY", raising=False)
    monkeypatch.setenv("SVAHUB_SECRET_KEY_FILE", str(key))
    told = [f"{f.found}. {f.remedy}" for f in accounts.key_file(Premises(hub.store, hub.registry))]
    assert told == office.secrets.dangers()
    assert len(told) == 2


# -- a provider's clock ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "apart"),
    [
        ("garbage", False),
        ("", False),
        ("Sun, 22 Nov 1926 08:00:00 +9999999999999999", False),
        ("Sun, 22 Nov 1926 08:00:00 -0000", True),
        ("Sun, 22 Nov 1926 08:00:00 GMT", True),
    ],
)
def test_what_a_provider_says_of_the_time_breaks_no_check(office: TenantHub, hub: Hub, date: str, apart: bool) -> None:
    office.integrations.test("tele")
    with hub.store.write() as connection:
        connection.execute(update(tables.exchanges).values(response_headers={"date": date}))
    (finding,) = database.clock(Premises(hub.store, hub.registry, offline=True))
    assert (finding.verdict, "the provider of 'tele'" in finding.found) == (
        (Verdict.ERROR, True) if apart else (Verdict.OK, False)
    )


# -- what a dead worker holds ------------------------------------------------------------------------------------------


def test_what_a_dead_worker_holds_is_late(sqlite_url: str, office: TenantHub, hub: Hub) -> None:
    with hub.store.write() as connection:
        ended = hub.store.now(connection) - timedelta(hours=5)
        held = {"lease_owner": "another/1/host 99 1 w", "lease_number": 1, "lease_until": ended}
        account = {"key": "a", "tenant": "default", "integration": "tele", "customer_id": "P1", "priority": 1}
        customer = {"tenant": "default", "id": "P1", "name": "Pessoa Inventada", "digest": "d"}
        connection.execute(tables.customers.insert(), customer | {"document": "", "document_kind": "cpf"})
        connection.execute(tables.accounts.insert(), account | held | {"due_at": ended + timedelta(seconds=10)})
    code, shown = on(sqlite_url)
    (told,) = (f for f in shown["findings"] if f["check"] == "queue")
    assert (code, told["found"].startswith("nobody works, and something is due since")) == (1, True)
