"""How simulators check what a request presents, strictly and in constant time."""

from __future__ import annotations

import secrets
from base64 import b64encode

from svahub.testing.http import Problem, Request


def require_basic(request: Request, username: str, password: str) -> None:
    """Raise Problem(401) unless the request bears exactly this HTTP Basic authorization (RFC 7617)."""
    scheme, _, token = request.header("authorization").partition(" ")
    expected = b64encode(f"{username}:{password}".encode())
    if scheme.lower() != "basic" or not secrets.compare_digest(token.encode(), expected):
        challenge = {"WWW-Authenticate": 'Basic realm="simulator", charset="UTF-8"'}
        raise Problem(401, "unauthorized", "user or password is not right", challenge)
