"""How simulators check what a request presents, strictly and in constant time."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping

from svahub.testing.http import Problem, Request


def require_basic(request: Request, username: str, password: str) -> None:
    """Raise Problem(401) unless the request bears exactly this HTTP Basic authorization (RFC 7617)."""
    require_any_basic(request, [{"username": username, "password": password}])


def require_any_basic(request: Request, accepted: Iterable[Mapping[str, str]]) -> None:
    """Raise Problem(401) unless the request bears one of these, each a `username` and a `password`."""
    scheme, _, token = request.header("authorization").partition(" ")
    pairs = (b64encode(f"{one['username']}:{one['password']}".encode()) for one in accepted)
    if scheme.lower() != "basic" or not any(secrets.compare_digest(token.encode(), pair) for pair in pairs):
        challenge = {"WWW-Authenticate": 'Basic realm="simulator", charset="UTF-8"'}
        raise Problem(401, "unauthorized", "user or password is not right", challenge)
