"""A TeleClínica to test against: its routes, rules and state, written from what is known and assumed of its API.

It shares no code with the plugin, so that a mistake in one does not hide in the other. What the API leaves open: a
user's first plan bears no reference of its own, and a plan that was cancelled stays on its user as CANCELLED.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from svahub import Observed, Plan, RemoteSubscription, RemoteUser
from svahub.testing import Answer, Problem, Records, Request, Simulator, checks, listed, require_any_basic, route

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOGUE = (
    ("Individual", "Consultas por vídeo para uma pessoa", "19.90", True),
    ("Família", "Consultas por vídeo para até quatro pessoas", "39.90", True),
    ("Família e especialistas", "Clínico geral e especialistas", "59.90", True),
    ("Individual 2019", "Fora de venda", "9.90", False),
)
CREATE_USER = {"externalReference": checks.text, "name": checks.text, "cpf": checks.cpf, "planId": checks.text}
CONTACT = {"email": checks.email, "phone": checks.phone}


class Status(StrEnum):
    """What a user, or a plan of theirs, is."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class CataloguePlan:
    """A plan that can be sold while it is active; `price` in BRL."""

    id: str
    name: str
    description: str
    price: Decimal
    active: bool = True

    def json(self) -> dict[str, Any]:
        """Return the plan as the API tells of it."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "price": float(self.price),
            "active": self.active,
        }


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan that a user has or had."""

    id: str
    reference: str | None
    status: Status = Status.ACTIVE

    def json(self) -> dict[str, Any]:
        """Return it as the API tells of it."""
        return {"id": self.id, "externalReference": self.reference, "status": self.status}


@dataclass(frozen=True, slots=True)
class User:
    """A user as TeleClínica stores it."""

    id: str
    reference: str
    name: str = field(repr=False)
    cpf: str = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    login: str = field(repr=False)
    plans: tuple[HeldPlan, ...]
    status: Status = Status.ACTIVE

    def holds(self, plan_id: str) -> bool:
        """Tell whether the user has the plan now."""
        return any(held.id == plan_id and held.status is Status.ACTIVE for held in self.plans)

    def json(self) -> dict[str, Any]:
        """Return the user as the API tells of it."""
        return {
            "id": self.id,
            "externalReference": self.reference,
            "name": self.name,
            "cpf": self.cpf,
            "email": self.email,
            "phone": self.phone,
            "status": self.status,
            "login": self.login,
            "accessUrl": f"https://acesso.teleclinica.example/{self.login}",
            "plans": [held.json() for held in self.plans],
        }


