"""What the web service does with what is written: dates, whole rows, settlements, actions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from svahub_ixc.simulator.columns import DATES
from svahub_ixc.simulator.queries import refused

if TYPE_CHECKING:
    from svahub.testing import Request

    from svahub_ixc.simulator.tables import Row

ACTIONS = {"cliente_contrato_15463": "FA", "cliente_contrato_15464": "A", "cliente_contrato_15300": "CM"}
"""The actions on a contract, and the status of its internet that each leaves."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "cliente_contrato_historico": ("tipo", "data", "historico", "id_cliente", "id_contrato"),
    "fn_areceber_recebimentos_baixas_novo": (
        *("filial_id", "id_receber", "conta_", "id_conta", "tipo_recebimento"),
        *("data", "valor_parcela", "valor_total_recebido", "previsao"),
    ),
    "sva_usuarios": ("id_contrato", "id_integracao", "id_produto_contrato", "status_integracao"),
    "licencas_iot": ("id_contrato", "id_integracao", "status"),
    "licencas_produtos_iot": ("id_licenca", "id_produto_contrato", "quantidade"),
}
_WRITTEN = re.compile(r"([0-9]{2}/[0-9]{2}/[0-9]{4})( [0-9]{2}:[0-9]{2}:[0-9]{2})?")


def read_row(request: Request, resource: str, columns: tuple[str, ...]) -> Row:
    """Return the row that a body writes; raise Problem for what the service does not take."""
    body = request.object()
    if not all(isinstance(value, str) for value in body.values()):
        raise refused("Parâmetros inválidos: todos os valores são texto.")
    if unknown := sorted(body.keys() - set(columns)):
        raise refused(f"Campos desconhecidos: {', '.join(unknown):.200}.")
    if missing := [name for name in REQUIRED.get(resource, ()) if not body.get(name)]:
        raise refused(f"Preencha os campos: {', '.join(missing)}.")
    return {name: _stored(name, value) for name, value in body.items()}


def _stored(column: str, value: str) -> str:
    if column not in DATES or not value:
        return value
    found = _WRITTEN.fullmatch(value)
    if found is None:
        raise refused(f"Data inválida em {column}: use dd/mm/aaaa.")
    try:
        day = datetime.strptime(found[1], "%d/%m/%Y").date()  # noqa: DTZ007 -- a day has no zone
    except ValueError:
        raise refused(f"Data inválida em {column}.") from None
    return f"{day.isoformat()}{found[2] or ''}"


def settle(receivable: Row, settlement: Row) -> tuple[str, Row]:
    """Return the receivable's id, and it as a settlement leaves it; one too many is taken too: that is assumed."""
    try:
        left = Decimal(receivable["valor_aberto"] or "0") - Decimal(settlement["valor_parcela"])
    except InvalidOperation:
        raise refused("Valor inválido.") from None
    status = "R" if left <= 0 else "P"
    after = {"valor_aberto": f"{max(left, Decimal(0)):.2f}", "status": status, "pagamento_data": settlement["data"]}
    return receivable["id"], {**receivable, **after}
