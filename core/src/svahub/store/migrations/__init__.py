"""Alembic migrations of the core, each a frozen copy of what it made."""
