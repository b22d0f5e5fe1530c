"""What answers for all that is below a prefix."""

from __future__ import annotations

import re

from starlette.routing import Mount
from starlette.types import ASGIApp


class Below(Mount):
    """Has an application answer below a prefix, whatever the path is: Starlette's own would not take a line break."""

    def __init__(self, prefix: str, app: ASGIApp) -> None:
        super().__init__(prefix, app=app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)
