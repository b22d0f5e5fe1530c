"""`svahub asaas`: the ISP's billing. A command's module is imported when it runs."""

from __future__ import annotations

from svahub.extension.groups import LazyGroup

COMMANDS = {
    "invoices": "Charge contracts: create, list, show, cancel, refund, note cash, show Pix or boleto.",
    "mail": "Say who wants no greetings, and try the mail server.",
    "notifications": "Set how Asaas tells customers of their charges.",
    "report": "Report what was issued, paid, and is overdue.",
    "sync": "Read what webhooks may have missed.",
    "templates": "Set the texts that customers read.",
    "webhook": "Register at Asaas where it is to tell of payments.",
}


group = LazyGroup("asaas", purpose="Bill customers through Asaas.", package=__name__, purposes=COMMANDS)
