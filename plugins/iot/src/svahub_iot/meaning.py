"""What Olli's error answers mean where HTTP does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svahub.errors import NoLicences, NotFound, ProviderError

if TYPE_CHECKING:
    from svahub.client import Answer

NONE_LEFT = frozenset({"no_licenses", "no_licences"})
"""Assumed: the code with which Olli refuses a licence that the ISP has not bought."""
OVER = "subscription_cancelled"
"""Assumed: the code with which Olli refuses what is asked of a subscription that was ended."""


def meaning(answer: Answer) -> ProviderError | None:
    """Return that no licence is left, or that the subscription is over; None: what HTTP says is what is meant."""
    code = answer.code.casefold()
    if code in NONE_LEFT:
        return NoLicences("the ISP has no free licence left at Olli")
    return NotFound("the subscription was ended at Olli") if code == OVER else None
