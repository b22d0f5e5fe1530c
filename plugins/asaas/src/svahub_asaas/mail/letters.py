"""What the ISP's mails say; who they go to is read when they are sent, so that no task keeps an address."""

from __future__ import annotations

import re
from calendar import isleap
from datetime import date
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from enum import StrEnum
from typing import TYPE_CHECKING

from svahub import Task
from svahub.errors import Rejected

from svahub_asaas.charges.text import substituted
from svahub_asaas.charges.wire import BRASILIA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from svahub_asaas.mail.settings import MailSettings
    from svahub_asaas.reports.rows import Report


class Kind(StrEnum):
    """The tasks that are mails."""

    BIRTHDAY = "mail.birthday"
    PAYMENT_REPORT = "mail.payment-report"


POLICY = SMTP.clone(cte_type="7bit")
"""Messages are written as every mail server takes them: lines end in CR LF, and nothing is beyond ASCII."""
ADDRESS = re.compile(r"""[^\x00-\x20\x7f@,;:<>()\[\]"\\]+@[^\x00-\x20\x7f@,;:<>()\[\]"\\]+""")
BIRTHDAY_SUBJECT = "Feliz aniversário, $first_name!"
BIRTHDAY_TEXT = (
    "Olá, $first_name!\n\nHoje é o seu dia. Toda a nossa equipe deseja um feliz aniversário.\n\n"
    "Não quer mais receber estas mensagens? Responda a este e-mail.\n"
)
MOST_LINES = 2_000
"""A mailed report names each charge only where they are not more: mail servers refuse what is large."""


def letter(task: Task, settings: MailSettings, now: datetime) -> EmailMessage | None:
    """Return the message that a task asks for, None where it is no longer to be sent; Rejected where nobody gets it."""
    day = now.astimezone(BRASILIA).date()
    message = _birthday(task, day) if task.kind == Kind.BIRTHDAY else _payment_report(task, settings, day)
    if message is None:
        return None
    message["From"] = settings.mail_from
    message["Date"] = formatdate(now.timestamp())
    message["Message-ID"] = f"<{task.key}@{str(settings.mail_from).rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def has_birthday(born: date, day: date) -> bool:
    """Say whether somebody has their birthday on a day; who was born on 29 February, on the 28th of other years."""
    if (born.month, born.day) == (2, 29) and not isleap(day.year):
        born = born.replace(day=28)
    return (born.month, born.day) == (day.month, day.day)


def _birthday(task: Task, day: date) -> EmailMessage | None:
    """Return the greeting, None where the day is over or the customer wants none by now."""
    customer = task.account.customer if task.account else None
    if customer is None or not customer.email:
        raise Rejected("no_address", "the customer has no e-mail address")
    if customer.birth_date is None or not has_birthday(customer.birth_date, day) or task.kept.get("opted_out"):
        return None
    values = {"name": customer.name, "first_name": next(iter(customer.name.split()), "")}
    message = EmailMessage(POLICY)
    message["To"] = _checked(customer.email)
    message["Subject"] = _one_line(substituted(task.kept.get("subject") or BIRTHDAY_SUBJECT, values))
    message.set_content(substituted(task.kept.get("text") or BIRTHDAY_TEXT, values))
    return message


def _one_line(text: str) -> str:
    """Return a text without what ends a line or steers what shows it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _checked(address: str) -> str:
    if not (ADDRESS.fullmatch(address) and address.isascii()):
        raise Rejected("bad_address", "the customer's e-mail address is none that every mail server takes")
    return address


def _payment_report(task: Task, settings: MailSettings, day: date) -> EmailMessage:
    if settings.report_to is None:
        raise Rejected("no_address", "report_to is not set: who at the ISP is to get the report?")
    from svahub_asaas.reports.page import page  # drawing is 100 ms that only a report should pay
    from svahub_asaas.reports.rows import report

    first, last = date.fromisoformat(task.payload["first"]), date.fromisoformat(task.payload["last"])
    made = {kind: report(task.kept.get(kind, ()), first, last, day) for kind in ("payments", "invoices")}
    message = EmailMessage(POLICY)
    message["To"] = settings.report_to
    message["Subject"] = f"Payments and charges, {first} to {last}"
    message.set_content("\n".join(line for kind, one in made.items() for line in _summed(kind, one)))
    for kind, one in made.items():
        drawn = page(one, kind.capitalize(), lists=len(one.lines) <= MOST_LINES).encode()
        message.add_attachment(drawn, maintype="text", subtype="html", filename=f"{kind}-{last:%Y-%m}.html")
    return message


def _summed(kind: str, made: Report) -> Sequence[str]:
    from svahub.extension.words import reais

    return [f"{kind.capitalize()}:", *(f"  {name}: {s.count}, {reais(s.value)}" for name, s in made.sums.items()), ""]
