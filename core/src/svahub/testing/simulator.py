"""The base of every provider's simulator: a real HTTP server with credentials, faults, a log and runtime control."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from abc import ABC, abstractmethod
from collections import Counter, deque
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from email.utils import format_datetime
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

from svahub.clock import Clock, SystemClock
from svahub.testing.control import CONTROL, Control
from svahub.testing.exchange import UNANSWERED, Exchange, one_page_back, read, refusal, server_error, spoiled
from svahub.testing.faults import BESIDE, NOT_APPLIED, Fault, Faults, Timings
from svahub.testing.http import Answer, Message, Problem, Request, Routes, Scope
from svahub.testing.server import HOST, Listener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from svahub.models import Plan, RemoteUser

REQUESTS_KEPT = 10_000
SECONDS_TO_START = 10.0
T = TypeVar("T")
logger = logging.getLogger(__name__)


class Seen(NamedTuple):
    """One request in the log; `status` is 0 when it was left without an answer."""

    method: str
    path: str
    status: int


class Simulator(ABC):
    """A provider on a loopback port; subclasses add routes, authorization and state, all in memory.

    Handlers are plain functions that run one after the other, so that state needs no lock. The seed drives faults and
    ids; credentials are always new. `credentials` are those that it made, `accepted` those that it takes now: compare
    with these in `authorize`. `clock` tells the time, also to its `Records`, and tests move it. `faults`, `timings`,
    `requests` (the log) and `counts` (by route and status) are for tests. One that `tells_time` dates its answers by
    its own clock, others by the machine's.

    Two facts about the provider are for the conformance kit: `keeps_people` says that it keeps a person of whom all was
    cancelled, `doubles` that it makes two of one POST that comes twice, whatever is sent with it.
    """

    base_path: ClassVar[str] = "/v1"
    tells_time: ClassVar[bool] = False
    keeps_people: ClassVar[bool] = False
    doubles: ClassVar[bool] = False
    huge_bytes: int = 32 * 2**20
    elsewhere: str = "http://elsewhere.example"

    def __init__(self, seed: int | None = None, clock: Clock | None = None, timings: Timings | None = None) -> None:
        self.seed = secrets.randbits(32) if seed is None else seed
        self.clock: Clock = clock or SystemClock()
        self.timings = timings or Timings()
        self.credentials = self.make_credentials()
        self.accepted: list[dict[str, str]] = [self.credentials]
        self.faults = Faults(_random(f"{self.seed}:faults"))
        self.requests: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self.counts: Counter[tuple[str, int]] = Counter()
        self.port = 0
        self._ids = _random(f"{self.seed}:ids")
        self._routes, self._control = Routes(self), Routes(Control(self))
        self._loop: asyncio.AbstractEventLoop | None = None

    @abstractmethod
    def make_credentials(self) -> dict[str, str]:
        """Return new credentials, in the order in which they are printed."""

    @abstractmethod
    def authorize(self, request: Request) -> None:
        """Raise Problem(401) unless the request bears one of the `accepted` credentials."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the provider's own list of what it has, as JSON, not lagging."""

    def people(self) -> Iterable[RemoteUser]:
        """Return everybody whom the provider has, not lagging, in the core's words; the conformance kit judges by it.

        `reference` is what was sent as the user's reference and as each subscription's, None where the provider keeps
        none; `details` of a subscription may tell its `price` and `due_day`. Who was cancelled may be left out.
        """
        raise NotImplementedError(_unwritten(self, "people", "RemoteUser", PERSON))

    def catalogue(self) -> Iterable[Plan]:
        """Return every plan that the provider tells of, sold or not, in the core's words; the kit judges by it."""
        raise NotImplementedError(_unwritten(self, "catalogue", "Plan", "Plan(remote_id, name, active=…)"))

    def accept(self, *credentials: Mapping[str, str]) -> None:
        """Take exactly these from now on; what one does not name is as it is printed. None at all: refuse everybody.

        Raises ValueError when one names what the credentials do not have.
        """
        if unknown := sorted({name for given in credentials for name in given} - self.credentials.keys()):
            raise ValueError(f"the credentials have no {', '.join(unknown)}")
        self.accepted = [{**self.credentials, **given} for given in credentials]

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return the envelope of an error."""
        return {"error": {"code": problem.code, "message": problem.message, **problem.more}}

    def new_id(self, prefix: str) -> str:
        """Return an opaque id; the seed decides which."""
        return f"{prefix}_{self._ids.getrandbits(48):012x}"

    def complete(self, answer: Answer) -> Answer:
        """Return the answer as it leaves: what a provider adds to all of them is added here."""
        if self.tells_time:
            date = {"Date": format_datetime(self.clock.now(), usegmt=True)}
            return replace(answer, headers={**date, **answer.headers})
        return answer

    def add_routes(self, *owners: object) -> None:
        """Answer with the marked methods of these too, so that a large provider is not one class."""
        for owner in owners:
            self._routes.add(owner)

    def routes(self) -> set[tuple[str, str]]:
        """Return the method and path of every route below the base path."""
        return self._routes.known()

    def add_controls(self, *owners: object) -> None:
        """Answer runtime control with the marked methods of these too; their paths begin with `/_simulator/`."""
        for owner in owners:
            self._control.add(owner)

    @property
    def url(self) -> str:
        """The base URL, as an integration is given it."""
        return f"http://{HOST}:{self.port}{self.base_path}"

    @contextmanager
    def running(self, port: int = 0) -> Iterator[Self]:
        """Serve from a thread for the length of a `with` block; state and log outlive it."""
        ready: Future[None] = Future()
        thread = Thread(target=self._serve_in_thread, args=(port, ready), name=type(self).__name__, daemon=True)
        thread.start()
        ready.result(SECONDS_TO_START)
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    async def serve(self, port: int = 0, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`; call `ready` once connections are accepted."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._listener = Listener(self, port, dated=not self.tells_time)
        self.port = self._listener.port
        await self._listener.listen()
        ready()
        await self._stopping.wait()
        self._loop = None
        await self._listener.stop()

    def stop(self) -> None:
        """End `serve`, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def refuse(self) -> None:
        """Refuse connections until `listen`; kept-alive ones end after their answer. Not from the server's thread."""
        self._in_loop(self._refuse())

    def listen(self) -> None:
        """Accept connections again, on the same port. Not from the server's thread."""
        self._in_loop(self._listener.listen())

    async def _refuse(self) -> None:
        self._listener.refuse()

    def between_requests(self, work: Callable[[], T]) -> T:
        """Do something to the state while no handler runs, from any thread, and return what it returns."""
        if self._loop is None or self._loop is _loop_of_this_thread():
            return work()

        async def done() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(SECONDS_TO_START)

    def _in_loop(self, call: Any) -> None:
        if self._loop is None:
            call.close()
            raise RuntimeError("the simulator is not running")
        asyncio.run_coroutine_threadsafe(call, self._loop).result(SECONDS_TO_START)

    def _serve_in_thread(self, port: int, ready: Future[None]) -> None:
        try:
            asyncio.run(self.serve(port, lambda: ready.set_result(None)))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Answer one request (ASGI)."""
        request, exchange = await read(scope, receive, self.base_path), Exchange(scope, receive, send)
        if request.path.startswith(CONTROL):
            await exchange.deliver(self._controlled(request))
            return
        struck = self.faults.draw(request.method, request.path)
        if struck:
            await self._answer_badly(request, exchange, struck)
            return
        route, answer = self._apply(request)
        if self.timings.answer_seconds:
            await asyncio.sleep(self.timings.answer_seconds)
        self._note(request, route, answer.status)
        await exchange.deliver(answer)

    async def _answer_badly(self, request: Request, exchange: Exchange, struck: frozenset[Fault]) -> None:
        request.struck = struck
        request.short = Fault.SHORT_PAGE in struck
        request.lag = self.timings.lag_seconds if Fault.LAG in struck else 0.0
        if Fault.DELAY in struck:
            await asyncio.sleep(self.timings.delay_seconds)
        ending = next(iter(struck - BESIDE), None)
        if ending in NOT_APPLIED:
            await self._turn_away(request, exchange, ending)
            return
        route, answer = self._apply_oddly(request, struck)
        await asyncio.sleep(self.timings.answer_seconds)
        if ending is Fault.ERROR_AFTER:
            answer = self.complete(self._problem(server_error()))
        unanswered = ending in {Fault.DROP_AFTER, Fault.TIMEOUT_AFTER}
        self._note(request, route, UNANSWERED if unanswered else answer.status)
        if ending is None:
            await exchange.deliver(answer)
            return
        drip = self.timings.drip_seconds
        await spoiled(ending, exchange, answer, huge_bytes=self.huge_bytes, drip_seconds=drip)

    def _apply_oddly(self, request: Request, struck: frozenset[Fault]) -> tuple[str, Answer]:
        if Fault.REPEATED_PAGE in struck:
            request.query = one_page_back(request.query)
        if Fault.DUPLICATE in struck:
            route, answer = self._apply(request)
            self._note(request, route, answer.status)
        return self._apply(request)

    async def _turn_away(self, request: Request, exchange: Exchange, fault: Fault) -> None:
        problem = refusal(fault, self.timings, self.elsewhere + self.base_path + request.path, request)
        self._note(request, self._route_of(request), problem.status if problem else UNANSWERED)
        if problem:
            await asyncio.sleep(self.timings.answer_seconds)
            await exchange.deliver(self.complete(self._problem(problem)))
        elif fault is Fault.TIMEOUT_BEFORE:
            await exchange.silence()
        else:
            if fault is Fault.REFUSE:
                self._listener.refuse_for(self.timings.refuse_seconds)
            await exchange.cut()

    def _apply(self, request: Request) -> tuple[str, Answer]:
        route, answer = self._handle(request)
        return route, self.complete(answer)

    def _handle(self, request: Request) -> tuple[str, Answer]:
        route = UNKNOWN_ROUTE
        try:
            self.authorize(request)
            match = self._routes.find(request.method, request.path)
            route = match.route
            return route, match.answer(request)
        except Problem as problem:
            return route, self._problem(problem)
        except Exception:
            logger.exception("the simulator itself is broken, at %s", route)
            return route, self._problem(server_error())

    def _controlled(self, request: Request) -> Answer:
        try:
            return self._control.find(request.method, request.path).answer(request)
        except Problem as problem:
            return self._problem(problem)

    def _problem(self, problem: Problem) -> Answer:
        return Answer(problem.status, self.error(problem), problem.headers)

    def _route_of(self, request: Request) -> str:
        try:
            return self._routes.find(request.method, request.path).route
        except Problem:
            return UNKNOWN_ROUTE

    def _note(self, request: Request, route: str, status: int) -> None:
        self.requests.append(Seen(request.method, request.path, status))
        self.counts[route, status] += 1


UNKNOWN_ROUTE = "unknown"
PERSON = (
    "RemoteUser(remote_id, status, reference=…, document=…, "
    "subscriptions=(RemoteSubscription(plan, status, reference=…, quantity=…), …))"
)


def _unwritten(simulator: Simulator, name: str, kind: str, entry: str) -> str:
    told = f"{type(simulator).__name__} does not tell what it has: the conformance kit judges by that."
    return f"{told} Write in it `def {name}(self) -> Iterable[{kind}]`, which yields {entry} for each in its state."


def _loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _random(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 -- faults and ids have to be repeatable, nothing secret is drawn
