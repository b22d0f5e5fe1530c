"""What a contract's two states at IXC mean here. Pure: the table is ixc's own, the policy for N is the ISP's."""

from __future__ import annotations

from dataclasses import dataclass

from svahub import ContractStatus, Reason

from svahub_ixc.settings import InCollection

AWAITING_SIGNATURE = "AA"
OPEN = frozenset({"A", ""})
"""What the internet of a contract is when nothing is amiss; a contract of SVA alone may have none (assumed)."""

BLOCKED = {"CM": Reason.STAFF, "CA": Reason.OVERDUE, "FA": Reason.OVERDUE, "CE": Reason.OVERDUE, "D": Reason.STAFF}
"""Why the internet is blocked; that D, deactivated, is so by the ISP's staff is assumed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A contract's level."""

    status: ContractStatus
    reasons: tuple[Reason, ...] = ()


class UnknownStanding(ValueError):
    """A state that this table does not have; the sentence says which there are."""


def standing(status: str, internet: str, in_collection: InCollection) -> Standing:
    """Return what is wanted of a contract in these states."""
    match status:
        case "P":
            return Standing(ContractStatus.PENDING)
        case "I" | "D":
            return Standing(ContractStatus.CANCELLED)
        case "N" if in_collection is InCollection.CANCEL:
            return Standing(ContractStatus.CANCELLED)
        case "N" if in_collection is InCollection.BLOCK:
            return Standing(ContractStatus.ACTIVE, (Reason.OVERDUE,))
        case "A" | "N":
            return _by_internet(internet)
    raise UnknownStanding(f"its status is {status!r:.20}: there is P, A, I, N and D")


def _by_internet(internet: str) -> Standing:
    if internet in OPEN:
        return Standing(ContractStatus.ACTIVE)
    if internet == AWAITING_SIGNATURE:
        return Standing(ContractStatus.PENDING)
    if internet in BLOCKED:
        return Standing(ContractStatus.ACTIVE, (BLOCKED[internet],))
    raise UnknownStanding(f"its status_internet is {internet!r:.20}: there is A, AA, {', '.join(sorted(BLOCKED))}")
