"""A Campsoft to test against: its routes, rules and state, written from what is known and assumed of its API.

It shares no code with the plugin, so that a mistake in one does not hide in the other. What the API leaves open: a
suspended subscriber can be given products, and keeps those it has; nobody is ever deleted.
"""

from svahub_campsoft.simulator.server import CampsoftSimulator

__all__ = ["CampsoftSimulator"]
