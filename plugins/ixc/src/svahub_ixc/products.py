"""Which product code a product of IXC has here. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from svahub_ixc.wire import Product


def platform_code(product: Product) -> str | None:
    """Return the code that the product's platform gives it; None where no platform serves it."""
    if product.id_sva_integracao and product.id_sva_pacote:
        return f"sva-{product.id_sva_integracao}-{product.id_sva_pacote}"
    if product.id_integracao_iot and product.id_produto_iot:
        return f"iot-{product.id_integracao_iot}-{product.id_produto_iot}"
    return None


def code_of(id: str, product: Product | None, mapped: Mapping[str, str]) -> str:
    """Return the code of a product: the one that was set, else its platform's, else IXC's own id.

    Products that their platform takes for one have one code.
    """
    return mapped.get(id) or (platform_code(product) if product else None) or id
