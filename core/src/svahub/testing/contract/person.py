"""Somebody who signs at the ISP: invented, like nobody else, and nowhere to be seen but at the provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from svahub.areas.subscriptions import SubscriptionView
from svahub.commands import Action, Command
from svahub.extension.invented import cpf
from svahub.models import DocumentKind, RemoteUser
from svahub.store import queue

if TYPE_CHECKING:
    from svahub.models import Subscription
    from svahub.testing.contract.isp import Isp
    from svahub.testing.contract.watched import Visit

FIRST = 700_000_000
"""Where the numbers of documents begin, so that none is one of another test's."""


@dataclass
class Person:
    """One customer of an ISP, with contracts `A` and `B` of one item each."""

    isp: Isp
    number: int
    changed: dict[str, Any] = field(default_factory=dict)
    levels: dict[str, dict[str, Any]] = field(default_factory=dict)
    known_account: str | None = None

    # -- who it is

    @property
    def name(self) -> str:
        """A name that nobody else has."""
        letters = "".join(chr(ord("a") + int(digit)) for digit in f"{self.number:05}")
        return f"Canária Inventada {letters.capitalize()}"

    @property
    def document(self) -> str:
        """A CPF, or a CNPJ where the provider takes no persons."""
        takes = self.isp.stand.kind.documents
        return cpf(FIRST + self.number) if DocumentKind.CPF in takes else cnpj(self.number)

    @property
    def email(self) -> str:
        """An address that nobody else has."""
        return self.addresses[-1]

    @property
    def addresses(self) -> list[str]:
        """All that this person ever had, the newest last."""
        later = [str(self.changed["email"])] if self.changed else []
        return [f"canaria.{self.number:05}@example.com", *later]

    @property
    def phone(self) -> str:
        """A mobile number that nobody else has."""
        return f"+55119{80_000_000 + self.number}"

    @property
    def canaries(self) -> list[str]:
        """What of this person may be seen nowhere."""
        return [self.name, self.document, *self.addresses, self.phone, self.phone.removeprefix("+55")]

    # -- what is asked

    def contract(self, letter: str) -> str:
        """Return the id of one of the contracts."""
        return f"K{self.number}{letter}"

    def prepare(self, letter: str, product: int, **more: Any) -> None:
        """Write a contract of one item, or write it anew; it is not taken in yet."""
        item = {"code": "1", "product_code": f"KIT{product}", **self.isp.contract.item, **more.pop("item", {})}
        self.levels[letter] = {"contract_id": self.contract(letter), "due_day": 10, "items": [item], **more}
        self._sign()

    def _sign(self) -> None:
        customer = {
            "id": f"P{self.number}", "name": self.name, "document": self.document, "email": self.email,
            "phone": self.phone, "birth_date": "1980-01-31",
        }  # fmt: skip
        for level in self.levels.values():
            level["customer"] = customer

    def sell(self, letter: str = "A", product: int = 0, **more: Any) -> None:
        """Have a contract of one item taken in."""
        self.prepare(letter, product, **more)
        self.isp.take_in([self])

    def move(self) -> None:
        """Have another e-mail address, and tell the ISP."""
        self.changed["email"] = f"mudou.{self.number:05}@example.com"
        self._sign()
        self.isp.take_in([self])

    def ask(self, action: Action, letter: str = "A", **more: Any) -> None:
        """Ask a verb of a contract."""
        self.isp.office.verbs.issue(Command(action, self.contract(letter), **more))

    def block(self, letter: str = "A") -> None:
        """Ask to block a contract."""
        self.ask(Action.BLOCK, letter)

    def work(self) -> None:
        """Do what is due now."""
        self.isp.work([self])

    def settle(self) -> None:
        """Work until nothing is left to do."""
        self.isp.settle([self])

    # -- what became of it

    @property
    def contracts(self) -> list[str]:
        """The ids of the contracts that were written."""
        return [self.contract(letter) for letter in sorted(self.levels)]

    @property
    def views(self) -> list[SubscriptionView]:
        """The newest sale of each contract, as the core has it."""
        return self.isp.views([self])[self.number]

    @property
    def account(self) -> str:
        """The account's key: our reference for the person."""
        if self.known_account is None:
            self.isp.learn_accounts([self])
        assert self.known_account is not None
        return self.known_account

    @property
    def remote_id(self) -> str | None:
        """The provider's id of the user, as the core has it."""
        with self.isp.stand.hub.store.read() as connection:
            return queue.account(connection, self.account).remote_id

    def subscription(self, letter: str = "A") -> Subscription:
        """Return what a hook is handed of a contract's item now."""
        office = self.isp.office
        row = office.subscriptions.one(f"{self.contract(letter)}/1")
        return self.isp.calling(lambda opened: office.users.subscription(row, opened))

    @property
    def remote(self) -> list[RemoteUser]:
        """All users of this person that the provider has, by our reference or by their document."""
        return self.isp.remote([self])[self.number]

    def agrees(self, after: str, since: int = 0) -> None:
        """Raise Broken unless core and provider have the same of this person, and it is what is wanted."""
        self.isp.agree([Trial(self, after, since)])


@dataclass(frozen=True, slots=True)
class Trial:
    """What was done to one person, in words; `since` is how many requests the provider had had before."""

    person: Person
    told: str
    since: int = 0

    @property
    def visits(self) -> list[Visit]:
        """What the provider saw of it."""
        return self.person.isp.visits_of(self.person.known_account, self.since)


def cnpj(number: int) -> str:
    """Return a CNPJ with its two check digits."""
    digits = [int(digit) for digit in f"{70_000_000 + number:08}0001"]
    for _ in range(2):
        weights = [(place % 8) + 2 for place in range(len(digits))]
        rest = sum(digit * weight for digit, weight in zip(reversed(digits), weights, strict=True)) % 11
        digits.append(0 if rest < 2 else 11 - rest)
    return "".join(map(str, digits))
