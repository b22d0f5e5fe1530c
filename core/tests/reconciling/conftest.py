"""An ISP at a made-up provider that lists its users: whole, up to where it breaks, or on from where it broke."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from svahub import ListsUsers, Observed, RemoteUser, Subscription, errors, hookimpl
from svahub.hookspecs import ResumesListings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def listing(finding: type) -> type:
    """Return the provider that finds users, and lists them; `remote.breaks_after` says after how many it breaks."""

    class Listing(finding, ListsUsers):  # type: ignore[misc]
        def put(self, s: Subscription, status: Observed) -> RemoteUser:
            former = self.remote.users.get(s.key)
            user = super().put(s, status)
            kept = user if former is None else replace(user, remote_id=former.remote_id)
            self.remote.users[s.key] = kept
            return kept  # type: ignore[no-any-return]

        @hookimpl
        def list_users(self, status: Observed | None) -> Iterator[RemoteUser]:
            self.remote.calls.append("list")
            return self._listed(list(self.remote.users.values()))

        def _listed(self, users: list[RemoteUser]) -> Iterator[RemoteUser]:
            most = vars(self.remote).get("breaks_after")
            yield from users[:most]
            if most is not None:
                raise errors.Unreachable(errors.Cause.INCOMPLETE, "the listing ended early")

    return Listing


@pytest.fixture
def resuming(listing: type) -> type:
    """Return the same, which can go on where a listing ended."""

    class Resuming(listing, ResumesListings):  # type: ignore[misc]
        @hookimpl
        def list_users_after(self, status: Observed | None, after: str) -> Iterator[RemoteUser]:
            self.remote.calls.append(f"list after {after}")
            users = list(self.remote.users.values())
            here = next((n for n, user in enumerate(users) if user.remote_id == after), None)
            if here is None:
                raise errors.Unreachable(errors.Cause.INCOMPLETE, "the user is not listed any more")
            return self._listed(users[here + 1 :])

    return Resuming


class Compared:
    """An ISP whose provider has been looked at once: from then on plans can be applied."""

    def __init__(self, isp: Any, sold: int) -> None:
        self.isp, self.office, self.remote, self.clock = isp, isp.office, isp.remote, isp.clock
        for number in range(1, sold + 1):
            isp.sell(f"C{number}", f"P{number}")
        isp.work()
        self.clock.advance(minutes=5)
        self.run()

    def run(self) -> Any:
        """Compare, and return the plan."""
        return self.office.reconciling.run("basic")

    def rows(self, plan: Any) -> list[tuple[str, str | None, str]]:
        """Return what a plan says: of which kind each row is, of which contract, and what follows."""
        return [(r.agreement.value, r.contract_id, r.step) for r in self.office.reconciling.rows(str(plan.plan))]

    def key(self, contract: str) -> str:
        """Return the key of a contract's subscription."""
        key: str = self.isp.of(contract).key
        return key

    def alter(self, contract: str, **there: Any) -> None:
        """Change what the provider has of a contract, behind our back."""
        user = self.remote.users[self.key(contract)]
        entry = replace(user.subscriptions[0], **there)
        self.remote.users[self.key(contract)] = replace(user, status=entry.status, subscriptions=(entry,))

    def lose(self, contract: str) -> None:
        """Take the user of a contract away at the provider, behind our back."""
        del self.remote.users[self.key(contract)]

    def observed(self, *contracts: str) -> list[str]:
        """Return how some contracts' subscriptions are, as far as we know."""
        return [self.isp.of(contract).observed.value for contract in contracts]


@pytest.fixture
def compared(open_isp: Callable[..., Any], listing: type) -> Callable[..., Compared]:
    """Return what opens such an ISP with some contracts."""

    def make(sold: int = 3, base: type = listing, **settings: Any) -> Compared:
        return Compared(open_isp(base, **settings), sold)

    return make


@pytest.fixture
def compared_on_each(open_isp_on_each: Callable[..., Any], listing: type) -> Callable[..., Compared]:
    """Return the same, once on each database."""
    return lambda sold=3, **settings: Compared(open_isp_on_each(listing, **settings), sold)
