"""Campsoft keeps the contract."""

from svahub.testing import ProviderContract
from svahub_campsoft import Campsoft
from svahub_campsoft.simulator import CampsoftSimulator


class TestCampsoft(ProviderContract):
    """Every test of the kit."""

    provider = Campsoft
    simulator = CampsoftSimulator
