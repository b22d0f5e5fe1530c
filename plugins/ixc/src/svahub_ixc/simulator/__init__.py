"""An IXC Provedor to test against: its web service, rules and tables, written from what is known of it.

It shares no code with the plugin, so that a mistake in one does not hide in the other.
"""

from svahub_ixc.simulator.server import IxcSimulator
from svahub_ixc.simulator.upsets import Upset

__all__ = ["IxcSimulator", "Upset"]
