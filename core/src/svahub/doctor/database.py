"""Checks of the store: whether it is there, of this version, quick, durable, and not out of room or time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from svahub.doctor.findings import Finding, error, ok, warning
from svahub.doctor.premises import Premises
from svahub.errors import Refused
from svahub.store import health, integrations, journal, plugins, versions

SLOW_MILLISECONDS = 100
LITTLE_ROOM = 1 << 30
NO_ROOM = 100 << 20
RECENT = timedelta(minutes=10)
APART = timedelta(seconds=5)
FAR_APART = timedelta(seconds=60)
NTP = "set this machine's clock, and keep it right with NTP"


def store(premises: Premises) -> Iterator[Finding]:
    """Say whether the store is there and of this svahub's version; none is made."""
    where = premises.opened.url.render_as_string(hide_password=True)
    make = "`svahub db upgrade` makes one there; or name another with --database or SVAHUB_DATABASE_URL"
    if premises.file is not None and not premises.file.exists():
        yield error(f"there is no store at {where}", make)
        return
    with premises.opened.read() as connection:
        version = versions.current(connection)
    if version is None:
        yield error(f"the store {where} is empty", make)
        return
    try:
        versions.ready(premises.opened)
    except Refused as refusal:
        yield error(str(refusal), "do as it says; `svahub db check` tells more")
        return
    yield ok(f"{where}, version {version}")


def tables(premises: Premises) -> Iterator[Finding]:
    """Say whether the tables are as the migrations make them."""
    differences = versions.differences(premises.opened)
    if differences:
        found = f"the tables differ in {len(differences)} places from what svahub made"
        yield error(found, "see `svahub db check`; restore a backup if nobody knows why")
    else:
        yield ok("as the migrations make them")


def plugins_tables(premises: Premises) -> Iterator[Finding]:
    """Say whether the tables of plugins are as their packages want them."""
    with premises.opened.read() as connection:
        standings = plugins.standings(connection)
    for standing in standings:
        if standing.problem is None:
            yield ok(f"those of {standing.plugin} have revision {standing.revision}")
        else:
            found = f"those of {standing.plugin} ({standing.package}): {standing.problem}"
            yield error(found, "`svahub db upgrade` makes or upgrades them, or tells why it cannot")


def access(premises: Premises) -> Iterator[Finding]:
    """Say whether the store can be written, and how quick it is."""
    store, monotonic = premises.opened, premises.opened.clock.monotonic
    with store.read() as connection:
        system, _ = health.server(connection)
        began = monotonic()
        health.server(connection)
        milliseconds = 1000 * (monotonic() - began)
    with store.write(undo=True) as connection:
        health.probe(connection)
    found = f"{system}, can be written, answers in {max(milliseconds, 0.1):.1f} ms"
    if milliseconds > SLOW_MILLISECONDS:
        yield warning(found, "bring the database nearer, or free its machine: every batch waits for it")
    else:
        yield ok(found)


def durability(premises: Premises) -> Iterator[Finding]:
    """Say whether SQLite keeps what it has promised."""
    if premises.file is None:
        return
    with premises.opened.read() as connection:
        settings = health.pragmas(connection)
    if settings["journal_mode"] != "wal":
        found = f"the journal is {settings['journal_mode']!r}, not a write-ahead log: readers and writers wait"
        yield error(found, "put the store on a local disk: network file systems have no write-ahead log")
    elif settings["synchronous"] != 2 or settings["foreign_keys"] != 1:
        yield error(f"SQLite does not take its settings: {settings}", "use a SQLite that is built as usual")
    else:
        yield ok("a write-ahead log, synchronous, foreign keys on")


def room(premises: Premises) -> Iterator[Finding]:
    """Say whether the disk of a store that is a file has room."""
    if premises.store is None or (premises.file is not None and not premises.file.parent.exists()):
        return
    if premises.file is None:
        yield ok("its server keeps the store: look there")
        return
    free = shutil.disk_usage(premises.file.parent).free
    found = f"{free / (1 << 20):,.0f} MB free on the disk of {premises.file.parent}"
    remedy = "free some: `svahub audit prune` drops what is older than its time, then move the rest to a larger disk"
    if free < NO_ROOM:
        yield error(found, remedy)
    elif free < LITTLE_ROOM:
        yield warning(found, remedy)
    else:
        yield ok(found)


def clock(premises: Premises) -> Iterator[Finding]:
    """Say whether this machine's clock agrees with the database's, with what was written, and with the providers'."""
    now = premises.opened.clock.now()
    with premises.opened.read() as connection:
        system, theirs = health.server(connection)
    apart = [] if theirs is None else [_apart(theirs - now, f"the database ({system})", None)]
    apart += [f for office in premises.offices for f in _skews(premises, office.name)]
    found = [finding for finding in apart if finding is not None]
    yield from found or [ok(f"{now:%Y-%m-%d %H:%M:%S} UTC")]


def _skews(premises: Premises, tenant: str) -> Iterator[Finding | None]:
    with premises.opened.read() as connection:
        now = premises.opened.now(connection)
        newest = health.newest_entry(connection, tenant)
        rows = integrations.of_tenant(connection, tenant)
        answers = {row.name: health.last_answer(connection, tenant, row.name, now - RECENT) for row in rows}
    if newest is not None and newest > now:
        yield _apart(newest - now, "the newest entry of the audit", tenant)
    for name, answer in answers.items():
        theirs = _read(answer.headers.get("date") or answer.headers.get("Date") or "") if answer else None
        if answer is not None and theirs is not None:
            yield _apart(theirs - answer.at, f"the provider of {name!r}", tenant)


def _read(date: str) -> datetime | None:
    """Read a header's instant, None when it is none; one without a zone is of UTC, as RFC 5322 has it."""
    try:
        instant = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _apart(span: timedelta, whose: str, tenant: str | None) -> Finding | None:
    if abs(span) < APART:
        return None
    seconds = abs(span.total_seconds())
    found = f"this machine's clock is {seconds:,.0f} s {'behind' if span > timedelta() else 'ahead of'} {whose}"
    return (error if abs(span) > FAR_APART else warning)(found, NTP, tenant)


def audit(premises: Premises) -> Iterator[Finding]:
    """Say how long each tenant's audit is."""
    for office in premises.offices:
        with premises.opened.read() as connection:
            head = journal.head(connection, office.name)
        yield ok(f"{head.entry} entries; `svahub audit verify` proves that none was changed", office.name)
