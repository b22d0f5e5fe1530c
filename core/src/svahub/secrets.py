"""Secrets by reference (`env:VAR`, `file:PATH`) or encrypted in the store, whose key lives outside it."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from svahub.errors import Refused
from svahub.literals import remember

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.fernet import MultiFernet

KEY_VARIABLE = "SVAHUB_SECRET_KEY"
KEY_FILE_VARIABLE = "SVAHUB_SECRET_KEY_FILE"
AGE_VARIABLE = "SVAHUB_SECRET_MAX_AGE_DAYS"
STORED = "stored:"
OLD_DAYS = 90
OTHERS = 0o077
"""The bits of a file's mode that let others than its owner at it."""


class Kept(StrEnum):
    """Where a secret is."""

    ENV = "env"
    FILE = "file"
    STORED = "stored"


def reference(given: str) -> str:
    """Return what to keep for `env:VAR` or `file:PATH`; Refused for anything else, above all the secret itself."""
    scheme, _, place = given.partition(":")
    if scheme in {"env", "file"} and place:
        return given if scheme == "env" else f"file:{Path(place).expanduser().absolute()}"
    raise Refused("Write a secret as env:VAR, file:PATH or - (read from standard input), never as itself.")


def kept(given: str) -> str:
    """Return what to keep for a reference or for what `sealed` returned; Refused for anything else."""
    return given if given.startswith(STORED) else reference(given)


def sealed(secret: str) -> str:
    """Return what to keep for a secret that the store itself holds: encrypted.

    The key is `SVAHUB_SECRET_KEY` (several, separated by commas: the first encrypts, all decrypt) or the file that
    `SVAHUB_SECRET_KEY_FILE` names. Raises Refused when there is none.
    """
    if not secret:
        raise Refused("The secret read from standard input is empty.")
    return STORED + _fernet().encrypt(remember(secret).encode()).decode()


def resolve(held: str) -> str:
    """Return the secret behind what is kept; Refused says what is missing, never the secret."""
    scheme, _, place = held.partition(":")
    if scheme == "env":
        return _present(os.environ.get(place, ""), f"env:{place}", f"Set {place}")
    if scheme == "file":
        return _present(_read(place), f"file:{place}", "Write the secret there")
    if held.startswith(STORED):
        return _opened(place)
    raise Refused("A secret is named by env:VAR or file:PATH.")


def kind_of(held: str) -> Kept:
    """Return where a kept secret is."""
    return Kept(held.partition(":")[0])


def shown(held: str) -> str:
    """Return how a kept secret is shown: by its reference."""
    return "stored, encrypted" if held.startswith(STORED) else held


def rekeyed(held: str) -> str:
    """Return a kept secret encrypted with the first key; a reference stays as it is. Refused when no key opens it."""
    if not held.startswith(STORED):
        return held
    from cryptography.fernet import InvalidToken

    try:
        return STORED + _fernet().rotate(held.removeprefix(STORED).encode()).decode()
    except InvalidToken as error:
        raise _wrong_key() from error


@dataclass(frozen=True, slots=True)
class Safe:
    """Encrypts, with the keys of stored secrets, what svahub itself keeps for a while."""

    _fernet: MultiFernet
    _naming: bytes

    def seal(self, text: str) -> str:
        """Return a text encrypted with the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """Return what was sealed, None when no key opens it."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None

    def name(self, text: str) -> str:
        """Return what names a text to those who have the first key, and tells nobody else anything of it."""
        return hmac.new(self._naming, b"svahub name\0" + text.encode(), "sha256").hexdigest()


def signed(text: str) -> str:
    """Return what only who has the first of the keys can make of a text. Raises Refused when there is none."""
    return next(_signatures(text))


def is_signed(text: str, signature: str) -> bool:
    """Say whether a text was signed with any of the keys. Raises Refused when there is none."""
    return any(hmac.compare_digest(one.encode(), signature.encode()) for one in _signatures(text))


def _signatures(text: str) -> Iterator[str]:
    _fernet()  # to refuse what is no key
    for key in _each_key():
        yield hmac.new(key.encode(), b"svahub signature\0" + text.encode(), "sha256").hexdigest()


def safe() -> Safe | None:
    """Return the safe that the keys open, None when there are none; Refused when they are no keys."""
    if not any(os.environ.get(name) for name in (KEY_VARIABLE, KEY_FILE_VARIABLE)):
        return None
    return Safe(_fernet(), next(_each_key()).encode())


def max_age_days() -> int:
    """Return after how many days a secret is old; Refused when `SVAHUB_SECRET_MAX_AGE_DAYS` is no such number."""
    given = os.environ.get(AGE_VARIABLE) or str(OLD_DAYS)
    if not given.isdecimal() or not int(given):
        raise Refused(f"{AGE_VARIABLE} is {given!r}: write a number of days, such as {OLD_DAYS}.")
    return int(given)


def faults_of_key_file(store_folder: Path | None) -> list[str]:
    """Return what endangers the file of the key, if there is one: who may read it, or that it lies beside the store."""
    given = os.environ.get(KEY_FILE_VARIABLE)
    if os.environ.get(KEY_VARIABLE) or not given:
        return []
    path = Path(given)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return [f"The key file {path} cannot be read: {type(error).__name__}. Name another in {KEY_FILE_VARIABLE}."]
    faults = []
    if mode & OTHERS:
        faults.append(f"Others than its owner may read the key file {path}. Restrict it: chmod 600 {path}")
    if store_folder is not None and path.resolve().is_relative_to(store_folder.resolve()):
        faults.append(f"The key file {path} lies beside the store: who copies that folder can read both. Move the key.")
    return faults


def _present(value: str, name: str, remedy: str) -> str:
    if not value.strip():
        raise Refused(f"The secret {name} is empty or not set. {remedy} and run the command again.")
    return remember(value.strip())


def _read(place: str) -> str:
    try:
        return Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"The secret file:{place} cannot be read: {type(error).__name__}.") from error


def _opened(token: str) -> str:
    from cryptography.fernet import InvalidToken

    try:
        return remember(_fernet().decrypt(token.encode()).decode())
    except InvalidToken as error:
        raise _wrong_key() from error


def _wrong_key() -> Refused:
    return Refused(f"A stored secret does not open with this key. Set the right {KEY_VARIABLE}.")


def _fernet() -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(remember(key)) for key in _each_key()])
    except ValueError as error:
        make = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        raise Refused(f"{KEY_VARIABLE} is no Fernet key. Make one with: {make}") from error


def _each_key() -> Iterator[str]:
    yield from (key.strip() for key in _keys().split(",") if key.strip())


def _keys() -> str:
    keys = os.environ.get(KEY_VARIABLE)
    path = os.environ.get(KEY_FILE_VARIABLE)
    if keys:
        return keys
    if path:
        return _read(path)
    raise Refused(f"Secrets in the store need a key: set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}; or use env: or file:.")
