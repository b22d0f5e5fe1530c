"""An ISP at the provider's simulator: what it has asked, what came of it, and what the provider saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from svahub.areas.integrations import IntegrationView
from svahub.errors import Refused
from svahub.hub import TenantHub
from svahub.intake import ContractRow
from svahub.models import Environment, Plan, RemoteUser
from svahub.opening import Opened, open_integration, secret_fields
from svahub.settings import ClientCredentials, KeysForToken
from svahub.shared_tokens import SharedTokens
from svahub.store import contracts
from svahub.store.queue import Lane
from svahub.store.states import IntegrationState, Outcome, State
from svahub.testing.contract.agreement import agree
from svahub.testing.contract.installed import PRODUCT_TYPE
from svahub.testing.contract.person import Person, Trial
from svahub.testing.contract.verdict import all_hold, broken, hold
from svahub.testing.faults import Fault, Timings

if TYPE_CHECKING:
    from svahub.areas.subscriptions import SubscriptionView
    from svahub.store.rows import SubscriptionRow
    from svahub.testing.contract.base import Contract
    from svahub.testing.contract.rehearsing import Rehearsal
    from svahub.testing.contract.stand import Stand
    from svahub.testing.contract.watched import Visit
    from svahub.testing.contract.witness import Heard

INTEGRATION = "kit"
LONG_ENOUGH = 5.0
"""Seconds that a call may take where nothing keeps silent: a busy machine is no fault."""
USUAL = {"timeout": LONG_ENOUGH, "breaker_failures": 1_000_000}
"""Settings of every integration here; a provider that fails is not left alone, as each of its failures is meant."""
SHORT = 0.12
"""Seconds that a call may take where the provider keeps silent, or drips."""
PATIENCE = 400
RESTING = frozenset({State.SETTLED, State.PARKED})
ROUNDS = 8
AT_ONCE = 25
"""So many people are prepared at once."""
T = TypeVar("T")


class Isp:
    """One tenant with one integration at one simulator."""

    def __init__(self, stand: Stand, tenant: str, simulator: Any, settings: dict[str, Any]) -> None:
        self.stand, self.tenant, self.simulator = stand, tenant, simulator
        self._opened: Opened | None = None
        self._plans: list[Plan] | None = None
        self._pools: dict[str, list[Person]] = {}
        self._kept: dict[str, list[Person]] = {}
        self.at_once = AT_ONCE
        self.rehearsals: dict[str, Rehearsal] = {}
        stand.hub.add_tenant(tenant)
        self._register(settings)

    @property
    def contract(self) -> type[Contract]:
        """The class that is tested with."""
        return self.stand.contract

    @property
    def office(self) -> TenantHub:
        """The tenant's part of the hub that is open now."""
        return self.stand.hub.tenant(self.tenant)

    # -- the integration

    def _register(self, settings: dict[str, Any]) -> None:
        secret = self.secret_names
        plain = {name: word for name, word in self.simulator.credentials.items() if name not in secret}
        self.office.integrations.add(
            INTEGRATION,
            self.stand.kind.name,
            Environment.STAGING,
            address=self.simulator.url,
            settings={**plain, **USUAL, **self._paged(), **self.contract.settings, **settings},
            secret={name: self.secret(name, self.simulator.credentials[name]) for name in secret},
        )

    def _paged(self) -> dict[str, int]:
        """Return the settings by which listings have several pages, where the plugin has the usual one."""
        known = "page_size" in self.stand.kind.settings.model_fields
        return {"page_size": self.contract.page_rows} if known else {}

    @property
    def secret_names(self) -> set[str]:
        """The credentials that are secrets, as the plugin's settings have it."""
        return {name for name in self.simulator.credentials if name in secret_fields(self.stand.kind)}

    def secret(self, name: str, word: str) -> str:
        """Write a secret to a file, and return the reference to it."""
        file = self.stand.folder / f"{self.tenant}-{name}"
        file.write_text(word)
        return f"file:{file}"

    @property
    def integration(self) -> IntegrationView:
        """The integration as people see it."""
        return self.office.integrations.show(INTEGRATION)

    def wait_for(self, seconds: float) -> None:
        """Let every call take so long at most."""
        if self.integration.settings["timeout"] != seconds:
            self.office.integrations.set(INTEGRATION, settings={"timeout": seconds})

    def mend(self) -> None:
        """Have the provider work again, and the integration called again."""
        self.simulator.faults.clear()
        self.simulator.listen()
        self.simulator.accept(self.simulator.credentials)
        self.simulator.timings.update(_TIMINGS)
        self.mend_integration()

    def mend_integration(self) -> None:
        """Have the integration called again, whatever it was stopped for."""
        shown = self.integration
        if shown.status == IntegrationState.QUARANTINED:
            self.office.integrations.enable(INTEGRATION)
        if shown.paused_until is not None:
            self.stand.clock.sleep(max(0.0, (shown.paused_until - self.stand.clock.now()).total_seconds()) + 1)

    def calling(self, ask: Callable[[Opened], T]) -> T:
        """Ask the plugin itself, past the core's decisions, as it is called by the core."""
        return ask(self.opened)

    @property
    def opened(self) -> Opened:
        """The integration as it is opened by the core; anew when what it is set to has changed."""
        row = self.office.bench.integration(INTEGRATION)
        if self._opened is None or (self._opened.row.settings, self._opened.row.secrets) != (row.settings, row.secrets):
            self.close()
            shared = SharedTokens(self.stand.hub.store, Lane(self.tenant, INTEGRATION))
            self._opened = open_integration(row, self.stand.registry, clock=self.stand.clock, tokens=shared)
        return self._opened

    def close(self) -> None:
        """Give the connections back that were opened past the core."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.client.close()

    @cached_property
    def renews(self) -> bool:
        """Whether requests bear a token that is fetched."""
        return isinstance(self.opened.settings.auth(), ClientCredentials | KeysForToken)

    def greet(self) -> None:
        """Have a token at hand, so that none is fetched in the midst of what is counted."""
        self.calling(lambda opened: next(iter(opened.relay.sync_plans()), None))

    # -- the catalogue

    @property
    def plans(self) -> list[Plan]:
        """The plans that are sold, read by the plugin and linked to products on first use."""
        if self._plans is None:
            self._plans = self.stand.once(f"{self.tenant} plans", self._linked)
        return self._plans

    def _linked(self) -> list[Plan]:
        self.office.catalogue.sync(INTEGRATION)
        if not self.office.catalogue.plans(INTEGRATION) and "create_plan" in self.stand.kind.capabilities:
            for name, price in (("Kit A", "19.90"), ("Kit B", "39.90")):
                self.office.catalogue.create_plan(INTEGRATION, name, "for the conformance kit", Decimal(price))
        kept = [row.plan() for row in self.office.catalogue.plans(INTEGRATION) if row.retired_at is None]
        sold = [plan for plan in kept if not self.contract.plans or plan.name in self.contract.plans]
        hold(
            len(sold) > 1,
            "the catalogue, as the plugin reads it, has two plans that are sold",
            f"sync_plans brought {len(sold)} active plans",
            "stream every plan of the provider's catalogue, all pages of it, from sync_plans; give the simulator's "
            "catalogue two active plans at least",
            self.simulator.visits,
        )
        for number, plan in enumerate(sold):
            self.office.catalogue.link(product(number), PRODUCT_TYPE, INTEGRATION, plan.remote_id)
        return sold

    # -- people

    def person(self) -> Person:
        """Return somebody who has nothing yet."""
        _ = self.plans
        return Person(self, next(self.stand.numbers))

    def people(self, before: str, many: int = 1) -> list[Person]:
        """Return people who have `nobody`'s nothing, `one` item, `two`, or one that is `blocked`.

        They are prepared many at a time: that takes hardly longer than one.
        """
        pool = self._pools.setdefault(before, [])
        if len(pool) < many:
            pool += self._prepared(before, max(many - len(pool), self.at_once))
        return [pool.pop() for _ in range(many)]

    def keep(self, name: str, before: str) -> list[Person]:
        """Return somebody whom several tests only look at."""
        if name not in self._kept:
            self._kept[name] = self.people(before)
        return self._kept[name]

    def _prepared(self, before: str, many: int) -> list[Person]:
        """Return people anew; where that failed before, it fails alike, and at once."""
        return self.stand.once(f"{self.tenant} {before}", lambda: self._made(before, many))

    def _made(self, before: str, many: int) -> list[Person]:
        found = [self.person() for _ in range(many)]
        if before == "nobody":
            return found
        for person in found:
            person.prepare("A", 0)
            if before == "two":
                person.prepare("B", 1)
        self.take_in(found)
        self.settle(found)
        if before == "blocked":
            for person in found:
                person.block("A")
            self.settle(found)
        self.agree([Trial(person, f"the preparation of somebody with {before}") for person in found])
        return found

    def take_in(self, people: Iterable[Person]) -> None:
        """Import all contracts of some people."""
        rows = [ContractRow.model_validate(level) for person in people for level in person.levels.values()]
        report = self.office.contracts.take_in(rows)
        if report.rejected:
            mend = "say in `item` what the plugin needs of an item"
            broken("the kit's contracts are taken in", str(report.errors), mend)

    def work(self, people: Sequence[Person]) -> None:
        """Do what is due for some people, now."""
        self.learn_accounts(people)
        accounts = [person.known_account for person in people if person.known_account]
        if accounts:
            self.stand.worker(self.tenant).drain(accounts)

    def settle(self, people: Sequence[Person]) -> None:
        """Work until nothing is left to do for them, however long things wait."""
        for _ in range(ROUNDS):
            self.work(people)
            if all(_rests(view) for views in self.views(people).values() for view in views):
                return
            self.stand.clock.sleep(PATIENCE)

    def learn_accounts(self, people: Sequence[Person]) -> None:
        """Read the account's key of those whose is not known yet."""
        unknown = [person for person in people if person.known_account is None and person.levels]
        if not unknown:
            return
        rows = self._rows(unknown)
        for person in unknown:
            person.known_account = next((rows[id][-1].account_key for id in person.contracts if rows.get(id)), None)

    def views(self, people: Sequence[Person]) -> dict[int, list[SubscriptionView]]:
        """Return the newest sale of each contract of some people, by the person's number."""
        rows = self._rows(people)
        newest = [sales[-1] for sales in rows.values()]
        with self.stand.hub.store.read() as connection:
            shown = {view.contract_id: view for view in self.office.subscriptions.views(connection, newest)}
        return {person.number: [shown[id] for id in person.contracts if id in shown] for person in people}

    def _rows(self, people: Sequence[Person]) -> dict[str, list[SubscriptionRow]]:
        ids, rows = [id for person in people for id in person.contracts], defaultdict(list)
        with self.stand.hub.store.read() as connection:
            for row in contracts.subscriptions_of(connection, self.tenant, ids):
                rows[row.contract_id].append(row)
        return rows

    def remote(self, people: Sequence[Person]) -> dict[int, list[RemoteUser]]:
        """Return all users of some people that the provider has, by our reference or by their document."""
        self.learn_accounts(people)
        everybody = self.simulator.between_requests(lambda: list(self.simulator.people()))
        found: dict[str, list[RemoteUser]] = defaultdict(list)
        for user in everybody:
            for mark in {user.reference, user.document} - {None}:
                found[mark].append(user)
        return {
            person.number: list(
                {user.remote_id: user for mark in (person.known_account, person.document) for user in found[mark or ""]}
                .values()
            )
            for person in people
        }  # fmt: skip

    def agree(self, trials: Sequence[Trial]) -> None:
        """Raise Broken unless core and provider have the same of some people, and it is what is wanted."""
        people = [trial.person for trial in trials]
        views, remote = self.views(people), self.remote(people)
        all_hold(partial(agree, trial, views[trial.person.number], remote[trial.person.number]) for trial in trials)

    # -- what was seen

    def visits(self, since: int = 0) -> list[Visit]:
        """Return the provider's requests since there were so many."""
        visits: list[Visit] = self.simulator.visits[since:]
        return visits

    def visits_of(self, account: str | None, since: int = 0) -> list[Visit]:
        """Return those that hooks made for one account."""
        heard = [one for one in self.heard(since) if one.account == account]
        return [visit for one in heard for visit in self.simulator.visits[one.began : one.ended]]

    def heard(self, since: int = 0, account: str | None = None) -> list[Heard]:
        """Return the calls of hooks since there were so many requests, of one account if it is named."""
        heard = self.stand.witness.heard
        return [one for one in heard if one.began >= since and account in {None, one.account}]

    def strike(self, fault: Fault | frozenset[Fault], after: int) -> None:
        """Have a fault strike one of the next requests, so many of which are spared."""
        self.simulator.faults.next(*[None] * after, fault)

    def restart(self) -> None:
        """Close everything but the store and the provider, and begin anew."""
        self.stand.restart()

    def retry(self, people: Iterable[Person]) -> None:
        """Have what a person has to decide tried again."""
        for contract in [person.contract(letter) for person in people for letter in person.levels]:
            for operation in self.office.operations.list(Outcome.PARKED, contract):
                with suppress(Refused):
                    self.office.operations.retry(operation.id, actor="kit")


def _rests(view: SubscriptionView) -> bool:
    """Whether nothing more is done by itself: what waits for no instant is held by a sibling."""
    return view.state in RESTING or (view.state is State.WAITING and view.due_at is None)


def product(number: int) -> str:
    """Return the code of the product of one of the plans."""
    return f"KIT{number}"


_TIMINGS = {name: getattr(Timings(), name) for name in Timings.__slots__}
