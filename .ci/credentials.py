"""What detect-secrets does not know by itself: Asaas's keys, and that a short hexadecimal text is a number."""

import re

from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
from detect_secrets.plugins.high_entropy_strings import HexHighEntropyString


class AsaasKeyDetector(RegexBasedDetector):
    """Finds keys of the production and of the sandbox."""

    secret_type = "Asaas API key"  # noqa: S105  # pragma: allowlist secret: it is a title
    # The dollar before it is left out: detect-secrets takes what begins with one for a variable.
    denylist = (re.compile(r"(?<=\$)aact_[A-Za-z0-9_+/=-]{20,}"),)


def is_short_hexadecimal(secret: str, plugin: BasePlugin) -> bool:
    """Tell whether it is as short as a CPF or a CNPJ, of which tests invent many: no service gives such a key."""
    return isinstance(plugin, HexHighEntropyString) and len(secret) <= 14
