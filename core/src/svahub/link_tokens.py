"""What an activation link ends with: the link's id, until when it is good, and a signature of both. No database.

The id is drawn, so nobody guesses it, and of letters alone, so that nothing takes it for a person's number.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from string import ascii_lowercase
from typing import NamedTuple

from svahub.secrets import is_signed, signed

PATH = "/ativar"
"""Where the server answers; whoever opens a link reads Portuguese."""
LETTERS = 28
"""Of 26 each: more than 128 bits."""
_TOKEN = re.compile(rf"(?P<said>(?P<id>[a-z]{{{LETTERS}}})-(?P<until>[0-9a-f]{{1,10}}))-(?P<signature>[0-9a-f]{{64}})")


class Token(NamedTuple):
    """A token that was signed here: which link, and until when it is good."""

    id: str
    expires_at: datetime


def drawn_id() -> str:
    """Return the id of a new link."""
    return "".join(secrets.choice(ascii_lowercase) for _ in range(LETTERS))


def written(id: str, expires_at: datetime) -> str:
    """Return the token of a link. Raises Refused when there is no key to sign with."""
    said = f"{id}-{int(expires_at.timestamp()):x}"
    return f"{said}-{signed(_about(said))}"


def read(text: str) -> Token | None:
    """Return what a token says, None when it was not signed here. Raises Refused when there is no key."""
    found = _TOKEN.fullmatch(text)
    if found is None or not is_signed(_about(found["said"]), found["signature"]):
        return None
    return Token(found["id"], datetime.fromtimestamp(int(found["until"], 16), UTC))


def _about(said: str) -> str:
    return f"activation link {said}"
