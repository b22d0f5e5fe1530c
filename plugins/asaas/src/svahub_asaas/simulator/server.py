"""The simulated Asaas as a whole: its parts put together, and what a test may do to it beside HTTP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from svahub.clock import Clock, SystemClock
from svahub.testing import Answer, Problem, Request, Simulator

from svahub_asaas.simulator.access import new_key, require_key, require_manners
from svahub_asaas.simulator.account import Account
from svahub_asaas.simulator.calendar import MovableClock
from svahub_asaas.simulator.customers import Customers
from svahub_asaas.simulator.finance import Finance
from svahub_asaas.simulator.links import PaymentLinks
from svahub_asaas.simulator.mishaps import Mishaps
from svahub_asaas.simulator.notifications import Notifications
from svahub_asaas.simulator.papers import Papers
from svahub_asaas.simulator.payments import Payments
from svahub_asaas.simulator.postman import Delivery, Postman
from svahub_asaas.simulator.quota import Quota
from svahub_asaas.simulator.refusals import Refusal
from svahub_asaas.simulator.settlements import Settlements
from svahub_asaas.simulator.steering import Steering
from svahub_asaas.simulator.subscriptions import Subscriptions
from svahub_asaas.simulator.timings import AsaasTimings
from svahub_asaas.simulator.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from svahub import Plan, RemoteUser
    from svahub.testing.http import Message, Scope

SECONDS_A_DAY = 86_400
TOO_MANY = 429


class AsaasSimulator(Simulator):
    """Asaas's sandbox on a loopback port; what is assumed of it is said where it is done."""

    base_path: ClassVar[str] = "/v3"
    keeps_people: ClassVar[bool] = True
    doubles: ClassVar[bool] = True  # no second one of a reference is refused
    clock: MovableClock
    timings: AsaasTimings

    def __init__(
        self, seed: int | None = None, clock: Clock | None = None, timings: AsaasTimings | None = None
    ) -> None:
        movable = MovableClock(clock or SystemClock())
        super().__init__(seed, movable, timings or AsaasTimings())
        self.mishaps = Mishaps(self._drawing("mishaps"))
        self.quota = Quota(movable)
        self.postman = Postman(movable, self.timings, self._drawing("events"), self.mishaps)
        self.account = Account(movable, self.new_id, self.postman)
        self._put_together()

    def _put_together(self) -> None:
        account, payments = self.account, Payments(self.account)
        self._subscriptions = Subscriptions(account, payments)
        self._settlements = Settlements(account, payments)
        customers = Customers(account, self._subscriptions)
        self.add_routes(payments, self._subscriptions, self._settlements, customers, Papers(account, payments))
        self.add_routes(Notifications(account), PaymentLinks(account), Finance(account, payments))
        self.add_routes(Webhooks(self.postman, self._drawing("webhooks")))
        self.add_controls(Steering(self))

    def _drawing(self, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}:{purpose}")  # noqa: S311 -- has to be repeatable, nothing secret is drawn

    def make_credentials(self) -> dict[str, str]:
        """Return a new key."""
        return {"key": new_key()}

    def authorize(self, request: Request) -> None:
        """Take a request that has manners, a key and quota left."""
        require_manners(request)
        require_key(request, self.accepted)
        self.quota.take(request.method)

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return Asaas's envelope."""
        errors = problem.errors if isinstance(problem, Refusal) else [(problem.code, problem.message)]
        return {"errors": [{"code": code, "description": description} for code, description in errors]}

    def complete(self, answer: Answer) -> Answer:
        """Tell the quota with every answer; a 429 that is a fault says when to come back as its timing has it."""
        headers = self.quota.headers()
        if answer.status == TOO_MANY and self.quota.used <= self.quota.limit:
            headers |= {"RateLimit-Remaining": "0", "RateLimit-Reset": str(self.timings.retry_after_seconds)}
        return Answer(answer.status, answer.body, {**headers, **answer.headers})

    async def serve(self, port: int = 0, ready: Callable[[], None] = lambda: None) -> None:
        """Serve, and deliver webhooks, until `stop`."""
        delivering = asyncio.create_task(self.postman.work())
        try:
            await super().serve(port, ready)
        finally:
            delivering.cancel()
            with suppress(asyncio.CancelledError):
                await delivering

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one request, counting the GETs that are under way at once."""
        counted = int(scope["method"] == "GET")
        self.quota.gets_under_way += counted
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.quota.gets_under_way -= counted

    def people(self) -> Iterator[RemoteUser]:
        """Yield the account's customers."""
        return self.account.people()

    def catalogue(self) -> Iterator[Plan]:
        """Yield the account's recurring offers."""
        return self.account.catalogue()

    def state(self) -> dict[str, Any]:
        """Return all that the account holds, oldest first, deleted or not."""
        account = self.account
        kinds: Mapping[str, Any] = {
            "customers": account.customers,
            "payments": account.payments,
            "subscriptions": account.subscriptions,
            "notifications": account.notifications.values(),
            "webhooks": self.postman.webhooks.values(),
            "paymentLinks": account.links,
        }
        return {kind: [one.json() for one in kept] for kind, kept in kinds.items()}

    @property
    def today(self) -> date:
        """The date in Brasília."""
        return self.clock.today

    @property
    def deliveries(self) -> list[Delivery]:
        """What was sent to webhooks, oldest first."""
        return list(self.postman.log)

    def wait_delivered(self, timeout: float = 5.0) -> None:
        """Wait until nothing is left to be sent; raise TimeoutError when it takes too long. From a test's thread."""
        self.postman.wait_idle(timeout)

    def advance(self, days: int = 1) -> None:
        """Move the simulator's time on day by day, and do what Asaas does when each begins."""
        self.between_requests(lambda: self._advance(days))

    def pay(self, payment_id: str) -> dict[str, Any]:
        """Let the customer pay a charge, and return it."""
        return self.between_requests(lambda: self._settlements.pay(payment_id).json())

    def make_overdue(self, payment_id: str, due: date | None = None) -> dict[str, Any]:
        """Let a charge be overdue, since `due` or yesterday where it is not due yet, and return it."""
        return self.between_requests(lambda: self._settlements.make_overdue(payment_id, due).json())

    def set_status(self, payment_id: str, status: str) -> dict[str, Any]:
        """Put a charge into any status, tell of it, and return it; raise ValueError for an unknown status."""
        return self.between_requests(lambda: self._settlements.set_status(payment_id, status).json())

    def emit(self, event: str, *, everywhere: bool = False, **entity: Any) -> None:
        """Tell webhooks of any event: those that asked for it, or all of them."""
        self.between_requests(lambda: self.postman.tell(event, entity, everywhere=everywhere))

    def _advance(self, days: int) -> None:
        for _ in range(days):
            self.clock.move(1)
            self._settlements.turn_day()
            self._subscriptions.turn_day()
            self.postman.skip(SECONDS_A_DAY)
