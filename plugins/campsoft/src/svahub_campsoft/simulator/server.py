"""Campsoft's routes, over a state in memory."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from svahub import Plan, RemoteUser
from svahub.testing import Answer, BearerTokens, Problem, Records, Request, Simulator, checks, listed, route

from svahub_campsoft.simulator.reading import contact
from svahub_campsoft.simulator.steering import Steering
from svahub_campsoft.simulator.subscriber import CATALOGUE, Product, Status, Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterator

LINK_LIFE = timedelta(minutes=10)


class CampsoftSimulator(Simulator):
    """Campsoft on a loopback port; `subscribers` and `products` are its state, `tokens` what it has given out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.tokens = BearerTokens(self.clock)
        self.subscribers: Records[Subscriber] = Records(self.clock, lambda one: one.status)
        self.products: dict[str, Product] = {}
        self._usernames: dict[str, list[str]] = {}
        self.add_controls(self.tokens, Steering(self))
        for name, description, price, allowed in CATALOGUE:
            product = Product(self.new_id("prd"), name, description, Decimal(price), allowed)
            self.products[product.id] = product

    def make_credentials(self) -> dict[str, str]:
        """Return new keys."""
        return {"api_key": secrets.token_hex(16), "api_secret": secrets.token_urlsafe(32)}

    def authorize(self, request: Request) -> None:
        """Take a token that was given for accepted keys; to ask for one takes none."""
        if request.path != "/authentication":
            self.tokens.require(request)

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return Campsoft's envelope of an error."""
        return {"status": problem.status, "error_id": problem.code, "message": problem.message}

    def state(self) -> dict[str, Any]:
        """Return all subscribers with their products, and the licences that are left."""
        left = {product.id: product.licences for product in self.products.values()}
        return {"customers": [one.whole() for one in self.subscribers], "licences": left}

    def people(self) -> Iterator[RemoteUser]:
        """Yield every subscriber."""
        return (one.remote() for one in self.subscribers)

    def catalogue(self) -> Iterator[Plan]:
        """Yield every product."""
        return (Plan(one.id, one.name, one.description, one.price, one.allowed) for one in self.products.values())

    @route("POST", "/authentication")
    def authenticate(self, request: Request) -> Answer:
        """Give a token for the keys, with the instant of its end."""
        body = checks.fields(request, {"ApiKey": checks.text, "ApiSecret": checks.text})
        keys = {"api_key": body["ApiKey"], "api_secret": body["ApiSecret"]}
        given = self.tokens.give(keys, self.accepted)
        return Answer(200, {"AccessToken": given.value, "ExpiresIn": int(given.expires_at.timestamp())})

    @route("GET", "/products")
    def list_products(self, request: Request) -> Answer:
        """List the catalogue, those products included that this partner may not sell."""
        number, limit = checks.page_of(request)
        rows = list(self.products.values())
        return listed(request, [row.json() for row in rows[(number - 1) * limit : number * limit]], len(rows))

    @route("GET", "/customers")
    def list_subscribers(self, request: Request) -> Answer:
        """List subscribers in the order of their creation, all or those that fit."""
        number, limit = checks.page_of(request, "status", "document", "email", "username")
        query = {name: value for name, value in request.query.items() if name not in {"page", "limit"}}
        if query.keys() <= {"status"}:
            rows, total = self.subscribers.page(number, limit, query.get("status"))
            return listed(request, [row.json() for row in rows], total)
        found = [one.json() for one in self._candidates(query) if _fits(one, query)]
        return listed(request, found[(number - 1) * limit : number * limit], len(found))

    @route("POST", "/customers")
    def create(self, request: Request) -> Answer:
        """Create a subscriber; a username is taken for good, a document while its subscriber is active."""
        body = contact(request, username=checks.text, login=checks.text, password=checks.text)
        if body["username"] in self.subscribers.truth or self._is_taken(body["document"]["number"]):
            raise Problem(409, "user_already_exists", "this username or document has a subscriber")
        subscriber = Subscriber(
            body["username"], _status(body.get("status") or Status.ACTIVE), body["name"], body["login"],
            body["document"], body.get("email"), body.get("phone"),
        )  # fmt: skip
        self._usernames.setdefault(body["document"]["number"], []).append(subscriber.username)
        return self._written(request, subscriber, 201)

    @route("GET", "/customers/{username}")
    def show(self, _request: Request, username: str) -> Answer:
        """Tell of one subscriber."""
        return Answer(200, self._seen(username).json())

    @route("PUT", "/customers/{username}")
    def change(self, request: Request, username: str) -> Answer:
        """Replace a subscriber's data, and set the status where it is told."""
        body = contact(request)
        there = self._there(username)
        data: dict[str, Any] = {name: body.get(name) for name in ("name", "document", "email", "phone")}
        status = _status(body.get("status") or there.status)
        return self._written(request, replace(there, **data, status=status))

    @route("PATCH", "/customers/{username}/inactive")
    def suspend(self, request: Request, username: str) -> Answer:
        """Stop a subscriber's access to everything."""
        checks.no_fields(request)
        return self._written(request, replace(self._there(username), status=Status.INACTIVE))

    @route("GET", "/customers/{username}/sso")
    def let_in(self, _request: Request, username: str) -> Answer:
        """Make a link that lets an active subscriber in for some minutes."""
        if self._seen(username).status is not Status.ACTIVE:
            raise Problem(409, "inactive_user", "this subscriber is suspended")
        expires = int((self.clock.now() + LINK_LIFE).timestamp())
        url = f"https://acesso.campsoft.example/sso?ticket={secrets.token_urlsafe(24)}"
        return Answer(200, {"url": url, "ExpiresIn": expires})

    @route("GET", "/customers/{username}/subscriptions")
    def list_subscriptions(self, request: Request, username: str) -> Answer:
        """List the products of a subscriber."""
        held = self._seen(username).products
        return listed(request, [{"ProductId": product} for product in held], len(held))

    @route("POST", "/customers/{username}/subscriptions")
    def subscribe(self, request: Request, username: str) -> Answer:
        """Add a product, once; it takes a licence."""
        product_id = checks.fields(request, {"ProductId": checks.text})["ProductId"]
        subscriber, product = self._there(username), self._sellable(product_id)
        if product_id in subscriber.products:
            raise Problem(409, "already_subscribed", "the subscriber has this product")
        if product.licences == 0:
            raise Problem(422, "no_licenses_available", "there is no licence left")
        _use(product, 1)
        self._written(request, replace(subscriber, products=(*subscriber.products, product_id)))
        return Answer(201, {"ProductId": product_id})

    @route("DELETE", "/customers/{username}/subscriptions/{product_id}")
    def unsubscribe(self, request: Request, username: str, product_id: str) -> Answer:
        """Take a product away; its licence is free again."""
        checks.no_fields(request)
        subscriber = self._there(username)
        if product_id not in subscriber.products:
            raise Problem(404, "subscription_not_found", "the subscriber does not have this product")
        _use(self.products[product_id], -1)
        left = tuple(held for held in subscriber.products if held != product_id)
        self._written(request, replace(subscriber, products=left))
        return Answer(204)

    def _written(self, request: Request, subscriber: Subscriber, status: int = 200) -> Answer:
        return Answer(status, self.subscribers.write(subscriber.username, subscriber, request.lag).json())

    def _there(self, username: str) -> Subscriber:
        if username not in self.subscribers.truth:
            raise _nobody()
        return self.subscribers.truth[username]

    def _seen(self, username: str) -> Subscriber:
        seen = self.subscribers.seen(username)
        if seen is None:
            raise _nobody()
        return seen

    def _candidates(self, query: dict[str, str]) -> list[Subscriber]:
        names = self._usernames.get(query["document"], []) if "document" in query else list(self.subscribers.truth)
        return [seen for name in names if (seen := self.subscribers.seen(name)) is not None]

    def _is_taken(self, document: str) -> bool:
        holders = (self.subscribers.truth.get(name) for name in self._usernames.get(document, []))
        return any(holder is not None and holder.status is Status.ACTIVE for holder in holders)

    def _sellable(self, product_id: str) -> Product:
        product = self.products.get(product_id)
        if product is None:
            raise Problem(422, "invalid_product", "there is no such product")
        if not product.allowed:
            raise Problem(422, "product_not_allowed", "this partner may not sell this product")
        return product


def _use(product: Product, licences: int) -> None:
    if product.licences is not None:
        product.licences -= licences


def _status(text: str) -> Status:
    if text not in set(Status):
        raise Problem(422, "invalid_status", f"a status is one of {', '.join(Status)}")
    return Status(text)


def _fits(one: Subscriber, query: dict[str, str]) -> bool:
    told = {"status": one.status, "document": one.document["number"], "username": one.username}
    told["email"] = (one.email or {}).get("data", "")
    return all(told[name] == value for name, value in query.items())


def _nobody() -> Problem:
    return Problem(404, "user_not_found", "there is no such subscriber")
