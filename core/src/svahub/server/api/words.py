"""In which language an API tells what is wrong: English as it stands in the code, or what replaces it.

Titles are by the slug of their problem, messages about a field by pydantic's name for what is wrong with it; everything
else by the English sentence, as it is before names are put into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

OURS = "value_error"
"""What pydantic calls a ValueError, whose sentence is ours."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in a language instead of what is said in English; what is not there is said in English."""

    titles: Mapping[str, str] = field(default_factory=dict)
    sentences: Mapping[str, str] = field(default_factory=dict)
    wrongs: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    """What is said of a field for which there is nothing else."""

    def sentence(self, english: str, named: Mapping[str, str] | None = None) -> str:
        """Return a sentence, with what is named put into it."""
        said = self.sentences.get(english, english)
        put_in = {name: self.sentences.get(value, value) for name, value in (named or {}).items()}
        return said.format(**put_in) if put_in else said

    def wrong(self, error: ErrorDetails) -> str:
        """Return what is wrong with a field; where JSON does not end well, pydantic tells of what was sent."""
        context: Mapping[str, Any] = error.get("ctx", {})
        if error["type"] == OURS:
            return self.sentences.get(str(context["error"]), self.otherwise or str(context["error"]))
        if error["type"] in self.wrongs:
            return self.wrongs[error["type"]].format(**context)
        return self.otherwise or ("Invalid JSON" if error["type"] == "json_invalid" else str(error["msg"]))


ENGLISH = Words()
PORTUGUESE = Words(
    titles={
        "no-key": "Falta uma chave válida",
        "not-permitted": "A chave não permite isso",
        "not-found": "Não encontrado",
        "no-such-method": "O endereço não aceita este método",
        "too-slow": "A requisição não chegou a tempo",
        "refused": "Não é possível agora",
        "idempotency-key-reused": "A chave de idempotência já foi de outro comando",
        "too-large": "O corpo é grande demais",
        "not-json": "O corpo tem de ser application/json",
        "invalid": "A requisição não é válida",
        "too-many-requests": "Requisições demais",
        "failed": "Falhou, e não por causa da requisição",
        "unavailable": "Os dados não estão disponíveis agora",
    },
    sentences={
        "Send a key: Authorization: Bearer KEY. They are made by `{command}`.": (
            "Envie uma chave: Authorization: Bearer CHAVE. O provedor a cria com `{command}`."
        ),
        "The key is none, or was revoked.": "A chave não existe ou foi revogada.",
        "This opens to keys made by `{command}`.": "Aqui só servem chaves criadas com `{command}`.",
        "A key with the permission {permission} may not do this.": "Uma chave {permission} não pode isso.",
        "A key may ask {rate}.": "Cada chave tem um limite ({rate}): espere os segundos que Retry-After diz.",
        "600/minute": "600 por minuto",
        "A parameter is named twice.": "Um parâmetro foi dado duas vezes.",
        "This takes no parameters.": "Aqui não há parâmetros.",
        "The cursor is none of this list's.": "O cursor não é desta lista.",
        "is none of this list's": "não é desta lista",
        "has to be a whole number": "tem de ser um número inteiro",
        "There is no {what} of this name.": "Não há {what} com este id.",
        "customer": "cliente",
        "Nothing was done: send it again later.": "Nada foi feito: envie de novo mais tarde.",
        "What went wrong is in the server's log.": "O que falhou está no registro do servidor.",
        "Not Found": "Não há nada neste endereço.",
        "Method Not Allowed": "Este endereço não aceita este método.",
    },
    wrongs={
        "extra_forbidden": "não é um parâmetro desta consulta",
        "greater_than_equal": "tem de ser {ge} ou mais",
        "less_than_equal": "tem de ser {le} ou menos",
        "string_too_short": "tem de ter {min_length} caractere ou mais",
        "string_too_long": "pode ter no máximo {max_length} caracteres",
        "string_pattern_mismatch": "tem um caractere que não é aceito",
    },
    otherwise="não é válido",
)
