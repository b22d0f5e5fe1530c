"""Estante keeps svahub's contract."""

from svahub.testing import ProviderContract
from svahub_estante import Estante
from svahub_estante.simulator import EstanteSimulator


class TestEstante(ProviderContract):
    """Every test of the kit."""

    provider = Estante
    simulator = EstanteSimulator
