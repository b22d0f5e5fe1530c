"""What a plugin asks the core's verbs with, in its own transaction (`office.verbs.ask`), and what that comes to."""

from svahub.commands import Action, Command
from svahub.intentions import Level
from svahub.verbs import Effect, Issued

__all__ = ["Action", "Command", "Effect", "Issued", "Level"]
