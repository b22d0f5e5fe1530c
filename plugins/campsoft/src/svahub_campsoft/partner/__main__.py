"""Writes the OpenAPI document of what Campsoft reads: `python -m svahub_campsoft.partner > openapi.json`."""

from __future__ import annotations

import json

import click
from svahub.extension.api import document

from svahub_campsoft.partner.api import API

if __name__ == "__main__":
    click.echo(json.dumps(document(API), indent=2, ensure_ascii=False))
