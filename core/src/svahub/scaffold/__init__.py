"""A new plugin's package, written from the template beside: all of it works, for an API that is invented.

The template is `string.Template`'s: all that is decided is which of three ways to authenticate is taken, and each has
files of its own.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from svahub.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from svahub.scaffold.naming import Naming

TEMPLATE = files(__name__) / "template"


class AuthKind(StrEnum):
    """How the requests of a new plugin authenticate."""

    BASIC = "basic"
    BEARER = "bearer"
    OAUTH2 = "oauth2"


FILES = {
    ".github/workflows/check.yml": "check.yml",
    ".gitignore": "gitignore",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "src/$package/__init__.py": "provider.py",
    "src/$package/demo.py": "demo.py",
    "src/$package/settings.py": "settings.$auth.py",
    "src/$package/simulator.py": "simulator.py",
    "src/$package/simulator_access.py": "access.$auth.py",
    "src/$package/wire.py": "wire.py",
    "tests/test_contract.py": "test_contract.py",
}
"""What is written, and which file of the template it comes from."""

MARKER = "src/$package/py.typed"
"""Empty: it says to type checkers that the package has types."""

GIVEN = {
    AuthKind.BASIC: "--set username=USER --secret password=env:${VARIABLE}_PASSWORD",
    AuthKind.BEARER: "--secret token=env:${VARIABLE}_TOKEN",
    AuthKind.OAUTH2: "--set client_id=CLIENT --secret client_secret=env:${VARIABLE}_SECRET",
}
"""What an integration is registered with beside its address."""

SECRET = {AuthKind.BASIC: "password", AuthKind.BEARER: "token", AuthKind.OAUTH2: "client_secret"}
"""The one of its settings that is a secret."""


def register_command(naming: Naming, auth: AuthKind) -> str:
    """Return the command that registers an integration with the provider's simulator, in two lines."""
    given = Template(GIVEN[auth]).substitute(VARIABLE=naming.variable)
    added = f"svahub integration add {naming.name} --provider {naming.name} --environment staging"
    return f"{added} \\\n    --base-url URL {given}"


def rendered(naming: Naming, auth: AuthKind) -> dict[str, str]:
    """Return every file of a new package, by its path there."""
    words = {
        **naming.words, "auth": auth.value, "secret": SECRET[auth], "versions": _versions(),
        "register": register_command(naming, auth),
    }  # fmt: skip

    def filled(text: str) -> str:
        return Template(text).substitute(words)

    written = {filled(path): filled(_text(filled(source))) for path, source in FILES.items()}
    return dict(sorted({**written, filled(MARKER): ""}.items()))


def write(folder: Path, naming: Naming, auth: AuthKind) -> list[str]:
    """Write a new package into a folder that is empty or not there yet; return the paths of its files.

    Raises Refused, and writes nothing, when something is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is there already, and not empty: nothing was written. Name another one with --folder.")
    written = rendered(naming, auth)
    for path, text in written.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(written)


def _text(source: str) -> str:
    return (TEMPLATE / f"{source}.txt").read_text(encoding="utf-8")


def _versions() -> str:
    """Return which svahub a new plugin takes: this one, and none whose contract may differ."""
    major, minor, *_ = version("svahub").split(".")
    return f">={major}.{minor},<{major}.{int(minor) + 1}"
