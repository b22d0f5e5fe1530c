"""Running migrations, the core's and those of plugins, one process at a time."""

from __future__ import annotations

from sqlalchemy import Connection, text

VERSION = "alembic_version"
_UPGRADE_LOCK = 7_364_825  # any number of ours: two processes that upgrade at once must meet


def wait_for_others(connection: Connection) -> None:
    """Let no other process change tables before this transaction ends; on SQLite none can write at all."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})


def run(connection: Connection, version_table: str = VERSION, folder: str | None = None) -> None:
    """Run the migrations that are missing, the core's or those in a folder."""
    from alembic import command  # 100 ms that only a store's first use should pay
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "svahub.store:migrations")
    if folder is not None:
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", folder.replace("%", "%%"))
    config.attributes |= {"connection": connection, "version_table": version_table}
    command.upgrade(config, "head")
