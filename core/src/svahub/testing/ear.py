"""A system that is told by webhooks: it takes messages that are signed by the specification, and remembers them.

Written from Standard Webhooks' text with the standard library, sharing no code with what signs.
"""

from __future__ import annotations

import base64
import hmac
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from svahub.testing.http import Answer, Problem, Request, route
from svahub.testing.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable


class Ear(Simulator):
    """Answers 204 to a message that one of its `secrets` has signed, and 401 to others.

    `heard` has what it took, by id, each time that it came; `asked` all that came. `answer` may refuse a message.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.secrets: list[str] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[Request] = []
        self.answer: Callable[[dict[str, Any]], Answer] = lambda _told: Answer(204)

    def make_credentials(self) -> dict[str, str]:
        """Return none: whoever is added as a target gives its secret away."""
        return {}

    def authorize(self, request: Request) -> None:
        """Refuse what nobody has signed whose secret is known."""
        self.asked.append(request)
        given = request.header("webhook-signature").split()
        if not any(signature(secret, request) in given for secret in self.secrets):
            raise Problem(401, "bad_signature", "nobody that we know has signed this")

    @route("POST", "/hook")
    def hook(self, request: Request) -> Answer:
        """Take a message."""
        told = request.json()
        answer = self.answer(told)
        if answer.status < 300:
            self.heard.append((request.header("webhook-id"), told))
        return answer

    def state(self) -> dict[str, Any]:
        """Return what it took."""
        return {"heard": [{"id": id, **told} for id, told in self.heard]}

    @property
    def hook_url(self) -> str:
        """Where it listens."""
        return f"{self.url}/hook"

    @property
    def once(self) -> list[dict[str, Any]]:
        """Each message once, in the order in which they first came."""
        first: dict[str, dict[str, Any]] = {}
        for id, told in self.heard:
            first.setdefault(id, told)
        return list(first.values())

    @property
    def by_customer(self) -> dict[str, list[dict[str, Any]]]:
        """The same for each customer."""
        found = defaultdict(list)
        for told in self.once:
            found[told["data"]["customer"]].append(told)
        return dict(found)


def signature(secret: str, request: Request) -> str:
    """Return the signature that a message of a secret's holder bears."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.header('webhook-id')}.{request.header('webhook-timestamp')}.".encode() + request.body
    return "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
