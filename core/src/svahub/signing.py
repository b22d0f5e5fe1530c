"""Standard Webhooks: the secret that a target and we share, and the headers by which it knows that we sent a message.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, symmetric signatures. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from svahub.errors import Refused

PREFIX = "whsec_"
BYTES = 32
SHORTEST, LONGEST = 24, 64
"""So many bytes the specification lets a secret have."""


def new_secret() -> str:
    """Draw a secret, as both sides write it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes that sign; Refused, without telling the secret, when it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise Refused(
            f"A secret of a target is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} random bytes. "
            "Leave --secret out to have one made."
        )
    return key


def signature(secret: str, message_id: str, at: int, body: bytes) -> str:
    """Return one signature of a message at a unix time."""
    signed = f"{message_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()


def headers(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return what a message bears, signed with each of the secrets that are valid now."""
    seconds = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(secret, message_id, seconds, body) for secret in secrets),
    }
