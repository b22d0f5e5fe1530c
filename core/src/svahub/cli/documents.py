"""Writing one document to a new file that only its owner may read: whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from svahub.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_place(path: Path) -> None:
    """Refuse a path where no new file can be made, before any work is done for it."""
    if not path.parent.is_dir():
        raise Refused(f"There is no folder {str(path.parent)!r}. Make it, or name a file in another.")
    if path.exists() or path.is_symlink():
        raise Refused(f"{str(path)!r} is there already and stays as it is. Name another file.")


def write_new(path: Path, parts: Iterable[str]) -> None:
    """Write text beside `path`, in a file of mode 0600, and give it the name when it is whole.

    Raises Refused when the file is there already or cannot be written, and leaves nothing half done.
    """
    refuse_place(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(beside, parts)
        _name(beside, path)
    except FileExistsError as error:
        raise Refused(f"{str(path)!r} is there already and stays as it is. Name another file.") from error
    except OSError as error:
        raise Refused(f"{str(path)!r} cannot be written ({error.strerror}): there is no file now.") from error
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, parts: Iterable[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def _name(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)  # unlike a rename, it never takes the place of a file
    except FileExistsError:
        raise
    except OSError:  # no links on this file system
        refuse_place(path)
        beside.rename(path)