class TeleClinicaSimulator(Simulator):
    """TeleClínica on a loopback port; `users` and `plans` are its state."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.users: Records[User] = Records(self.clock, lambda user: user.status)
        self.plans: Records[CataloguePlan] = Records(self.clock)
        self._ids_by_cpf: dict[str, list[str]] = {}
        self._ids_by_reference: dict[str, list[str]] = {}
        self._plan_references: dict[str, str] = {}
        for name, description, price, active in CATALOGUE:
            plan = CataloguePlan(self.new_id("pln"), name, description, Decimal(price), active)
            self.plans.write(plan.id, plan)

    def make_credentials(self) -> dict[str, str]:
        """Return a new user and password."""
        return {"username": f"isp-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(24)}

    def authorize(self, request: Request) -> None:
        """Take HTTP Basic with exactly the accepted credentials."""
        require_any_basic(request, self.accepted)

    def state(self) -> dict[str, Any]:
        """Return all users and plans."""
        return {"users": [user.json() for user in self.users], "plans": [plan.json() for plan in self.plans]}

    def people(self) -> Iterator[RemoteUser]:
        """Yield every user; the plans of one who is blocked or cancelled are so too."""
        for user in self.users:
            status = Observed(user.status)
            held = (plan for plan in user.plans if plan.status is Status.ACTIVE)
            has = tuple(RemoteSubscription(plan.id, status, plan.reference) for plan in held)
            contact = {"name": user.name, "document": user.cpf, "email": user.email, "phone": user.phone}
            yield RemoteUser(user.id, status, user.reference, has, **contact)

    def catalogue(self) -> Iterator[Plan]:
        """Yield every plan."""
        return (Plan(one.id, one.name, one.description, one.price, one.active) for one in self.plans)

    @route("GET", "/plans")
    def list_plans(self, request: Request) -> Answer:
        """List the catalogue, active plans or not."""
        number, limit = checks.page_of(request)
        rows, total = self.plans.page(number, limit)
        return listed(request, [row.json() for row in rows], total, page=number, limit=limit)

    @route("POST", "/plans")
    def create_plan(self, request: Request) -> Answer:
        """Register a plan; one reference makes one plan."""
        optional = {"description": checks.any_text, "externalReference": checks.text}
        body = checks.fields(request, {"name": checks.text, "price": checks.money}, optional)
        reference = body.get("externalReference")
        if reference in self._plan_references:
            raise Problem(409, "plan_exists", "this reference has a plan", planId=self._plan_references[reference])
        price = Decimal(str(body["price"]))
        plan = CataloguePlan(self.new_id("pln"), body["name"], body.get("description") or "", price)
        if reference:
            self._plan_references[reference] = plan.id
        return Answer(201, self.plans.write(plan.id, plan, request.lag).json())

    @route("GET", "/users")
    def list_users(self, request: Request) -> Answer:
        """List users, or find one by reference or CPF."""
        number, limit = checks.page_of(request, "status", "externalReference", "cpf")
        status = request.query.get("status")
        if status is not None and status not in set(Status):
            raise Problem(422, "invalid_parameter", f"status is one of {', '.join(Status)}")
        if request.query.keys() & {"externalReference", "cpf"}:
            found = self._found(request, status)
            shown = [row.json() for row in found[(number - 1) * limit : number * limit]]
            return listed(request, shown, len(found), page=number, limit=limit)
        rows, total = self.users.page(number, limit, status)
        return listed(request, [row.json() for row in rows], total, page=number, limit=limit)

    @route("POST", "/users")
    def create_user(self, request: Request) -> Answer:
        """Create a user with their first plan; nobody is there twice until they are cancelled."""
        body = checks.fields(request, CREATE_USER, {**CONTACT, "birthDate": checks.iso_date})
        self._sellable(body["planId"])
        self._refuse_second(self._ids_by_cpf.get(body["cpf"], []))
        self._refuse_second(self._ids_by_reference.get(body["externalReference"], []))
        user = User(
            self.new_id("usr"),
            body["externalReference"],
            body["name"],
            body["cpf"],
            body.get("email"),
            body.get("phone"),
            self.new_id("acc"),
            (HeldPlan(body["planId"], None),),
        )
        self._ids_by_cpf.setdefault(user.cpf, []).append(user.id)
        self._ids_by_reference.setdefault(user.reference, []).append(user.id)
        return Answer(201, self.users.write(user.id, user, request.lag).json())

    @route("PUT", "/users/{user_id}")
    def change_user(self, request: Request, user_id: str) -> Answer:
        """Change name, e-mail or phone; what is not named stays."""
        body = checks.fields(request, {}, {"name": checks.text, **CONTACT})
        if not body or body.get("name", "") is None:
            raise Problem(422, "invalid_field", "there is nothing to change, or the name is null")
        return self._changed(request, replace(self._open_user(user_id), **body))

    @route("DELETE", "/users/{user_id}")
    def cancel_user(self, request: Request, user_id: str) -> Answer:
        """End the user and all their plans for good."""
        checks.no_fields(request)
        user = self._user(user_id)
        if user.status is Status.CANCELLED:
            raise _no_user()
        plans = tuple(replace(held, status=Status.CANCELLED) for held in user.plans)
        return self._changed(request, replace(user, status=Status.CANCELLED, plans=plans))

    @route("POST", "/users/{user_id}/block")
    def block(self, request: Request, user_id: str) -> Answer:
        """Stop the user's access."""
        checks.fields(request, {"reason": checks.text})
        return self._changed(request, replace(self._open_user(user_id), status=Status.BLOCKED))

    @route("POST", "/users/{user_id}/unblock")
    def unblock(self, request: Request, user_id: str) -> Answer:
        """Give the user's access back."""
        checks.no_fields(request)
        return self._changed(request, replace(self._open_user(user_id), status=Status.ACTIVE))

    @route("POST", "/users/{user_id}/plans")
    def add_plan(self, request: Request, user_id: str) -> Answer:
        """Add a plan to a user, blocked or not; it is there at most once."""
        body = checks.fields(request, {"planId": checks.text, "externalReference": checks.text})
        user = self._open_user(user_id)
        if user.holds(body["planId"]):
            return Answer(200, user.json())
        self._sellable(body["planId"])
        kept = tuple(held for held in user.plans if held.id != body["planId"])
        plans = (*kept, HeldPlan(body["planId"], body["externalReference"]))
        return self._changed(request, replace(user, plans=plans), status=201)

    @route("PUT", "/users/{user_id}/plans/{plan_id}")
    def change_plan(self, request: Request, user_id: str, plan_id: str) -> Answer:
        """Put another plan in the place of one, under the same reference."""
        new_id = checks.fields(request, {"planId": checks.text})["planId"]
        user = self._open_user(user_id)
        _require_held(user, plan_id)
        if new_id == plan_id:
            return Answer(200, user.json())
        self._sellable(new_id)
        if user.holds(new_id):
            raise Problem(409, "plan_exists", "the user has that plan already")
        kept = (held for held in user.plans if held.id != new_id)
        plans = tuple(replace(held, id=new_id) if held.id == plan_id else held for held in kept)
        return self._changed(request, replace(user, plans=plans))

    @route("DELETE", "/users/{user_id}/plans/{plan_id}")
    def cancel_plan(self, request: Request, user_id: str, plan_id: str) -> Answer:
        """End one plan; the user stays, even without any."""
        checks.no_fields(request)
        user = self._user(user_id)
        _require_held(user, plan_id)
        plans = tuple(replace(held, status=Status.CANCELLED) if held.id == plan_id else held for held in user.plans)
        return self._changed(request, replace(user, plans=plans))

    def _changed(self, request: Request, user: User, status: int = 200) -> Answer:
        return Answer(status, self.users.write(user.id, user, request.lag).json())

    def _user(self, user_id: str) -> User:
        if user_id not in self.users.truth:
            raise _no_user()
        return self.users.truth[user_id]

    def _open_user(self, user_id: str) -> User:
        user = self._user(user_id)
        if user.status is Status.CANCELLED:
            raise Problem(409, "user_cancelled", "the user is cancelled")
        return user

    def _sellable(self, plan_id: str) -> None:
        plan = self.plans.truth.get(plan_id)
        if plan is None:
            raise Problem(422, "plan_unknown", "there is no such plan")
        if not plan.active:
            raise Problem(422, "plan_inactive", "this plan is not sold any more")

    def _refuse_second(self, user_ids: list[str]) -> None:
        for user_id in user_ids:
            user = self.users.truth.get(user_id)
            if user is not None and user.status is not Status.CANCELLED:
                raise Problem(409, "user_exists", "this user exists already", userId=user_id)

    def _found(self, request: Request, status: str | None) -> list[User]:
        reference, cpf = request.query.get("externalReference"), request.query.get("cpf")
        ids = self._ids_by_cpf.get(cpf or "", []) if reference is None else self._ids_by_reference.get(reference, [])
        seen = [user for user_id in ids if (user := self.users.seen(user_id)) is not None]
        return [user for user in seen if cpf in {None, user.cpf} and status in {None, user.status}]


def _no_user() -> Problem:
    return Problem(404, "user_not_found", "there is no such user")


def _require_held(user: User, plan_id: str) -> None:
    if not user.holds(plan_id):
        raise Problem(404, "plan_not_found", "the user does not have that plan")
