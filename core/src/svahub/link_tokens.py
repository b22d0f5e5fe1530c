"""What an activation link ends with: the link's id and a signature of it. No database: until when it is good is there.

The id is drawn, so nobody guesses it, and of letters alone, so that nothing takes it for a person's number. Who reads
the store, or a backup of it, cannot make the link of an id: the key is elsewhere.
"""

from __future__ import annotations

import re
import secrets
from string import ascii_lowercase

from svahub.secrets import is_signed, signed

PATH = "/ativar"
"""Where the server answers; whoever opens a link reads Portuguese."""
LETTERS = 28
"""Of 26 each: more than 128 bits."""
TOKEN = re.compile(rf"([a-z]{{{LETTERS}}})-([0-9a-f]{{64}})")


def drawn_id() -> str:
    """Return the id of a new link."""
    return "".join(secrets.choice(ascii_lowercase) for _ in range(LETTERS))


def written(id: str) -> str:
    """Return the token of a link. Raises Refused when there is no key to sign with."""
    return f"{id}-{signed(_about(id))}"


def read(text: str) -> str | None:
    """Return the id of the link whose token it is, None when it was not signed here. Raises Refused without a key."""
    found = TOKEN.fullmatch(text)
    return found[1] if found and is_signed(_about(found[1]), found[2]) else None


def _about(id: str) -> str:
    return f"activation link {id}"
