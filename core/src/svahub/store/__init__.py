"""The durable state: tables, queries, migrations. SQL is written here and nowhere else."""

from svahub.store.engine import Store, StoreUnavailable

__all__ = ["Store", "StoreUnavailable"]
