"""What does the customer owe, and what follows from it? Each debt: since when, how much, by which policy, what when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from svahub.debt_rule import Policy, blocks_on, source
from svahub.explanation.values import Case, DebtExplained, Link, LinkKind, Owing, Reader
from svahub.explanation.words import listed
from svahub.models import Reason
from svahub.store.rows import DebtRow

SET = "svahub policy set --grace-days DAYS"


def owed(owing: Owing, contract: str, reader: Reader) -> Iterator[DebtExplained]:
    """Explain each debt of a contract, whatever its items."""
    for row in owing.debts:
        begins = _begins(row, owing)
        sentence = f"{amount(row)}: {_follows(row, owing, contract, reader)}."
        yield DebtExplained(row.integration, row.reference, row.since, row.amount, begins, row.settled_at, sentence)


def amount(row: DebtRow) -> str:
    """Say which debt it is."""
    return f"BRL {row.amount} at {row.integration} since {row.since:%Y-%m-%d} ({row.reference})"


def _begins(row: DebtRow, owing: Owing) -> date | None:
    """Return the first day on which a debt blocks, None where it never does."""
    spared = owing.policy is None or owing.exempt is not None or row.settled_at is not None
    return None if spared or owing.policy is None else blocks_on(row.since, owing.policy, owing.policy.free)


def _follows(row: DebtRow, owing: Owing, contract: str, reader: Reader) -> str:
    if row.settled_at is not None:
        return f"{'forgiven' if row.forgiven else 'settled'} at {reader.at(row.settled_at)}"
    if owing.policy is None:
        return f"no policy is set, so it blocks nothing (`{SET}`)"
    if owing.exempt is not None:
        by = f"contract {contract} is exempt, as {owing.exempt.by} said at {reader.at(owing.exempt.at)}"
        return f"{by}, so it blocks nothing (`svahub policy unexempt {contract}`)"
    begins = blocks_on(row.since, owing.policy, owing.policy.free)
    return f"blocks since {begins}" if begins <= owing.today else f"blocks on {begins} unless paid"


# -- for one item ------------------------------------------------------------------------------------------------------


def links(case: Case, reader: Reader) -> Iterator[Link]:
    """Link the open debts of a contract with the policy about them, as far as they are about an item."""
    owing = case.owing
    for row in owing.open:
        sentence = f"{amount(row)}: {_of_item(row, case, reader)}"
        values = {
            "integration": row.integration, "reference": row.reference, "since": row.since, "amount": row.amount,
            "blocks_on": _begins(row, owing) if _covered(row, case) else None,
        }  # fmt: skip
        yield Link(LinkKind.DEBT, sentence, row.opened_at, values)
    if owing.open and owing.policy is not None:
        yield Link(LinkKind.RULE, _rule(owing.policy), None, owing.policy.described())


def _rule(policy: Policy) -> str:
    types = "whatever is sold" if policy.product_types is None else listed(sorted(policy.product_types)) or "nothing"
    free = ", and begins on no weekend or holiday" if policy.business_days_only else ""
    days = f"{policy.grace_days} day{'s' * (policy.grace_days != 1)}"
    return f"the policy: debt older than {days} blocks {types}, but for who raised it{_also(policy.integrations)}{free}"


def _also(integrations: frozenset[str]) -> str:
    return f" ({listed(sorted(integrations))} too)" if integrations else ""


def _of_item(row: DebtRow, case: Case, reader: Reader) -> str:
    owing = case.owing
    if owing.policy is None or owing.exempt is not None:
        return _follows(row, owing, case.contract.id, reader)
    if not _covered(row, case):
        return "the policy does not block this item for it"
    if _blocks_now(row, case):
        return _follows(row, owing, case.contract.id, reader)
    return f"blocks on {_comes(row, owing.policy, owing.today)} unless paid"


def _blocks_now(row: DebtRow, case: Case) -> bool:
    return any(reason.reason is Reason.OVERDUE and reason.source == source(row) for reason in case.reasons)


def _comes(row: DebtRow, policy: Policy, today: date) -> date:
    """Return when a block that has not begun begins: what is past its grace waits for a day that is not free."""
    day = max(blocks_on(row.since, policy, policy.free), today)
    while policy.free(day):
        day += timedelta(days=1)
    return day


def _covered(row: DebtRow, case: Case) -> bool:
    policy = case.owing.policy
    return policy is not None and case.sale is not None and policy.covers(case.sale.row, row.integration)


def next_block(case: Case) -> tuple[date, list[DebtRow]] | None:
    """Return when an item that is not blocked for it yet will be, and for which debts; None when it will not."""
    owing = case.owing
    if owing.policy is None or owing.exempt is not None:
        return None
    rows = [row for row in owing.open if _covered(row, case) and not _blocks_now(row, case)]
    days = {row: _comes(row, owing.policy, owing.today) for row in rows}
    first = min(days.values(), default=None)
    return None if first is None else (first, [row for row, day in days.items() if day == first])
