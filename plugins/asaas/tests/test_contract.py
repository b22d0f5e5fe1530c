"""Asaas keeps the contract."""

from svahub.testing import ProviderContract
from svahub_asaas import Asaas
from svahub_asaas.simulator import AsaasSimulator


class TestAsaas(ProviderContract):
    """Every test of the kit; Asaas keeps its customers, keeps no two apart, and its pages hold a hundred."""

    provider = Asaas
    simulator = AsaasSimulator
    keeps_people = True
    doubles = True
    page_rows = 100
