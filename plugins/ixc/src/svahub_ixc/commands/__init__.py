"""`svahub ixc`: what IXC holds, and how it is read here. A command's module is imported when it runs."""

from __future__ import annotations

from svahub.extension.groups import LazyGroup

COMMANDS = {
    "contracts": "Show contracts as IXC has them, and as they are read here.",
    "products": "Show and set which product code each product of IXC has here.",
}


group = LazyGroup("ixc", purpose="Contracts and products at IXC Provedor.", package=__name__, purposes=COMMANDS)
