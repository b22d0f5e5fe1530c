"""IoT keeps the contract."""

from svahub.testing import ProviderContract
from svahub_iot import Iot
from svahub_iot.simulator import IotSimulator


class TestIot(ProviderContract):
    """Every test of the kit."""

    provider = Iot
    simulator = IotSimulator
