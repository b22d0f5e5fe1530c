"""What IXC's answers mean where it does not say it as others do: most of its refusals come with status 200."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from svahub.errors import (
    AuthenticationCause,
    AuthenticationFailed,
    Cause,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Unreachable,
)

if TYPE_CHECKING:
    from svahub.client import Answer

_HIDDEN_PARTS = re.compile(r"<(style|script|title)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def bare(text: str) -> str:
    """Return what a text says without its tags."""
    return " ".join(html.unescape(_TAG.sub(" ", _HIDDEN_PARTS.sub(" ", text))).split())


def meaning(answer: Answer) -> ProviderError | None:
    """Return what an answer comes to; None: it is a success, or what HTTP says is what is meant."""
    match answer.status:
        case 401:
            return AuthenticationFailed(
                AuthenticationCause.CREDENTIALS, "IXC takes neither the token nor its user: see that both are active"
            )
        case 403:
            return AuthenticationFailed(
                AuthenticationCause.CREDENTIALS,
                "IXC does not know the token, as after its server was moved: make a new one",
            )
        case 404:
            return Rejected("http_404", "there is no web service: the base URL is https://HOST/webservice/v1")
        case status if 200 <= status < 300:
            return _of_success(answer)
        case status if status >= 500:
            return _unclear(answer, Cause.SERVER_ERROR)
    return None


def _of_success(answer: Answer) -> ProviderError | None:
    if not answer.is_json:
        return _unclear(answer, Cause.MALFORMED) if answer.text.lstrip().startswith("<") else None
    if isinstance(answer.json, dict) and answer.json.get("type") == "error":
        return Rejected("ixc_error", answer.repeatable(bare(str(answer.json.get("message", "")))))
    return None


def _unclear(answer: Answer, cause: Cause) -> ProviderError:
    """Return an error that does not tell whether a write was done."""
    said = answer.repeatable(bare(answer.text))
    message = f"IXC answered {answer.status}" + (f": {said}" if said else "")
    return OutcomeUnknown(message) if answer.writes else Unreachable(cause, message)
