"""A provider's class as the core takes it when it is installed, whether it is or not."""

from __future__ import annotations

from typing import Any

from svahub.discovery import PROVIDERS
from svahub.installed import points
from svahub.registry import ProviderKind, Registry

PRODUCT_TYPE = "contract-kit"


def kind_of(provider: type[Any]) -> ProviderKind:
    """Return what a provider's class declares, under the name that it is installed by, else its own."""
    value = f"{provider.__module__}:{provider.__qualname__}"
    named = next((point.name for point in points(PROVIDERS) if point.value == value), provider.__name__.lower())
    return ProviderKind(named, provider)


class Alone(Registry):
    """As if one provider were installed and no other; `witness` lies around its hooks."""

    def __init__(self, kind: ProviderKind, witness: Any) -> None:
        super().__init__()
        self._kinds[kind.name] = kind
        self._alone = (kind.name,)
        self.__dict__["wrappers"] = (witness,)

    def providers_of(self, product_type: str) -> tuple[str, ...]:
        """Return the one provider: it serves the kit's product type."""
        return self._alone if product_type == PRODUCT_TYPE else super().providers_of(product_type)
