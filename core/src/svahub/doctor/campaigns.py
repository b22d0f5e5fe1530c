"""Checks of campaigns: whether some is paused, with contracts of which nothing was begun."""

from __future__ import annotations

from collections.abc import Iterator

from svahub.doctor.findings import Finding, warning
from svahub.doctor.premises import Premises
from svahub.store import campaigns
from svahub.store.states import CampaignState, RowState


def paused(premises: Premises) -> Iterator[Finding]:
    """Say which campaigns are paused: somebody did that, or the store came back from a backup."""
    for office in premises.offices:
        with premises.opened.read() as connection:
            found = campaigns.in_state(connection, CampaignState.PAUSED, [office.name])
            left = [campaigns.counts(connection, row.id).get(RowState.PLANNED, 0) for row in found]
        for row, many in zip(found, left, strict=True):
            then = f"`svahub campaigns resume {row.id}` goes on, `svahub campaigns cancel {row.id}` ends it"
            yield warning(f"campaign {row.id} is paused: {row.verb.value} of {many} contracts", then, office.name)
