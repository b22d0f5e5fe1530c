"""A plugin's tables come with it, are upgraded with it, and outlive it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import event
from svahub.hub import Hub
from svahub.store import Store, versions
from svahub.store.versions import StoreTooNew, StoreTooOld

from plugin_tables.beekeeper import SECOND, Apiary, hives, keep, of_apiary, revision, run

# -- first use ---------------------------------------------------------------------------------------------------------


def test_a_fresh_store_has_the_tables_of_every_plugin(apiary: Apiary, empty_database_url: str) -> None:
    apiary.install()
    keep(empty_database_url, "north")
    assert (hives(empty_database_url), revision(empty_database_url)) == (["north"], "0001")


def test_a_store_gets_them_when_the_plugin_is_first_seen(apiary: Apiary, usual_database_url: str) -> None:
    Hub.open(usual_database_url).close()
    apiary.install()
    keep(usual_database_url, "north")
    assert hives(usual_database_url) == ["north"]


def test_processes_that_see_a_plugin_first_make_its_tables_once(apiary: Apiary, usual_database_url: str) -> None:
    apiary.install()
    program = f"from svahub.hub import Hub; Hub.open({usual_database_url!r}).close()"
    environment = os.environ | {"PYTHONPATH": str(apiary.site.folder)}
    begun = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE) for _ in range(2)
    ]
    assert [(each.communicate(timeout=60)[1], each.returncode) for each in begun] == 2 * [(b"", 0)]
    assert revision(usual_database_url) == "0001"


def test_a_store_that_has_them_is_opened_with_one_query_for_all_plugins_and_without_these(
    apiary: Apiary, usual_database_url: str
) -> None:
    Hub.open(usual_database_url).close()
    before = queries(usual_database_url)
    apiary.install()
    Hub.open(usual_database_url).close()
    sys.modules.pop("apiary")
    asked = queries(usual_database_url)
    assert asked == before
    assert [query for query in asked if "plugin_notes" in query] == [
        "SELECT plugin_notes.plugin, plugin_notes.package FROM plugin_notes"
    ]
    assert "apiary" not in sys.modules


def queries(url: str) -> list[str]:
    """Return what is asked of a store when it is opened."""
    asked: list[str] = []
    store = Store(url)
    event.listen(store.engine, "before_cursor_execute", lambda *a: asked.append(" ".join(a[2].split())))
    versions.ready(store)
    store.close()
    return asked


def test_a_store_that_has_them_is_opened_without_alembic(apiary: Apiary, sqlite_url: str) -> None:
    apiary.install()
    Hub.open(sqlite_url).close()
    program = (
        f"import sys; from svahub.hub import Hub; Hub.open({sqlite_url!r}).close();"
        " print([m for m in ('alembic', 'apiary') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(apiary.site.folder)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- other revisions ---------------------------------------------------------------------------------------------------


def test_older_tables_are_refused_until_they_are_upgraded(apiary: Apiary, usual_database_url: str) -> None:
    apiary.install()
    keep(usual_database_url, "north")
    apiary.upgrade()
    with pytest.raises(StoreTooOld, match=r"'apiary' have revision 0001.*svahub-apiary 2\.0.*Run: svahub db upgrade"):
        Hub.open(usual_database_url)
    checked = run(usual_database_url, "db", "check", "--json")
    assert (checked.exit_code, "svahub db upgrade" in json.loads(checked.stdout)["remedy"]) == (1, True)
    upgraded = run(usual_database_url, "db", "upgrade", "--json")
    (standing,) = of_apiary(upgraded)
    assert (upgraded.exit_code, standing["revision"], standing["problem"]) == (0, "0002", None)
    assert run(usual_database_url, "db", "check").exit_code == 0
    keep(usual_database_url, "south")
    assert hives(usual_database_url) == ["north", "south"]


def test_tables_of_a_newer_package_are_refused_naming_it(apiary: Apiary, usual_database_url: str) -> None:
    apiary.install("2.0", SECOND)
    Hub.open(usual_database_url).close()
    apiary.upgrade("1.0", None)
    with pytest.raises(StoreTooNew, match=r"'apiary' have revision 0002.*newer package than svahub-apiary 1\.0"):
        Hub.open(usual_database_url)
    upgraded = run(usual_database_url, "db", "upgrade", "--json")
    (standing,) = of_apiary(upgraded)
    assert (upgraded.exit_code, standing["revision"], "newer package" in standing["problem"]) == (1, "0002", True)


def test_two_packages_that_want_the_same_tables_use_one_store_in_turn(apiary: Apiary, sqlite_url: str) -> None:
    apiary.install("1.0")
    Hub.open(sqlite_url).close()
    apiary.upgrade("1.1", None)
    Hub.open(sqlite_url).close()
    apiary.upgrade("1.0", None)
    sys.modules.pop("apiary", None)
    Hub.open(sqlite_url).close()
    assert "apiary" not in sys.modules


def test_a_note_ends_with_the_revision_that_it_was_made_for(apiary: Apiary, sqlite_url: str) -> None:
    apiary.install("1.0")
    Hub.open(sqlite_url).close()
    apiary.upgrade("2.0")
    assert run(sqlite_url, "db", "upgrade").exit_code == 0
    apiary.upgrade("1.0", None)
    with pytest.raises(StoreTooNew):
        Hub.open(sqlite_url)


def test_an_uninstalled_plugin_leaves_its_tables_and_refuses_nobody(apiary: Apiary, usual_database_url: str) -> None:
    apiary.install()
    keep(usual_database_url, "north")
    apiary.uninstall()
    Hub.open(usual_database_url).close()
    assert run(usual_database_url, "db", "check").exit_code == 0
    assert hives(usual_database_url) == ["north"]
    apiary.install()
    keep(usual_database_url, "south")
    assert hives(usual_database_url) == ["north", "south"]
