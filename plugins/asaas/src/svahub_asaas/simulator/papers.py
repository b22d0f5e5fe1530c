"""The routes that tell how a charge can be paid: a boleto's digits, and Pix."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from svahub.testing import Answer, Request, route

from svahub_asaas.simulator import pix, slip
from svahub_asaas.simulator.payment import OPEN
from svahub_asaas.simulator.refusals import not_possible

if TYPE_CHECKING:
    from svahub_asaas.simulator.account import Account
    from svahub_asaas.simulator.payments import Payments

DAYS_OF_PIX = 365


class Papers:
    """Tells how to pay."""

    def __init__(self, account: Account, payments: Payments) -> None:
        self._account, self._payments = account, payments

    @route("GET", "/payments/{id}/identificationField")
    def identification_field(self, _request: Request, id: str) -> Answer:
        """Tell a boleto's digits."""
        payment = self._payments.there(id)
        if not payment.has_slip:
            raise not_possible("Somente é possível obter linha digitável quando a forma de pagamento for boleto.")
        code = slip.bar_code(payment.value, payment.due, payment.serial)
        line, own = slip.typed_line(code), str(payment.serial)
        return Answer(200, {"identificationField": line, "nossoNumero": own, "barCode": code})

    @route("GET", "/payments/{id}/pixQrCode")
    def pix_qr_code(self, _request: Request, id: str) -> Answer:
        """Tell the Pix of a charge that is open; a boleto has one too."""
        payment = self._payments.there(id)
        if payment.billing_type == "CREDIT_CARD" or payment.status not in OPEN:
            raise not_possible("Não é possível obter o QR Code Pix desta cobrança.")
        amount = payment.terms.payable(payment.value, payment.due, self._account.today)
        text = pix.payload(f"pix.asaas.com/qr/cobv/{UUID(int=payment.serial)}", amount)
        until = payment.due + timedelta(days=DAYS_OF_PIX)
        answer = {"encodedImage": pix.qr_code(text), "payload": text, "expirationDate": f"{until} 23:59:59"}
        return Answer(200, {**answer, "description": payment.description})
