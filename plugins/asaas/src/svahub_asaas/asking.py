"""What the core asks of Asaas beyond the lifecycle: tasks, deliveries, and what the plugin's tables keep of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from svahub import (
    FindsTasks,
    KeepsRecords,
    Notice,
    PerformsTasks,
    Received,
    ReceivesWebhooks,
    Subscription,
    Task,
    TaskResult,
    Webhook,
    hookimpl,
)
from svahub.errors import Unsupported

from svahub_asaas.charges.receiving import notice, received

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

    from svahub.client import ProviderClient
    from svahub.extension import Transaction

    from svahub_asaas.charges.calls import Charges
    from svahub_asaas.hooks import Webhooks
    from svahub_asaas.notifications import Notices
    from svahub_asaas.settings import AsaasSettings


class Asks(PerformsTasks, FindsTasks, ReceivesWebhooks, KeepsRecords):
    """One account at Asaas, as the ISP's billing uses it."""

    settings: AsaasSettings
    client: ProviderClient
    charges: Charges
    notices: Notices
    webhooks: Webhooks

    @hookimpl
    def perform(self, task: Task) -> TaskResult:
        """Do what a task asks for: about a charge, a customer's notifications, or a mail."""
        match task.kind.partition(".")[0]:
            case "charge":
                return self.charges.perform(task)
            case "notifications":
                return self.notices.set(task)
            case "mail":
                return self._mailed(task)
        raise Unsupported(f"this plugin knows no task of the kind {task.kind}")

    @hookimpl
    def find_task(self, task: Task) -> TaskResult | None:
        """Look up what a task about a charge came to; nothing tells of a mail."""
        if task.kind.partition(".")[0] != "charge":
            raise Unsupported(f"nothing tells whether a task of the kind {task.kind} was done")
        return self.charges.find(task)

    @hookimpl
    def authenticate_webhook(self, webhook: Webhook) -> Notice | None:
        """Compare the token that Asaas was given."""
        token = self.settings.webhook_token
        return notice(webhook, None if token is None else token.get_secret_value())

    @hookimpl
    def receive_webhook(self, webhook: Webhook) -> Received:
        """Say what a delivery came to."""
        return received(webhook, self.charges.get)

    @hookimpl
    def recall(self, transaction: Transaction, subject: Subscription | Task | Webhook) -> Mapping[str, Any]:
        """Return what is known of what a sale, a task or a delivery is about."""
        from svahub_asaas import recalling

        return recalling.recall(transaction, subject)

    @hookimpl
    def recorded(self, transaction: Transaction, subject: Subscription | Task | Webhook, result: Any) -> None:
        """Write what a call came to."""
        from svahub_asaas.charges import ledger

        ledger.recorded(transaction, subject, result)

    def _mailed(self, task: Task) -> TaskResult:
        from svahub_asaas.mail.letters import letter

        message = letter(task, self.settings, self.client.now())
        if message is not None:
            self.post(message)
        return TaskResult(details={"sent": message is not None})

    def post(self, message: EmailMessage) -> None:
        """Hand a mail to the ISP's server; raises what `mail.sending.send` raises."""
        from svahub_asaas.mail.sending import send

        send(message, self.settings, self.client.permit, self.settings.timeout)
