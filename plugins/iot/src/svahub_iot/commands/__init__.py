"""`svahub iot`: licences of devices, and what FN sells. A command's module is imported when it runs."""

from __future__ import annotations

from svahub.extension.groups import LazyGroup

COMMANDS = {
    "items": "Search what FN sells.",
    "licences": "List licences, add, replace and cancel them.",
}


group = LazyGroup("iot", purpose="Licences of devices at Olli (IoT).", package=__name__, purposes=COMMANDS)
