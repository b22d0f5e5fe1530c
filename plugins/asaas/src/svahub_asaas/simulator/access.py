"""Who is let in: the key, and what Asaas and its CDN demand of every request. Codes as documented where they are."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from svahub_asaas.simulator.refusals import Refusal

if TYPE_CHECKING:
    from svahub.testing import Request

HEADER = "access_token"
SANDBOX, PRODUCTION, ANY = "$aact_hmlg_", "$aact_prod_", "$aact_"


def new_key() -> str:
    """Return a new key of the sandbox."""
    return SANDBOX + secrets.token_urlsafe(96)


def require_manners(request: Request) -> None:
    """Raise Refusal for a GET with a body, which the CDN refuses, or a request that does not say who asks."""
    if request.method == "GET" and request.body:
        raise Refusal(("forbidden", "Requisição não autorizada."), status=403)
    if not request.header("user-agent"):
        raise Refusal(("invalid_user_agent", "O cabeçalho User-Agent é obrigatório."))


def require_key(request: Request, accepted: Iterable[Mapping[str, str]]) -> None:
    """Raise Refusal, which says what is wrong with the key, unless it is an accepted one."""
    key = request.header(HEADER)
    if any(secrets.compare_digest(key.encode(), one["key"].encode()) for one in accepted):
        return
    if not key:
        raise _unauthorized("access_token_not_found", f"O cabeçalho de autenticação '{HEADER}' não foi encontrado.")
    if not key.startswith(ANY):
        raise _unauthorized("invalid_access_token_format", "O valor fornecido não parece ser uma chave de API.")
    if key.startswith(PRODUCTION):
        raise _unauthorized("invalid_environment", "A chave de API informada não pertence a este ambiente.")
    raise _unauthorized("invalid_access_token", "A chave de API informada é inválida.")


def _unauthorized(code: str, sentence: str) -> Refusal:
    return Refusal((code, sentence), status=401)
