"""Every verb as the kit asks it: what somebody has before, what is asked, and which hook has to make it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from svahub.commands import Action
from svahub.models import Aspect, BlockScope

if TYPE_CHECKING:
    from svahub.registry import ProviderKind
    from svahub.testing.contract.person import Person

MANY = 3


@dataclass(frozen=True, slots=True)
class Move:
    """One verb; `hook` makes it so at the provider, `aspect` is what has to be declared as changing.

    `back` asks for what was before, where that can be asked.
    """

    name: str
    hook: str
    before: str
    ask: Callable[[Person], None]
    aspect: Aspect | None = None
    scope: BlockScope | None = None
    back: Callable[[Person], None] | None = None

    def lacking(self, kind: ProviderKind) -> str | None:
        """Return what the provider would need to have for it; None: nothing."""
        if self.aspect is not None and self.aspect not in kind.changes:
            return f"change: {self.aspect.value}"
        if self.scope not in {None, kind.block_scope}:
            return f"block of one {self.scope.value}" if self.scope else None
        return None

    def __str__(self) -> str:
        return self.name


def _another_plan(person: Person) -> None:
    person.ask(Action.CHANGE, plan=person.isp.plans[1].remote_id)


def _more(person: Person) -> None:
    person.ask(Action.CHANGE, quantity=MANY)


def _first_plan(person: Person) -> None:
    person.ask(Action.CHANGE, plan=person.isp.plans[0].remote_id)


def _fewer(person: Person) -> None:
    person.ask(Action.CHANGE, quantity=1)


def _another_price(person: Person) -> None:
    person.sell("A", 0, item={"price": "24.50"})


def _another_day(person: Person) -> None:
    person.sell("A", 0, due_day=20)


def _block(person: Person) -> None:
    person.block()


def _unblock(person: Person) -> None:
    person.ask(Action.UNBLOCK)


def _cancel(person: Person) -> None:
    person.ask(Action.CANCEL)


MOVES = (
    Move("create", "create_user", "nobody", lambda person: person.sell(), back=_cancel),
    Move("add", "create_user", "one", lambda person: person.sell("B", 1), back=lambda p: p.ask(Action.CANCEL, "B")),
    Move("block", "block", "one", _block, back=_unblock),
    Move("unblock", "unblock", "blocked", _unblock, back=_block),
    Move("block_one_of_two", "block", "two", _block, scope=BlockScope.SUBSCRIPTION, back=_unblock),
    Move("change_plan", "change", "one", _another_plan, Aspect.PLAN, back=_first_plan),
    Move("change_quantity", "change", "one", _more, Aspect.QUANTITY, back=_fewer),
    Move("change_price", "change", "one", _another_price, Aspect.PRICE),
    Move("change_due_day", "change", "one", _another_day, Aspect.DUE_DAY, back=lambda person: person.sell()),
    Move("change_customer", "change", "one", lambda person: person.move(), Aspect.CUSTOMER),
    Move("cancel_one_of_two", "cancel", "two", _cancel),
    Move("cancel_last", "cancel", "one", _cancel),
)
