"""A made-up plugin with tables of its own, as its package is installed, upgraded and uninstalled; and what it keeps."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import inspect, text
from svahub.cli import main
from svahub.discovery import MIGRATIONS
from svahub.hub import Hub
from svahub.store import Store

TABLES = """
from sqlalchemy import *
from svahub.extension import Tables
from svahub.extension.columns import Instant, Money

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
})
hives = Table(
    "apiary_hives", metadata,
    Column("id", Integer), Column("tenant", String(200), nullable=False), Column("name", String(200), nullable=False),
    Column("price", Money), Column("since", Instant), Column("notes", JSON), Column("photo", LargeBinary),
    PrimaryKeyConstraint("id"), sqlite_autoincrement=True,
)
frames = Table(
    "apiary_frames", metadata,
    Column("tenant", String(200), nullable=False), Column("hive", Integer, nullable=False),
    Column("place", Integer, nullable=False), Column("sealed", Boolean, nullable=False),
    PrimaryKeyConstraint("hive", "place"), ForeignKeyConstraint(["hive"], ["apiary_hives.id"]),
)
known = ("0001",)
# more
TABLES = Tables(metadata, "apiary:migrations", known)
"""
FIRST = """
import sqlalchemy as sa
from alembic import op
from svahub.extension.columns import Instant, Money

revision, down_revision = "0001", None

def upgrade():
    op.create_table(
        "apiary_hives",
        sa.Column("id", sa.Integer()), sa.Column("tenant", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False), sa.Column("price", Money()), sa.Column("since", Instant()),
        sa.Column("notes", sa.JSON()), sa.Column("photo", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_apiary_hives"), sqlite_autoincrement=True,
    )
    op.create_table(
        "apiary_frames",
        sa.Column("tenant", sa.String(200), nullable=False), sa.Column("hive", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False), sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("hive", "place", name="pk_apiary_frames"),
        sa.ForeignKeyConstraint(["hive"], ["apiary_hives.id"], name="fk_apiary_frames_hive"),
    )
"""
MORE = """
hives.append_column(Column("colour", String(20), nullable=False, server_default="white"))
known = ("0001", "0002")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

def upgrade():
    with op.batch_alter_table("apiary_hives") as hives:
        hives.add_column(sa.Column("colour", sa.String(20), nullable=False, server_default="white"))
"""
FAILS = f"""{SECOND}
    op.drop_table("nothing_of_the_kind")
"""
DANGLES = f"""{SECOND}
    frames = sa.table("apiary_frames", *map(sa.column, ("tenant", "hive", "place", "sealed")))
    op.bulk_insert(frames, [{{"tenant": "default", "hive": 999, "place": 1, "sealed": True}}])
"""


@dataclass
class Apiary:
    """A plugin with tables, whose package can be installed, upgraded and uninstalled."""

    site: Any

    def install(self, version: str = "1.0", second: str | None = None, tables: str = TABLES) -> None:
        """Install the package; `second` is its second migration."""
        package = self.site.folder / "apiary"
        scripts = package / "migrations" / "versions"
        scripts.mkdir(parents=True)
        (package / "__init__.py").write_text(tables.replace("# more", MORE) if second else tables)
        (scripts / "v0001_hives.py").write_text(FIRST)
        if second:
            (scripts / "v0002_colours.py").write_text(second)
        self.site.install("svahub-apiary", f"[{MIGRATIONS}]\napiary = apiary:TABLES\n", version)

    def uninstall(self) -> None:
        self.site.remove("svahub-apiary")
        shutil.rmtree(self.site.folder / "apiary")
        sys.modules.pop("apiary", None)
        importlib.invalidate_caches()

    def upgrade(self, version: str = "2.0", second: str | None = SECOND) -> None:
        self.uninstall()
        self.install(version, second)


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--database", url, *arguments], prog_name="svahub")


def keep(url: str, *names: str) -> None:
    """Keep hives, each with a frame."""
    with Hub.open(url) as hub, hub.store.write() as connection:
        import apiary

        for name in names:
            values = {"tenant": "default", "name": name, "notes": {"é": [1, None]}, "photo": b"\x00\xff"}
            (hive,) = connection.execute(apiary.hives.insert().values(values)).inserted_primary_key or ()
            connection.execute(apiary.frames.insert().values(tenant="default", hive=hive, place=1, sealed=True))


def hives(url: str) -> list[str]:
    store = Store(url)
    with store.read() as connection:
        found = connection.execute(text("SELECT name FROM apiary_hives ORDER BY id")).scalars().all()
    store.close()
    return list(found)


def revision(url: str) -> str | None:
    """Return the revision of the plugin's tables, None when there are none."""
    store = Store(url)
    with store.read() as connection:
        there = inspect(connection).has_table("alembic_version_apiary")
        found = connection.execute(text("SELECT version_num FROM alembic_version_apiary")).scalar() if there else None
    store.close()
    return found


def of_apiary(result: Result) -> list[dict[str, Any]]:
    return [standing for standing in json.loads(result.stdout)["plugins"] if standing["plugin"] == "apiary"]
