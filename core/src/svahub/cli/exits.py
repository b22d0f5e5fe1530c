"""How a command ends: its exit code, and the sentence that an error becomes."""

from __future__ import annotations

import os
from enum import IntEnum
from traceback import extract_tb
from typing import TYPE_CHECKING

import click

from svahub.errors import SvahubError
from svahub.masking import mask_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """What a command's exit code says."""

    REACHED = 0
    ERROR = 1
    USAGE = 2
    WAITING = 3
    NEEDS_PERSON = 4
    SUPERSEDED = 5


BY_SEVERITY = (ExitCode.ERROR, ExitCode.NEEDS_PERSON, ExitCode.SUPERSEDED, ExitCode.WAITING)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that tells most urgently of several."""
    met = set(codes)
    return next((code for code in BY_SEVERITY if code in met), ExitCode.REACHED)


def end_with(code: ExitCode) -> None:
    """End the command here unless all is well."""
    if code:
        raise click.exceptions.Exit(code)


DEBUG_VARIABLE = "SVAHUB_DEBUG"


def told(error: Exception) -> str:
    """Return the sentence to end with; where the user asks for it, the masked traceback is shown before."""
    if os.environ.get(DEBUG_VARIABLE):
        from svahub.logs import masked_traceback

        click.echo(masked_traceback(error), err=True)
    return sentence(error)


def sentence(error: Exception) -> str:
    """Return what to tell the user of an error, masked.

    The text of an error that is not ours is kept back: it may hold a secret or personal data.
    """
    if isinstance(error, SvahubError | ImportError):
        return mask_sentence(str(error)) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        return mask_sentence(f"{error.filename}: {error.strerror}")
    # The import machinery's own frames have no file and tell nothing.
    last = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<")][-1]
    return (
        f"Unexpected {type(error).__name__} in {last.name} ({last.filename.rpartition('/')[2]}:{last.lineno}). "
        "Run it again with SVAHUB_DEBUG=1 for a traceback."
    )
