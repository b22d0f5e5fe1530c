"""The routes of the account itself: balance, statistics, approval."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator.writing import number

if TYPE_CHECKING:
    from svahub_asaas.simulator.account import Account
    from svahub_asaas.simulator.payments import Payments

CREDITED = frozenset({"RECEIVED", "REFUNDED"})


class Finance:
    """Tells how the account stands."""

    def __init__(self, account: Account, payments: Payments) -> None:
        self._account, self._payments = account, payments
        self._id = account.new_id("acc")

    @route("GET", "/finance/balance")
    def balance(self, _request: Request) -> Answer:
        """Tell what is there: what was credited without what went back."""
        credited = (one.net - one.refunded for one in self._account.payments if one.status in CREDITED)
        return Answer(200, {"balance": number(sum(credited, Decimal(0)))})

    @route("GET", "/finance/payment/statistics")
    def statistics(self, request: Request) -> Answer:
        """Count and add up the charges that the query asks for, with the filters of their list."""
        found = list(self._payments.found(request))
        value = sum((payment.value for payment in found), Decimal(0))
        net = sum((payment.net for payment in found), Decimal(0))
        return Answer(200, {"quantity": len(found), "value": number(value), "netValue": number(net)})

    @route("GET", "/myAccount/status/")
    def status(self, _request: Request) -> Answer:
        """Tell that the account is approved."""
        parts = ("commercialInfo", "bankAccountInfo", "documentation", "general")
        return Answer(200, {"id": self._id, **dict.fromkeys(parts, "APPROVED")})

    @route("GET", "/myAccount/status")
    def status_without_slash(self, request: Request) -> Answer:
        """Tell the same."""
        return self.status(request)
