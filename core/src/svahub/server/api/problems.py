"""What is answered when a request is not: problem documents (RFC 9457), for whatever went wrong, without personal data.

A problem's `type` is a URN that does not change; its `detail` is a sentence for people.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import Enum

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from svahub.errors import Refused, UnknownName
from svahub.masking import mask_sentence
from svahub.server.api.documents import ProblemDocument, Wrong
from svahub.server.api.words import ENGLISH, Words
from svahub.store import StoreUnavailable
from svahub.verbs import OfAnotherSource, UsedForAnother

MEDIA_TYPE = "application/problem+json"
URN = "urn:svahub:problem:"
LATER = {"Retry-After": "10"}

log = logging.getLogger(__name__)


class Kind(Enum):
    """The kinds of problems: the end of the type, the status, and the title."""

    NO_KEY = ("no-key", 401, "A valid API key is needed")
    NOT_PERMITTED = ("not-permitted", 403, "The key does not permit it")
    NOT_FOUND = ("not-found", 404, "There is no such thing")
    NO_SUCH_METHOD = ("no-such-method", 405, "The path does not take this method")
    TOO_SLOW = ("too-slow", 408, "The request did not come in time")
    REFUSED = ("refused", 409, "It cannot be done as things are")
    KEY_REUSED = ("idempotency-key-reused", 409, "The idempotency key was another command's")
    TOO_LARGE = ("too-large", 413, "The body is too large")
    NOT_JSON = ("not-json", 415, "The body has to be application/json")
    INVALID = ("invalid", 422, "The request is not valid")
    TOO_MANY = ("too-many-requests", 429, "There were too many requests")
    FAILED = ("failed", 500, "It failed, and it is not the request's fault")
    UNAVAILABLE = ("unavailable", 503, "The store is not available now")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug, self.type, self.status, self.title = slug, URN + slug, status, title

    def told(self, words: Words) -> str:
        """Return the title in a language."""
        return words.titles.get(self.slug, self.title)


BY_STATUS = {kind.status: kind for kind in reversed(Kind)}


class Problem(Exception):
    """Why a request is not answered: `detail` is told to the client, as are `errors`, each of one field.

    What is `named` is put into the detail where it has `{name}`.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        named: Mapping[str, str] | None = None,
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.errors, self.headers = kind, tuple(errors), dict(headers or {})
        self.detail, self.named = detail, dict(named or {})
        super().__init__(ENGLISH.sentence(detail, self.named))

    def response(self, words: Words = ENGLISH) -> Response:
        """Return the answer in a language."""
        kind = self.kind
        detail = words.sentence(self.detail, self.named)
        wrong = [Wrong(field=one.field, message=words.sentence(one.message)) for one in self.errors]
        told = ProblemDocument(type=kind.type, title=kind.told(words), status=kind.status, detail=detail, errors=wrong)
        return JSONResponse(told.model_dump(mode="json"), kind.status, self.headers, MEDIA_TYPE)


def problem_of(error: Exception, about: str | None = None) -> Problem:
    """Return what to tell of an error; `about` is what the request's path names, so that its absence is a 404.

    An error that is not foreseen is told in the log only.
    """
    match error:
        case Problem():
            return error
        case HTTPException():
            return Problem(BY_STATUS.get(error.status_code, Kind.FAILED), error.detail, headers=error.headers)
        case StoreUnavailable():
            log.warning("the store is not available: %s", mask_sentence(str(error)))
            return Problem(Kind.UNAVAILABLE, "Nothing was done: send it again later.", headers=LATER)
        case UnknownName() if error.kind == about:
            return none_of_this_name(error.kind)
        case Refused():
            return Problem(_kind_of(error), mask_sentence(str(error)))
    log.error("a request failed", exc_info=error)
    return Problem(Kind.FAILED, "What went wrong is in the server's log.")


def none_of_this_name(kind: str) -> Problem:
    """Return what to tell of a name that a path has and nothing bears, be it that of another tenant."""
    return Problem(Kind.NOT_FOUND, "There is no {what} of this name.", named={"what": kind})


def _kind_of(refusal: Refused) -> Kind:
    match refusal:
        case UsedForAnother():
            return Kind.KEY_REUSED
        case OfAnotherSource():
            return Kind.NOT_PERMITTED
    return Kind.REFUSED
