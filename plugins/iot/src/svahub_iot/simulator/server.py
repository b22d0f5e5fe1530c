"""The simulated Olli's routes, each on the account whose token the request bears."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from svahub import Plan, RemoteUser
from svahub.testing import Answer, Problem, Request, Simulator, checks, listed, route

from svahub_iot.simulator.access import Access, Denied
from svahub_iot.simulator.account import Account, Customer, Licence, Status, Subscription
from svahub_iot.simulator.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN_ROUTE = "/oauth/token"  # noqa: S105  # a path
NEW_CUSTOMER = {
    "externalReference": checks.text,
    "name": checks.text,
    "document": lambda value: checks.cpf(value) or checks.cnpj(value),
}
NEW_LICENCE = {"externalReference": checks.text, "description": checks.text}
STATUS = {"status": lambda value: value in {Status.ACTIVE, Status.BLOCKED}}


class IotSimulator(Simulator):
    """Olli on a loopback port; each client has an account of its own."""

    keeps_people: ClassVar[bool] = True
    doubles: ClassVar[bool] = True  # no second one of a reference is refused

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.access = Access(self.clock)
        self.accounts: dict[str, Account] = {}
        self.add_controls(Steering(self), self.access.tokens)

    @property
    def account(self) -> Account:
        """The account of the credentials that are printed."""
        return self.account_of(self.credentials["client_id"])

    def account_of(self, client: str) -> Account:
        """Return a client's account, making it where nothing was asked of it yet."""
        if client not in self.accounts:
            self.accounts[client] = Account(self.clock, self.new_id)
        return self.accounts[client]

    def make_credentials(self) -> dict[str, str]:
        """Return a new OAuth2 client."""
        return {"client_id": f"olli.oa2-client.{secrets.token_hex(8)}", "client_secret": secrets.token_urlsafe(24)}

    def authorize(self, request: Request) -> None:
        """Take a bearer token that was fetched with accepted credentials; the token itself needs none."""
        if request.path != TOKEN_ROUTE:
            self.access.client_of(request, self.accepted)

    def error(self, problem: Problem) -> dict[str, Any]:
        """Return an error as Olli does, or as OAuth2 does."""
        if isinstance(problem, Denied):
            return {"error": problem.code, "error_description": problem.message}
        return {"code": problem.code, "message": problem.message, **problem.more}

    def state(self) -> dict[str, Any]:
        """Return the customers, subscriptions and licences of all accounts."""
        whole: dict[str, list[Any]] = {"customers": [], "subscriptions": [], "licences": []}
        for client, account in self.accounts.items():
            for kind, rows in account.state(client).items():
                whole[kind] += rows
        return whole

    def people(self) -> Iterator[RemoteUser]:
        """Yield the customers of all accounts."""
        return (user for account in self.accounts.values() for user in account.people())

    def catalogue(self) -> Iterator[Plan]:
        """Yield the items of the account of the credentials that are printed."""
        return self.account.catalogue()

    @route("POST", TOKEN_ROUTE)
    def token(self, request: Request) -> Answer:
        """Exchange credentials for a token."""
        return self.access.grant(request, self.accepted)

    @route("GET", "/fn/items")
    def list_items(self, request: Request) -> Answer:
        """List what FN sells."""
        number, limit = checks.page_of(request)
        rows, total = self._of(request).items.page(number, limit)
        return listed(request, [row.json() for row in rows], total, page=number)

    @route("GET", "/fn/customers")
    def find_customers(self, request: Request) -> Answer:
        """Find customers by document."""
        document = request.query.get("document")
        if document is None or request.query.keys() != {"document"}:
            raise Problem(422, "invalid_parameter", "a customer is looked up by document")
        account = self._of(request)
        seen = (account.customers.seen(id) for id in account.by_document.get(document, []))
        rows = [customer.json() for customer in seen if customer is not None]
        return listed(request, rows, len(rows))

    @route("POST", "/customers")
    def create_customer(self, request: Request) -> Answer:
        """Create a customer; nobody is refused for being there already."""
        body = checks.fields(request, NEW_CUSTOMER, {"email": checks.email, "phone": checks.phone})
        account = self._of(request)
        told = (body["name"], body["document"], body.get("email"), body.get("phone"))
        customer = Customer(self.new_id("cus"), body["externalReference"], *told)
        account.by_document.setdefault(customer.document, []).append(customer.id)
        account.customers.write(customer.id, customer, request.lag)
        return Answer(201, {"id": customer.id})

    @route("POST", "/customers/{customer}/subscriptions")
    def subscribe(self, request: Request, customer: str) -> Answer:
        """Subscribe a customer to an item."""
        body = checks.fields(request, {"externalReference": checks.text, "itemId": checks.text})
        account = self._of(request)
        if customer not in account.customers.truth:
            raise Problem(404, "customer_not_found", "there is no such customer")
        if body["itemId"] not in account.items.truth:
            raise Problem(422, "item_unknown", "there is no such item")
        made = Subscription(self.new_id("sub"), body["externalReference"], customer, body["itemId"])
        account.subscriptions.write(made.id, made, request.lag)
        return Answer(201, {"id": made.id, "status": made.status})

    @route("GET", "/subscriptions")
    def list_subscriptions(self, request: Request) -> Answer:
        """List subscriptions, all or those of one status."""
        number, limit = checks.page_of(request, "status")
        status = request.query.get("status")
        if status is not None and status not in set(Status):
            raise Problem(422, "invalid_parameter", f"status is one of {', '.join(Status)}")
        rows, total = self._of(request).subscriptions.page(number, limit, status)
        return listed(request, [row.json() for row in rows], total, page=number)

    @route("PATCH", "/subscriptions/{subscription}")
    def set_subscription(self, request: Request, subscription: str) -> Answer:
        """Block a subscription, or make it active again."""
        status = Status(checks.fields(request, STATUS)["status"])
        account = self._of(request)
        changed = replace(_live(account, subscription), status=status)
        return Answer(200, account.subscriptions.write(changed.id, changed, request.lag).json())

    @route("DELETE", "/subscriptions/{subscription}")
    def end_subscription(self, request: Request, subscription: str) -> Answer:
        """End a subscription for good, with what licences it has left."""
        checks.no_fields(request)
        account = self._of(request)
        ended = replace(_live(account, subscription), status=Status.CANCELLED)
        account.subscriptions.write(ended.id, ended, request.lag)
        for licence in account.licences_of(subscription):
            account.licences.write(licence.id, replace(licence, status=Status.CANCELLED), request.lag)
        return Answer(204)

    @route("GET", "/subscriptions/{subscription}/licenses")
    def list_licences(self, request: Request, subscription: str) -> Answer:
        """List a subscription's licences, ended ones too."""
        account = self._of(request)
        if subscription not in account.subscriptions.truth:
            raise _no_subscription()
        rows = [account.told(licence) for licence in account.licences_of(subscription, seen=True)]
        return listed(request, rows, len(rows))

    @route("POST", "/subscriptions/{subscription}/licenses")
    def create_licence(self, request: Request, subscription: str) -> Answer:
        """Create a licence; none is refused for a reference that is there already."""
        body = checks.fields(request, NEW_LICENCE, {"device": checks.text})
        account = self._of(request)
        if _known(account, subscription).status is Status.CANCELLED:
            raise Problem(409, "subscription_cancelled", "the subscription was ended")
        account.take_stock(body.get("device"))
        told = (body["externalReference"], subscription, body["description"], body.get("device"))
        licence = Licence(self.new_id("lic"), self.new_id("OLLI").upper(), *told)
        account.by_subscription.setdefault(subscription, []).append(licence.id)
        account.licences.write(licence.id, licence, request.lag)
        return Answer(201, {name: account.told(licence)[name] for name in ("id", "code", "status")})

    @route("PATCH", "/licenses/{licence}")
    def set_licence(self, request: Request, licence: str) -> Answer:
        """Block a licence, or make it active again."""
        status = Status(checks.fields(request, STATUS)["status"])
        account = self._of(request)
        changed = replace(_live_licence(account, licence), status=status)
        return Answer(200, account.told(account.licences.write(changed.id, changed, request.lag)))

    @route("DELETE", "/licenses/{licence}")
    def end_licence(self, request: Request, licence: str) -> Answer:
        """End a licence for good."""
        checks.no_fields(request)
        account = self._of(request)
        ended = replace(_live_licence(account, licence), status=Status.CANCELLED)
        account.licences.write(ended.id, ended, request.lag)
        return Answer(204)

    def _of(self, request: Request) -> Account:
        return self.account_of(self.access.client_of(request, self.accepted))


def _known(account: Account, subscription: str) -> Subscription:
    if subscription not in account.subscriptions.truth:
        raise _no_subscription()
    return account.subscriptions.truth[subscription]


def _live(account: Account, subscription: str) -> Subscription:
    found = _known(account, subscription)
    if found.status is Status.CANCELLED:
        raise _no_subscription()
    return found


def _live_licence(account: Account, licence: str) -> Licence:
    found = account.licences.truth.get(licence)
    if found is None or found.status is Status.CANCELLED:
        raise Problem(404, "licence_not_found", "there is no such licence")
    return found


def _no_subscription() -> Problem:
    return Problem(404, "subscription_not_found", "there is no such subscription")
