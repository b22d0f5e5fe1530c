"""An Olli to test against: its routes, rules and state, written from what is known and assumed of its API.

It shares no code with the plugin, so that a mistake in one does not hide in the other.
"""

from svahub_iot.simulator.server import IotSimulator

__all__ = ["IotSimulator"]
