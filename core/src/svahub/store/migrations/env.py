"""Alembic's entry: runs migrations, the core's or a plugin's, on the connection that `store.scripts` hands over."""

from alembic import context

given = context.config.attributes
version_table = given.get("version_table", "alembic_version")
context.configure(connection=given["connection"], version_table=version_table, render_as_batch=True)
context.run_migrations()
