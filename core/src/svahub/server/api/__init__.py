"""The lifecycle API under `/v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette

if TYPE_CHECKING:
    from svahub.hub import Hub


def application(hub: Hub) -> Starlette:  # noqa: ARG001
    """Return what answers under `/v1`."""
    return Starlette()
