"""A copy that is killed anywhere is gone on with and verified, and never do both stores work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from svahub import discovery, points
from svahub.areas import copies
from svahub.hub import Hub
from svahub.models import DocumentKind
from svahub.store import Store, closing, tables, versions
from svahub.store.copying import Differs
from svahub.store.versions import StoreClosed

from copied.stores import NOON, address, move, rows_of


class Killed(BaseException):
    """The process ends here."""


def kill_at(point: int) -> None:
    """Let this thread die at so many durable writes from now."""
    seen = iter(range(point))

    def watcher(_point: points.Point) -> None:
        if next(seen, None) is None:
            points.watch(None)
            raise Killed

    points.watch(watcher)


@pytest.fixture(autouse=True)
def _unwatched() -> Iterator[None]:
    yield
    points.watch(None)


BEGINNING = 3 + len(discovery.names(discovery.MIGRATIONS))
"""Durable writes of a copy that is begun again, before it copies anything: one of them for each plugin with tables."""


def test_a_copy_that_is_killed_again_and_again_ends_verified(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before, kills = rows_of(source), 0
    while not _works(target):
        kill_at(BEGINNING)
        with suppress(Killed):
            move(source, target, page=20)
        if not _works(target):
            kills += 1
            with pytest.raises(StoreClosed, match=r"unfinished copy.*db copy` again"):
                Hub.open(address(target))
            assert move(source, target, dry_run=True).resumed
    assert kills > 5
    assert rows_of(target) == before
    Hub.open(address(target)).close()


def test_never_do_both_stores_work(pair: tuple[Store, Store]) -> None:
    source, target = pair
    for point in range(40):
        kill_at(point)
        try:
            move(source, target)
        except Killed:
            assert _works(source) + _works(target) <= 1
            continue
        break
    points.watch(None)
    assert (_works(source), _works(target)) == (False, True)


def test_of_two_copies_that_were_begun_only_one_is_completed(pair: tuple[Store, Store], tmp_path: Path) -> None:
    source, first = pair
    second = Store(f"sqlite:///{tmp_path / 'second.db'}")
    kill_at(6)
    with pytest.raises(Killed):
        move(source, first)
    move(source, second)
    with pytest.raises(StoreClosed, match=r"was moved to .*second\.db .* use that one"):
        move(source, first)
    assert [_works(store) for store in (source, first, second)] == [False, False, True]
    second.close()


def test_a_copy_that_was_killed_at_its_end_is_completed_however_its_place_is_spelt(
    pair: tuple[Store, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = pair
    move(source, target)
    with target.write() as connection:  # as a process leaves it that is killed before it opens the copy
        unfinished = closing.Closed(closing.Closing.COPYING, versions.HEAD, versions.place(source), NOON)
        closing.close(connection, unfinished)
    monkeypatch.chdir(tmp_path)
    copies.copy(source, "sqlite:///new.db", actor="eva")
    assert (_works(source), _works(target)) == (False, True)


def _works(store: Store) -> bool:
    if copies.is_missing(store):
        return False
    with store.read() as connection:
        return versions.current(connection) == versions.HEAD


@pytest.mark.deep
def test_what_changed_in_the_source_after_a_kill_is_copied_again(ends: tuple[Store, Store]) -> None:
    source, target = ends
    kill_at(20)
    with pytest.raises(Killed):
        move(source, target, page=7)
    with source.write() as connection:
        connection.execute(update(tables.customers).values(name="Outra"))
        first = connection.execute(select(tables.contracts.c.id).order_by(tables.contracts.c.id)).scalars().first()
        connection.execute(update(tables.contracts).where(tables.contracts.c.id == first).values(due_day=3))
        customer = {"tenant": "default", "id": "!new", "name": "N", "document": "1", "digest": "d"}
        connection.execute(insert(tables.customers).values(customer | {"document_kind": DocumentKind.CPF}))
    before = rows_of(source)
    assert move(source, target).resumed
    assert rows_of(target) == before


def test_a_copy_that_turns_out_different_names_the_table(pair: tuple[Store, Store]) -> None:
    source, target = pair
    versions.begin(target, copies.Closing.COPYING, "elsewhere", NOON)
    with target.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER spoil AFTER INSERT ON items BEGIN UPDATE items SET quantity = 9 WHERE code = '1'; END"
        )
    with pytest.raises(Differs, match="'items' of the copy differs"):
        move(source, target)
    assert _works(source)
    assert not _works(target)
