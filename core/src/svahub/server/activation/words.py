"""What the pages behind an activation link say to the ISP's customer, in Portuguese."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from svahub.areas.offering import Progress
from svahub.offers import Standing


class Page(StrEnum):
    """A page that tells something and offers nothing."""

    UNKNOWN = "unknown"
    REVOKED = "revoked"
    USED = "used"
    EXPIRED = "expired"
    NOT_ACTIVE = "not_active"
    HELD = "held"
    BLOCKED = "blocked"
    UNAVAILABLE = "unavailable"
    LATER = "later"
    NOT_PRESSED = "not_pressed"
    TOO_MANY = "too_many"


class Told(NamedTuple):
    """What a page says: its heading, its sentences, the status with it; `again`: a new look may show more."""

    heading: str
    sentences: str
    status: int = 200
    again: bool = False


_ASK = "Em caso de dúvida, fale com o seu provedor."
_NOTHING = "Nada foi contratado."
_REGISTERED = "Seu pedido foi registrado. Você não precisa fazer mais nada."

PAGES = {
    Page.UNKNOWN: Told(
        "Link inválido",
        f"Este endereço não corresponde a nenhuma oferta. Confira se ele foi copiado por inteiro. {_ASK}",
        404,
    ),
    Page.REVOKED: Told("Link cancelado", f"Esta oferta foi retirada pelo seu provedor. {_NOTHING} {_ASK}", 410),
    Page.USED: Told("Link já usado", f"Esta oferta já foi aceita, e o prazo deste link terminou. {_ASK}", 410),
    Page.EXPIRED: Told(
        "Link vencido", f"O prazo desta oferta terminou. {_NOTHING} Peça um novo link ao seu provedor.", 410
    ),
    Page.NOT_ACTIVE: Told("Contrato não ativo", f"O contrato desta oferta não está ativo. {_NOTHING} {_ASK}", 410),
    Page.HELD: Told(
        "Você já tem este produto", f"Este produto já faz parte do seu contrato. Nada mais foi contratado. {_ASK}", 409
    ),
    Page.BLOCKED: Told(
        "Contrato suspenso",
        f"O seu contrato está suspenso. {_NOTHING} Depois de regularizar, abra este link de novo.",
        409,
    ),
    Page.UNAVAILABLE: Told("Oferta indisponível", f"Este produto não é mais oferecido assim. {_NOTHING} {_ASK}", 410),
    Page.LATER: Told(
        "Tente mais tarde", "Não foi possível atender agora. Abra este link de novo em alguns minutos.", 503
    ),
    Page.NOT_PRESSED: Told(
        "Nada foi contratado", "O pedido não veio do botão desta página. Abra o link de novo e use o botão.", 400
    ),
    Page.TOO_MANY: Told("Muitas tentativas", "Aguarde um minuto e abra o link de novo.", 429),
}
STANDINGS = {
    Standing.REVOKED: Page.REVOKED,
    Standing.USED: Page.USED,
    Standing.EXPIRED: Page.EXPIRED,
    Standing.NOT_ACTIVE: Page.NOT_ACTIVE,
    Standing.HELD: Page.HELD,
    Standing.BLOCKED: Page.BLOCKED,
    Standing.UNAVAILABLE: Page.UNAVAILABLE,
}
PROGRESS = {
    Progress.DONE: Told("Pronto, está ativado", "O produto já está ativo no seu contrato."),
    Progress.UNDER_WAY: Told("Ativação em andamento", f"{_REGISTERED} A ativação está em andamento.", again=True),
    Progress.QUEUED: Told("Pedido registrado", f"{_REGISTERED} A ativação será feita em seguida.", again=True),
    Progress.STUCK: Told(
        "Pedido registrado",
        f"{_REGISTERED} A ativação vai demorar um pouco mais: ela depende da equipe do seu provedor.",
        again=True,
    ),
    Progress.BLOCKED: Told("Produto suspenso", f"O pedido foi registrado, mas o produto está suspenso. {_ASK}"),
    Progress.OVER: Told("Produto cancelado", f"Este produto foi contratado e depois cancelado. {_ASK}"),
}
