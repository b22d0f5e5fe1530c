"""The same ISP with somebody who charges its contracts, and tells of what is paid and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lives.life import Life
from proof.till import Carrier, Charge, Till

ASAAS = "cobranca"


@dataclass
class Billing(Life):
    """Each contract is charged 119.90 on the tenth; what Asaas would tell is told when a life says so."""

    till: Till

    def sign(self, *numbers: int, **more: Any) -> None:
        """Import contracts."""
        super().sign(*numbers, **{"price": "119.90", "due_day": 10} | more)

    def pass_days(self, days: float) -> None:
        """Let days pass at Asaas, then for everybody else."""
        self.till.advance(int(days))
        super().pass_days(days)

    def hear(self) -> None:
        """Take in what Asaas has to tell, as the server does."""
        endpoint = str(self.isp.office.integrations.show(ASAAS).endpoint).rpartition("/")[2]
        carrier = Carrier(self.isp.hub, endpoint, self.till.token)
        while self.till.untold:
            carrier.carry(self.till.untold.pop(0))
        carrier.close()

    def charge(self) -> Charge:
        """Return the only charge there is."""
        (charge,) = self.till.charges
        return charge
