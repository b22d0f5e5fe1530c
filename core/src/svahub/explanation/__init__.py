"""Why a contract is as it is: from rows to the links of a chain, and to sentences that answer what people ask.

Pure and total: every row that the store can hold has its explanation. What comes next is as `decisions` decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from svahub.decisions import differing, wanted
from svahub.explanation.blocking import blocked
from svahub.explanation.chain import chain
from svahub.explanation.coming import prospect
from svahub.explanation.debts import amount, next_block, owed
from svahub.explanation.failing import failure
from svahub.explanation.tasks import asked
from svahub.explanation.values import Case, Explanation, ItemExplained, Owing, Prospect, Reader, Sale
from svahub.explanation.words import RETURNS, listed, named
from svahub.masking import mask_ip
from svahub.models import Consent, Desired, Observed
from svahub.store.rows import ContractRow, SubscriptionRow
from svahub.store.states import ContractStatus, Phase

if TYPE_CHECKING:
    from svahub.areas.tasks import TaskView

__all__ = ["Case", "Explanation", "ItemExplained", "Owing", "Reader", "Sale", "explained"]

NOTHING_OWED = Owing()


def explained(
    contract: ContractRow,
    cases: Iterable[Case],
    reader: Reader,
    erased_at: datetime | None = None,
    owing: Owing = NOTHING_OWED,
    tasks: Iterable[TaskView] = (),
) -> Explanation:
    """Explain a contract, item by item, with what is owed for it and what plugins asked for about it."""
    reader = replace(reader, origin=contract.source)
    comes = f", as the source {contract.source!r} says" if contract.source else ""
    sentence = f"Contract {contract.id} of customer {contract.customer_id} is {contract.status.value}{comes}."
    if erased_at is not None:
        sentence += f" The customer's data were erased at {reader.at(erased_at)}; a pseudonym stands for them."
    items = tuple(_sold(case, case.sale, reader) if case.sale else _unsold(case, reader) for case in cases)
    zone = str(reader.zone)
    return Explanation(
        contract.id, contract.customer_id, contract.status, zone, reader.now, sentence, erased_at, items,
        tuple(owed(owing, contract.id, reader)), tuple(asked(task, reader) for task in tasks), contract.source,
    )  # fmt: skip


# -- what was sold -----------------------------------------------------------------------------------------------------


def _sold(case: Case, sale: Sale, reader: Reader) -> ItemExplained:
    row = sale.row
    return ItemExplained(
        row.item_code,
        case.item.product_code,
        _stands(sale, reader),
        tuple(blocked(reason, reader) for reason in case.reasons if row.desired is Desired.BLOCKED),
        failure(sale, reader),
        _unless_paid(case, prospect(sale, reader, case.reasons)),
        tuple(_remarks(sale, reader)),
        tuple(chain(case, reader)),
        sale=row.sale,
        sales=case.item.sales,
        subscription_key=row.key,
        integration=row.integration,
        provider=sale.provider.title,
        plan=row.plan,
        quantity=row.quantity,
        desired=row.desired,
        observed=row.observed,
        state=sale.stands.state,
        generation=row.generation,
        remote_id=row.remote_id,
        consent=_agreed(row),
    )


def _agreed(row: SubscriptionRow) -> Consent | None:
    consent = row.what_was_agreed()
    return replace(consent, ip=mask_ip(consent.ip)) if consent and consent.ip else consent


def _unless_paid(case: Case, coming: Prospect) -> Prospect:
    """Add when an item that is to be active will be blocked for debt."""
    assert case.sale is not None
    if case.sale.row.desired is not Desired.ACTIVE or (found := next_block(case)) is None:
        return coming
    day, rows = found
    told = listed(map(amount, rows))
    return replace(coming, sentence=f"{coming.sentence} It blocks on {day} unless paid: {told}.", blocks_on=day)


def _stands(sale: Sale, reader: Reader) -> str:
    """Say what is wanted and what was seen, where and as whom."""
    row = sale.row
    where = f"{row.integration} ({sale.provider.title})"
    user = f" as user {row.remote_id}" if row.remote_id and row.live else ""
    if row.observed is Observed.UNKNOWN:
        since = f" since {reader.at(row.uncertain_since)}" if row.uncertain_since else ""
        return f"{row.desired.value} is wanted at {where}{user}; what is there is UNKNOWN{since}"
    if row.desired.value == row.observed.value:
        return f"{row.observed.value} at {where}{user}, as wanted{_but(sale)}"
    return f"{row.desired.value} is wanted, {row.observed.value} was seen at {where}{user}"


def _but(sale: Sale) -> str:
    """Say in what a sale is not as wanted that is live as wanted."""
    row = sale.row
    if not row.live:
        return ""
    if row.uncertain_since is not None:
        return ", but it is not known what of it was changed"
    aspects = differing(row, wanted(sale.view, row), sale.view.facts.changes)
    return f" but for its {named(aspects)}" if aspects else ""


def _remarks(sale: Sale, reader: Reader) -> Iterator[str]:
    row = sale.row
    if sale.plan is not None and sale.plan.retired_at is not None:
        yield f"its plan {sale.plan.remote_id} was retired by the provider, seen at {reader.at(sale.plan.retired_at)}"
    if (back := sale.came_back) is not None:
        yield f"the store was {RETURNS[back.command]} at {reader.at(back.at)}: what the provider has now is not known"
    if row.desired is Desired.ACTIVE and (held := _held_by(sale)):
        yield f"{listed(held)} should be blocked, and waits for this one: {sale.provider.title} blocks whole users"


def _held_by(sale: Sale) -> list[str]:
    if not sale.whole_users:
        return []
    waiting = (o for o in sale.view.others(sale.row) if o.phase is Phase.WAITING and o.due_at is None)
    return sorted({f"contract {o.contract_id}" for o in waiting if o.desired is Desired.BLOCKED and o.live})


# -- what was never sold -----------------------------------------------------------------------------------------------


def _unsold(case: Case, reader: Reader) -> ItemExplained:
    sentence, coming = _why_not(case)
    case = case if case.link else replace(case, reasons=())  # no reason blocks what nothing serves
    reasons = tuple(blocked(reason, reader) for reason in case.reasons)
    links = tuple(chain(case, reader))
    item = case.item
    return ItemExplained(
        item.code, item.product_code, f"not sold: {sentence}", reasons, None, coming, (), links,
        plan=item.plan, quantity=item.quantity,
    )  # fmt: skip


def _why_not(case: Case) -> tuple[str, Prospect]:
    contract, item = case.contract, case.item
    activate = f"svahub activate {contract.id}"
    link = f"svahub products link {item.product_code} --product-type TYPE --plan REMOTE_ID"
    whose, next_ = ("a pull", "full pull") if contract.source else ("a file", "file")
    if contract.status is ContractStatus.CANCELLED:
        return "the contract is cancelled", Prospect("nothing: a cancelled contract sells nothing.")
    if item.removed:
        return "the item is gone from the contract", Prospect(
            f"nothing: {whose} that has the item again brings it back."
        )
    pending = contract.status is ContractStatus.PENDING
    if case.link is None:
        sentence = (
            f"nothing, if no plugin is to serve it (plain internet, say). To sell it: `{link}`, then `{activate}`."
        )
        also = ", and the contract is pending" if pending else ""
        return f"no product link serves {item.product_code}{also}", Prospect(sentence, commands=(link, activate))
    if pending:
        sentence = f"nothing until the contract is signed: {whose} that says active sells it, or `{activate}`."
        return "the contract is pending", Prospect(sentence, commands=(activate,))
    serves = f"{case.link.integration} serves the product now"
    sentence = f"nothing by itself: {serves}. The next {next_} sells it, or `{activate}`."
    return "the product was not linked when the contract came", Prospect(sentence, commands=(activate,))
