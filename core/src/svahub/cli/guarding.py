"""The options that say how much a plan may block or cancel without an approval."""

from __future__ import annotations

import click

from svahub.cli.options import combined
from svahub.plans import MAX_CHANGES, MAX_PERCENT

guard_options = combined(
    click.option(
        "--max-changes", type=click.IntRange(0), default=MAX_CHANGES, show_default=True, help="So many may be stopped."
    ),
    click.option(
        "--max-percent",
        type=click.FloatRange(0, 100),
        default=MAX_PERCENT,
        show_default=True,
        help="So many of a hundred that are live may be.",
    ),
)
