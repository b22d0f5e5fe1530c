"""How long things take at the simulated Asaas."""

from __future__ import annotations

from dataclasses import dataclass

from svahub.testing import Timings


@dataclass(slots=True)
class AsaasTimings(Timings):
    """Those of every simulator, and those of webhooks; the scale multiplies their documented waits."""

    webhook_scale: float = 1.0
    webhook_timeout_seconds: float = 10.0
    webhook_reorder_seconds: float = 0.2
