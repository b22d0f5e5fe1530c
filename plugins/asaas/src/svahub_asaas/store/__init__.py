"""The plugin's tables in the ISP's store, and every query on them."""

from svahub.extension import Tables

from svahub_asaas.store.tables import metadata

TABLES = Tables(metadata, "svahub_asaas.store:migrations", ("0001",))
