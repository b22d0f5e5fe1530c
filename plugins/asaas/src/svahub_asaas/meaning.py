"""What Asaas's error answers mean where it does not say it as others do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from svahub.errors import ProviderError, RateLimited, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.client import Answer

WINDOW_SECONDS = 12 * 3600.0
"""The longest that Asaas has anybody wait."""


def meaning(answer: Answer) -> ProviderError | None:
    """Return when calls are taken again, or all that is wrong with one; None: what HTTP says is what is meant."""
    if answer.status == 429:
        return RateLimited(_wait(answer.headers))
    if answer.status == 400:
        return _all_that_is_wrong(answer)
    return None


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the quota is there anew; too many at once says nothing of when it will be fewer."""
    if headers.get("ratelimit-remaining", "0").strip() != "0":
        return None
    for name in ("ratelimit-reset", "retry-after"):
        try:
            seconds = float(headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(seconds):
            return min(max(seconds, 0.0), WINDOW_SECONDS)
    return None


def _all_that_is_wrong(answer: Answer) -> Rejected | None:
    """Return every sentence of a refusal, under the first one's code; each without the personal data that was sent."""
    errors = answer.json.get("errors") if isinstance(answer.json, dict) else None
    if not isinstance(errors, list) or len(errors) < 2:
        return None
    said = [replace(answer, json=error) for error in errors if isinstance(error, dict)]
    return Rejected(answer.code, "; ".join(dict.fromkeys(one.message for one in said if one.message)))
