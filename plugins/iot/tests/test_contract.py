"""IoT keeps the contract."""

from svahub.testing import ProviderContract
from svahub_iot import Iot
from svahub_iot.simulator import IotSimulator


class TestIot(ProviderContract):
    """Every test of the kit; Olli keeps its customers, and refuses no second one of a reference."""

    provider = Iot
    simulator = IotSimulator
    keeps_people = True
    doubles = True
