"""What the ISP's mails say; who they go to is read when they are sent, so that no task keeps an address."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from enum import StrEnum
from typing import TYPE_CHECKING

from svahub import Task
from svahub.errors import Rejected

from svahub_asaas.charges.text import substituted

if TYPE_CHECKING:
    from datetime import datetime

    from svahub_asaas.mail.settings import MailSettings


class Kind(StrEnum):
    """The tasks that are mails."""

    BIRTHDAY = "mail.birthday"
    PAYMENT_REPORT = "mail.payment-report"


POLICY = SMTP.clone(cte_type="7bit")
"""Messages are written as every mail server takes them: lines end in CR LF, and nothing is beyond ASCII."""
ADDRESS = re.compile(r"""[^\s@,;:<>()\[\]"\\]+@[^\s@,;:<>()\[\]"\\]+""")
BIRTHDAY_SUBJECT = "Feliz aniversário, $first_name!"
BIRTHDAY_TEXT = "Olá, $first_name!\n\nHoje é o seu dia. Toda a nossa equipe deseja um feliz aniversário.\n"


def letter(task: Task, settings: MailSettings, now: datetime) -> EmailMessage:
    """Return the message that a task asks for; Rejected where nobody can get it."""
    message = _birthday(task) if task.kind == Kind.BIRTHDAY else _payment_report(task, settings)
    message["From"] = settings.mail_from
    message["Date"] = formatdate(now.timestamp())
    message["Message-ID"] = f"<{task.key}@{str(settings.mail_from).rpartition('@')[2]}>"
    return message


def _birthday(task: Task) -> EmailMessage:
    if task.account is None or not task.account.customer.email:
        raise Rejected("no_address", "the customer has no e-mail address")
    customer = task.account.customer
    values = {"name": customer.name, "first_name": next(iter(customer.name.split()), "")}
    message = EmailMessage(POLICY)
    message["To"] = _checked(task.account.customer.email)
    message["Subject"] = " ".join(substituted(task.kept.get("subject") or BIRTHDAY_SUBJECT, values).split())
    message.set_content(substituted(task.kept.get("text") or BIRTHDAY_TEXT, values))
    return message


def _checked(address: str) -> str:
    if not (ADDRESS.fullmatch(address) and address.isascii()):
        raise Rejected("bad_address", "the customer's e-mail address is none that every mail server takes")
    return address


def _payment_report(task: Task, settings: MailSettings) -> EmailMessage:
    if settings.report_to is None:
        raise Rejected("no_address", "report_to is not set: who at the ISP is to get the report?")
    message = EmailMessage(POLICY)
    message["To"] = settings.report_to
    message["Subject"] = f"Charges, {task.payload['first']} to {task.payload['last']}"
    message.set_content(task.kept.get("text", ""))
    if page := task.kept.get("page"):
        name = f"charges-{task.payload['last']}.html"
        message.add_attachment(page.encode(), maintype="text", subtype="html", filename=name)
    return message
