"""An Estante to test against, written from its OpenAPI document alone: it shares no code with the plugin."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from svahub import Observed, Plan, RemoteSubscription, RemoteUser
from svahub.testing import Answer, Problem, Records, Request, Simulator, checks, listed, route

STATES = {"open": Observed.ACTIVE, "suspended": Observed.BLOCKED, "ended": Observed.CANCELLED}
CATALOGUE = (
    ("E-books", "14.90", True),
    ("Audiobooks", "19.90", True),
    ("Everything", "29.90", True),
    ("Old", "9.90", False),
)
NEW_READER = {"reference": checks.text, "name": checks.text, "document": checks.text}


@dataclass(frozen=True)
class Reader:
    """A reader as Estante has them: `sold` are plan and state by reference."""

    id: str
    reference: str
    name: str = field(repr=False)
    document: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    sold: dict[str, tuple[str, str]] = field(default_factory=dict)

    def selling(self, reference: str, plan: str, state: str = "open") -> Reader:
        """Return the reader with a subscription as it now is."""
        return replace(self, sold={**self.sold, reference: (plan, state)})

    def json(self) -> dict[str, Any]:
        """Return the reader as the API tells of it."""
        told = {name: getattr(self, name) for name in ("id", "reference", "name", "document", "email")}
        subscriptions = [{"reference": ours, "plan": plan, "state": state} for ours, (plan, state) in self.sold.items()]
        return {**told, "subscriptions": subscriptions}


class EstanteSimulator(Simulator):
    """Estante on a loopback port; `readers` and `plans` are its state."""

    base_path = "/v2"
    keeps_people = True  # a reader of whom everything has ended stays

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.readers: Records[Reader] = Records(self.clock)
        self.plans: Records[dict[str, Any]] = Records(self.clock)
        for title, price, on_sale in CATALOGUE:
            id = self.new_id("plan")
            self.plans.write(id, {"id": id, "title": title, "price": price, "on_sale": on_sale})

    def make_credentials(self) -> dict[str, str]:
        """Return a new key."""
        return {"key": secrets.token_urlsafe(24)}

    def authorize(self, request: Request) -> None:
        """Take an accepted key, compared in constant time."""
        sent = request.header("x-api-key")
        if not any(secrets.compare_digest(sent, one["key"]) for one in self.accepted):
            raise Problem(401, "unauthorized", "the key is not right")

    def state(self) -> dict[str, Any]:
        """Return everything that is there."""
        return {"readers": [reader.json() for reader in self.readers], "plans": list(self.plans)}

    def people(self) -> Iterator[RemoteUser]:
        """Yield every reader in svahub's words: the conformance kit compares with them."""
        for reader in self.readers:
            held = [RemoteSubscription(plan, STATES[state], ours) for ours, (plan, state) in reader.sold.items()]
            there = {one.status for one in held}
            status = next((one for one in (Observed.ACTIVE, Observed.BLOCKED) if one in there), Observed.CANCELLED)
            contact = {"name": reader.name, "document": reader.document, "email": reader.email}
            yield RemoteUser(reader.id, status, reader.reference, tuple(held), **contact)

    def catalogue(self) -> Iterator[Plan]:
        """Yield every plan in svahub's words."""
        return (Plan(p["id"], p["title"], price=Decimal(p["price"]), active=p["on_sale"]) for p in self.plans)

    @route("GET", "/account")
    def account(self, request: Request) -> Answer:
        """Say whose key it is."""
        return Answer(200, {"name": "An ISP"})

    @route("GET", "/plans")
    def list_plans(self, request: Request) -> Answer:
        """List the catalogue."""
        rows, total = self.plans.page(*checks.page_of(request))
        return listed(request, rows, total)

    @route("GET", "/readers")
    def list_readers(self, request: Request) -> Answer:
        """List readers, or find one by reference or document."""
        number, limit = checks.page_of(request, "reference", "document")
        wanted = {name: request.query[name] for name in ("reference", "document") if name in request.query}
        if not wanted:
            rows, total = self.readers.page(number, limit)
            return listed(request, [row.json() for row in rows], total)
        seen = [row for reader in self.readers if (row := self.readers.seen(reader.id)) is not None]
        found = [row.json() for row in seen if all(getattr(row, name) == value for name, value in wanted.items())]
        return listed(request, found[(number - 1) * limit : number * limit], len(found))

    @route("PATCH", "/readers/{id}")
    def change_reader(self, request: Request, id: str) -> Answer:
        """Change name or e-mail."""
        body = checks.fields(request, {}, {"name": checks.text, "email": checks.email})
        return self._kept(request, replace(self._there(id), **body))

    @route("POST", "/subscriptions")
    def sell(self, request: Request) -> Answer:
        """Sell a plan once under a reference, to a new reader or to one who is there."""
        either = {"reader": lambda value: isinstance(value, dict), "reader_id": checks.text}
        body = checks.fields(request, {"reference": checks.text, "plan": checks.text}, either)
        for reader in self.readers:
            if body["reference"] in reader.sold:
                return Answer(200, reader.json())
        self._on_sale(body["plan"])
        reader = self._there(body["reader_id"]) if body.get("reader_id") else self._new(body.get("reader") or {})
        return self._kept(request, reader.selling(body["reference"], body["plan"]), 201)

    @route("PATCH", "/subscriptions/{reference}")
    def change_plan(self, request: Request, reference: str) -> Answer:
        """Change the plan of a subscription."""
        plan = checks.fields(request, {"plan": checks.text})["plan"]
        reader, before, state = self._sold(reference)
        if plan != before:
            self._on_sale(plan)
        return self._kept(request, reader.selling(reference, plan, state))

    @route("DELETE", "/subscriptions/{reference}")
    def end(self, request: Request, reference: str) -> Answer:
        """End a subscription for good."""
        return self._become(request, reference, "ended")

    @route("PUT", "/subscriptions/{reference}/suspension")
    def suspend(self, request: Request, reference: str) -> Answer:
        """Suspend a subscription."""
        return self._become(request, reference, "suspended")

    @route("DELETE", "/subscriptions/{reference}/suspension")
    def let_in(self, request: Request, reference: str) -> Answer:
        """Let the reader in again."""
        return self._become(request, reference, "open")

    def _become(self, request: Request, reference: str, state: str) -> Answer:
        reader, plan, _ = self._sold(reference)
        return self._kept(request, reader.selling(reference, plan, state))

    def _kept(self, request: Request, reader: Reader, status: int = 200) -> Answer:
        return Answer(status, self.readers.write(reader.id, reader, request.lag).json())

    def _new(self, told: dict[str, Any]) -> Reader:
        if not all(check(told.get(name)) for name, check in NEW_READER.items()):
            raise Problem(422, "invalid_reader", "a new reader has a reference, a name and a document")
        for reader in self.readers:
            if told["reference"] == reader.reference:
                return reader
            if told["document"] == reader.document:
                raise Problem(409, "reader_exists", "this reader exists already", reader=reader.id)
        return Reader(self.new_id("rdr"), told["reference"], told["name"], told["document"], told.get("email"))

    def _there(self, id: str) -> Reader:
        if id not in self.readers.truth:
            raise Problem(404, "no_reader", "there is no such reader")
        return self.readers.truth[id]

    def _sold(self, reference: str) -> tuple[Reader, str, str]:
        for reader in self.readers:
            plan, state = reader.sold.get(reference, ("", "ended"))
            if state != "ended":
                return reader, plan, state
        raise Problem(404, "no_subscription", "there is no such subscription, or it has ended")

    def _on_sale(self, plan: str) -> None:
        if not self.plans.truth.get(plan, {}).get("on_sale"):
            raise Problem(422, "plan_not_on_sale", "there is no such plan, or it is not on sale")
