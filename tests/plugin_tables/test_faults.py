"""Tables of plugins that cannot be used, or made, or upgraded: they are told of, and hurt nobody."""

from __future__ import annotations

import json
import re

import pytest
from svahub.discovery import MIGRATIONS
from svahub.hub import Hub
from svahub.registry import Registry
from svahub.store import StoreUnavailable

from plugin_tables.beekeeper import DANGLES, FAILS, TABLES, Apiary, hives, keep, of_apiary, revision, run


@pytest.mark.parametrize(
    ("second", "reason"), [(FAILS, "nothing_of_the_kind"), (DANGLES, "refer to nothing|ForeignKeyViolation")]
)
def test_migrations_that_fail_are_undone_and_told(
    apiary: Apiary, usual_database_url: str, second: str, reason: str
) -> None:
    apiary.install()
    keep(usual_database_url, "north")
    apiary.upgrade("2.0", second)
    upgraded = run(usual_database_url, "db", "upgrade", "--json")
    (standing,) = of_apiary(upgraded)
    assert (upgraded.exit_code, standing["revision"]) == (1, "0001")
    assert re.search(reason, standing["problem"])
    assert hives(usual_database_url) == ["north"]
    apiary.upgrade("1.0", None)
    Hub.open(usual_database_url).close()


def test_tables_that_cannot_be_made_are_in_nobodys_way(
    apiary: Apiary, usual_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    apiary.install("2.0", FAILS)
    with Hub.open(usual_database_url) as hub:
        assert [row.name for row in hub.tenants()] == ["default"]
    assert revision(usual_database_url) is None
    assert "a plugin's tables are missing" in caplog.text
    shown = run(usual_database_url, "doctor", "--json")
    told = [f for f in json.loads(shown.stdout)["findings"] if "apiary" in f["found"]]
    assert [(f["check"], f["verdict"]) for f in told] == [("plugins tables", "error")]


BROKEN = {
    "raises": ("raise SystemExit(7)", "SystemExit: 7"),
    "forty_two": ("TABLES = 42", "int, not svahub.extension.Tables"),
    "no_revisions": (TABLES.replace('("0001",)', "()"), "names no revisions"),
    "no_folder": (TABLES.replace("apiary:migrations", "apiary:elsewhere"), "no folder `versions`"),
    "no_package": (TABLES.replace("apiary:migrations", "nowhere:migrations"), "No module named 'nowhere'"),
    "other_name": (TABLES.replace("apiary_hives", "hives"), "'hives' does not begin with 'apiary_'"),
    "no_tenant": (TABLES.replace("nullable=False", "nullable=True"), "no column `tenant` that is never null"),
    "no_key": (TABLES.replace('PrimaryKeyConstraint("hive", "place"),', ""), "has no primary key"),
    "the_cores": (TABLES.replace("apiary_hives.id", "tenants.name"), "refers to 'tenants', which is not its own"),
    "nameless": (TABLES.replace('"fk": "fk_%(table_name)s_%(column_0_N_name)s",', ""), "without a name"),
    "inexact": (TABLES.replace('"price", Money', '"price", Numeric(10, 2)'), "not the same on both databases (price)"),
    "uncounted": (TABLES.replace(", sqlite_autoincrement=True", ""), "sqlite_autoincrement=True"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_tables_are_listed_with_their_reason_and_hurt_nobody(apiary: Apiary, sqlite_url: str, kind: str) -> None:
    source, reason = BROKEN[kind]
    apiary.install(tables=source)
    (line,) = [line for line in Registry().listing() if line.name == "apiary"]
    assert (line.group, line.distribution) == (MIGRATIONS, "svahub-apiary")
    assert reason in (line.broken or "")
    Hub.open(sqlite_url).close()
    assert revision(sqlite_url) is None


def test_broken_tables_are_told_by_the_commands(apiary: Apiary, usual_database_url: str) -> None:
    apiary.install(tables="raise SystemExit(7)")
    assert run(usual_database_url, "tenant", "list").exit_code == 0
    for command in ("upgrade", "check"):
        told = run(usual_database_url, "db", command, "--json")
        (standing,) = of_apiary(told)
        assert (told.exit_code, "SystemExit: 7" in standing["problem"]) == (1, True)
    assert "SystemExit: 7" in run(usual_database_url, "plugins").stdout


def test_tables_that_two_packages_claim_are_neithers(apiary: Apiary, sqlite_url: str) -> None:
    apiary.install()
    Hub.open(sqlite_url).close()
    apiary.site.install("other", f"[{MIGRATIONS}]\napiary = apiary:TABLES\n")
    listed = [line.broken for line in Registry().listing() if line.name == "apiary"]
    assert listed == 2 * ["'apiary' is claimed by other and svahub-apiary"]
    Hub.open(sqlite_url).close()


def test_a_store_that_takes_no_writes_is_opened_beside_a_newer_package(apiary: Apiary, postgresql_url: str) -> None:
    apiary.install("1.0")
    Hub.open(postgresql_url).close()
    apiary.upgrade("1.1", None)
    read_only = f"{postgresql_url}?options=-c%20default_transaction_read_only%3Don"
    with Hub.open(read_only) as hub:
        with pytest.raises(StoreUnavailable, match="takes no writes"):
            hub.add_tenant("north")
        assert [row.name for row in hub.tenants()] == ["default"]
