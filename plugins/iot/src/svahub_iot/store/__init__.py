"""The plugin's table in the ISP's store, and every query on it."""

from svahub.extension import Tables

from svahub_iot.store.tables import metadata

TABLES = Tables(metadata, "svahub_iot.store:migrations", ("0001",))
