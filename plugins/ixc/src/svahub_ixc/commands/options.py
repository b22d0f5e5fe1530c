"""What the plugin's commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from svahub.errors import Refused, UnknownName
from svahub.extension.commands import completion

if TYPE_CHECKING:
    from svahub.hub import TenantHub

TYPE = "ixc"
ADD = f"Add one: svahub source add NAME --type {TYPE}"
source_option = click.option(
    "--source",
    metavar="NAME",
    shell_complete=completion.sources,
    help="The source; may be left out where there is one.",
)


def the_source(office: TenantHub, named: str | None) -> str:
    """Return the source that was named, or the only one at IXC; Refused says how to name it."""
    known = office.integrations.of_provider(TYPE)
    if named in known:
        return named
    if named is not None:
        raise UnknownName("source at IXC", named, known, ADD)
    if not known:
        raise Refused(f"Which source at IXC? There is none. {ADD}")
    if len(known) > 1:
        raise Refused(f"Which source at IXC? There are several: {', '.join(known)}. Name one with --source.")
    return known[0]
