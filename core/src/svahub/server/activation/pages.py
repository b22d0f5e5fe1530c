"""The pages behind an activation link: plain HTML whose style is in it, without scripts and without anything from afar.

Whoever reads them is the ISP's customer, so they are in Portuguese.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from svahub.brazil import reais
from svahub.offers import Standing
from svahub.server.activation.words import PAGES, PROGRESS, STANDINGS, Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from svahub.areas.offering import Offer

FIELD, ANSWER = "aceite", "sim"
"""What the button sends."""


def page_of(page: Page, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    """Return a page that offers nothing."""
    return _answer("told.html", PAGES[page].status, headers, told=PAGES[page], offer=None)


def offer_page(offer: Offer) -> HTMLResponse:
    """Return the page of an offer: with its button while it can be taken, or with what came of it."""
    if offer.standing is Standing.OPEN:
        return _answer("offer.html", 200, offer=offer, field=FIELD, answer=ANSWER)
    if offer.progress is not None:
        return _answer("told.html", 200, told=PROGRESS[offer.progress], offer=offer)
    return page_of(STANDINGS[offer.standing])


def _answer(template: str, status: int, headers: Mapping[str, str] | None = None, **named: Any) -> HTMLResponse:
    text = _templates().get_template(template).render(named)
    return HTMLResponse(text, status, headers={**_headers(), **(headers or {})})


@cache
def _templates() -> Environment:
    loader = PackageLoader("svahub.server.activation")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["reais"] = reais
    made.globals["style"] = Markup(loader.get_source(made, "style.css")[0])  # noqa: S704 -- a file of ours
    return made


@cache
def _headers() -> dict[str, str]:
    style = str(_templates().globals["style"]).encode()
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    allowed = f"style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": f"default-src 'none'; {allowed}",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
