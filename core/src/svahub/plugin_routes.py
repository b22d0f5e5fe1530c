"""What plugins answer for in `svahub serve`: whose the paths are, and which cannot be used. `server` serves them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from svahub import discovery
from svahub.discovery import ROUTES, Loaded
from svahub.extension import Routes

CORE = ("/ativar", "/health", "/metrics", "/v1", "/webhooks")
"""What svahub itself answers for."""

_PREFIX = re.compile(r"(?:/[a-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True)
class Mounting:
    """The paths that an installed package wants to answer for; or the `fault` for which it may not."""

    loaded: Loaded
    routes: Routes | None = None
    fault: str | None = None

    @property
    def plugin(self) -> str:
        """The entry point's name."""
        return self.loaded.name


def declared() -> list[Mounting]:
    """Import what every plugin declares; whatever is wrong with one is its own fault alone.

    Of two that want the same path, or one below the other's, neither gets it.
    """
    found = [_mounting(loaded) for loaded in discovery.load_all(ROUTES)]
    return [replace(one, fault=one.fault or _claimed_twice(one, found)) for one in found]


def _mounting(loaded: Loaded) -> Mounting:
    if fault := loaded.reason or _fault(loaded.plugin):
        return Mounting(loaded, fault=fault)
    return Mounting(loaded, loaded.plugin)


def _fault(given: object) -> str | None:
    if not isinstance(given, Routes):
        return f"the entry point is {type(given).__name__}, not svahub.extension.Routes"
    if not isinstance(given.prefix, str) or not _PREFIX.fullmatch(given.prefix):
        return f"its prefix {given.prefix!r} is no path such as /api/v1"
    if not callable(given.build):
        return f"its build is {type(given.build).__name__}, nothing to call"
    taken = next((path for path in CORE if _overlap(path, given.prefix)), None)
    return f"{given.prefix} is claimed by svahub itself ({taken}) and by this plugin" if taken else None


def _claimed_twice(one: Mounting, every: Sequence[Mounting]) -> str | None:
    claims = [other for other in every if other is not one and _same_paths(one, other)]
    if not claims:
        return None
    assert one.routes is not None
    return f"{one.routes.prefix} is claimed by {' and '.join(sorted(map(_claimant, (one, *claims))))}"


def _claimant(one: Mounting) -> str:
    prefix = one.routes.prefix if one.routes else ""
    return f"{one.plugin!r} of {one.loaded.distribution or 'a package without a name'} ({prefix})"


def _same_paths(one: Mounting, other: Mounting) -> bool:
    return bool(one.routes and other.routes and _overlap(one.routes.prefix, other.routes.prefix))


def _overlap(one: str, other: str) -> bool:
    """Say whether two prefixes have a path in common."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
