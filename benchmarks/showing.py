"""How benchmarks print what they found: a line for each figure, or one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click


def show(found: Mapping[str, float], as_json: bool, *, digits: int = 2) -> None:
    """Print figures by their names."""
    if as_json:
        click.echo(json.dumps(found))
        return
    widest = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name:{widest}} {value:10.{digits}f}")
