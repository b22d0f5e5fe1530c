"""TeleClínica keeps the contract."""

from svahub.testing import ProviderContract
from svahub_teleclinica import TeleClinica
from svahub_teleclinica.simulator import TeleClinicaSimulator


class TestTeleClinica(ProviderContract):
    """Every test of the kit."""

    provider = TeleClinica
    simulator = TeleClinicaSimulator
