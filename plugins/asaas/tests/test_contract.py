"""Asaas keeps the contract."""

from svahub.testing import ProviderContract
from svahub_asaas import Asaas
from svahub_asaas.simulator import AsaasSimulator


class TestAsaas(ProviderContract):
    """Every test of the kit; the pages of Asaas hold a hundred."""

    provider = Asaas
    simulator = AsaasSimulator
    page_rows = 100
