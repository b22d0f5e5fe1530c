"""`svahub campsoft`: what there is for Campsoft beside the lifecycle."""

from __future__ import annotations

import click
from svahub.extension.commands import partner_keys

group = click.Group("campsoft", help="Say who reads for Campsoft what this ISP sells of it.")
group.add_command(partner_keys("campsoft", "Campsoft"))
