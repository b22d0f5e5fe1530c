"""`svahub explain`: why a contract is as it is, why something failed, what happens next and when."""

from __future__ import annotations

import re
import shutil
import textwrap
from datetime import UTC
from typing import TYPE_CHECKING

import click

from svahub.cli import completion
from svahub.cli.options import item_option
from svahub.cli.output import as_text, json_option, show_object
from svahub.cli.session import pass_office
from svahub.explanation.values import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from svahub.explanation import Explanation, ItemExplained
    from svahub.explanation.values import Link
    from svahub.hub import TenantHub
    from svahub.models import Consent

LABEL, LINK = 11, 13
NARROWEST, WIDEST = 60, 120
JOINT = "\0"
WHOLE = re.compile(r"`[^`]*`|\d{4}-\d\d-\d\d \d\d:")
DEEPER = {LinkKind.ATTEMPT: "  ", LinkKind.EXCHANGE: "    "}


@click.command("explain", epilog="Example: svahub explain C-1 --history")
@click.argument("contract", shell_complete=completion.contracts)
@item_option
@click.option("--history", is_flag=True, help="Every sale and operation, the oldest first; not only the present ones.")
@json_option
@pass_office
def command(office: TenantHub, contract: str, item: str | None, history: bool, as_json: bool) -> None:
    """Say why CONTRACT is as it is: why it is blocked, why a step failed, what happens next and when.

    The chain below each item is what led there: debt, rule, reason, operation, attempts, what was said (masked), and
    what the provider was last seen to have.
    """
    explanation = office.explanations.of(contract, item, whole=history, zone=UTC if as_json else None)
    if as_json:
        show_object(explanation, as_json=True)
        return
    for line in lines(explanation):
        click.echo(line)


def lines(explanation: Explanation) -> Iterator[str]:
    """Return an explanation as people read it."""
    yield from _wrapped(f"{explanation.sentence} Times are of {explanation.zone}.")
    for debt in explanation.debts:
        yield from _answer("owes", debt.sentence)
    for item in explanation.items:
        yield ""
        yield from _item(item)
    if not explanation.items:
        yield "It has no items."
    for task in explanation.tasks:
        yield ""
        yield from _answer("task", task.sentence)


def _item(item: ItemExplained) -> Iterator[str]:
    sale = f", sale {item.sale} of {item.sales}" if item.sales > 1 else ""
    state = f", {item.state.value}" if item.state else ""
    yield from _wrapped(f"Item {item.item_code} ({item.product_code}){sale}{state}: {item.sentence}.")
    for blocked in item.blocked:
        yield from _answer("blocked", blocked.sentence)
    if item.failure:
        yield from _answer("failed", item.failure.sentence)
    yield from _answer("next", item.next.sentence)
    for remark in item.remarks:
        yield from _answer("note", f"{remark}.")
    if item.subscription_key:
        yield from _answer("consent", _consent(item.consent))
    yield "  chain"
    for link in item.chain:
        yield from _link(link)


def _answer(label: str, sentence: str) -> list[str]:
    return _wrapped(sentence, f"  {label:<{LABEL - 2}}", " " * LABEL)


def _link(link: Link) -> Iterator[str]:
    label = f"{DEEPER.get(link.kind, '')}{link.kind.value}"
    yield from _wrapped(link.sentence, f"    {label:<{LINK}} ", " " * (LINK + 5))


def _consent(consent: Consent | None) -> str:
    if consent is None:
        return "none is kept with this sale."
    whence = f" from {consent.ip}" if consent.ip else ""
    return f"given at {as_text(consent.at)} by {consent.channel}{whence}, to text {consent.text_version}."


def _wrapped(text: str, first: str = "", rest: str = "  ") -> list[str]:
    """Break a text into lines, but no command in it, which is to be copied, and no instant."""
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    whole = WHOLE.sub(lambda part: part[0].replace(" ", JOINT), as_text(text))
    broken = textwrap.wrap(
        whole, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace(JOINT, " ") for line in broken]
