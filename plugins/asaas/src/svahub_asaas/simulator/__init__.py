"""An Asaas to test against, written from its documentation and from answers of its real sandbox.

It shares no code with the plugin, so that a mistake in one does not hide in the other. `access` lets in, `account`
holds, a module per kind of object answers its routes beside a pure one that tells of it, `postman` delivers webhooks.
"""

from svahub_asaas.simulator.mishaps import Mishap
from svahub_asaas.simulator.postman import Delivery
from svahub_asaas.simulator.server import AsaasSimulator
from svahub_asaas.simulator.timings import AsaasTimings

__all__ = ["AsaasSimulator", "AsaasTimings", "Delivery", "Mishap"]
