"""The pages in a real browser, at the size of a desk's screen and of a phone's: read, contrast, keyboard, width."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Door, Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
SIZES = {"desktop": (1280, 800), "phone": (360, 640)}
LONG = "Termo-sem-espaços-" * 20
TEXT_CONTRAST = 4.5  # WCAG 2.2, AA
pytestmark = [
    pytest.mark.xdist_group("browser"),  # one browser for them all
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="there is no chromium here: apt-get install chromium"
    ),
]
COLOURS = """element => {
    const style = getComputedStyle(element);
    let behind = element, under = style.backgroundColor;
    while (/, 0\\)$/.test(under) && (behind = behind.parentElement)) under = getComputedStyle(behind).backgroundColor;
    return [style.color, under];
}"""
WORDS = "h1, h2, p, dt, dd, .terms, button, .again"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return one headless Chromium for all tests here."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "CI installs chromium"
    with sync_playwright() as playwright:
        # As root, as CI may be, Chromium starts without its sandbox only.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(params=SIZES.values(), ids=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Return an empty page of each size; the test fails when it asks for more than pages, or is refused something."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale="pt-BR")
    page, said, asked = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.resource_type))
    yield page
    context.close()
    assert [text for text in said if "(Not Found)" not in text] == []
    assert set(asked) == {"document"}


@pytest.fixture
def offered(shop: Shop, serve: Callable[..., Door]) -> str:
    """Return the address of a link whose terms have a word that no line can hold."""
    shop.isp.clock.advance(seconds=1)
    shop.office.terms.set("anything", "2026-12", f"{LONG}\n" + "Linha dos termos.\n" * 60)
    return serve(shop).url + shop.path()


def contrast(one: str, other: str) -> float:
    """Return the ratio that WCAG defines of two colours as a browser computes them."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def unreadable(page: Page) -> list[Any]:
    """Return the words of a page that stand out too little from what is behind them."""
    found = [(element.inner_text()[:20], *element.evaluate(COLOURS)) for element in page.locator(WORDS).all()]
    assert found
    return [(words, round(contrast(*colours), 2)) for words, *colours in found if contrast(*colours) < TEXT_CONTRAST]


def overflows(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


def test_an_offer_is_bought_with_the_keyboard_alone(page: Page, offered: str, shop: Shop) -> None:
    page.goto(offered)
    reached = []
    for _ in range(2):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('role') || document.activeElement.tagName"))
    assert reached == ["region", "BUTTON"]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Pedido registrado").wait_for()
    assert [sold.item_code for sold in shop.sold] == ["X"]
    page.reload()
    assert len(shop.sold) == 1
    shop.isp.work()
    page.get_by_role("link", name="Atualizar").click()
    page.get_by_role("heading", name="Pronto, está ativado").wait_for()
    assert (overflows(page), unreadable(page)) == (False, [])


def test_an_offer_is_read_by_its_labels_and_fits(page: Page, offered: str) -> None:
    page.goto(offered)
    assert page.locator("html").get_attribute("lang") == "pt-BR"
    assert page.title() == "Ativar Filmes & Séries"
    button = page.get_by_role("button", name="Aceitar e ativar")
    assert button.count() == 1
    assert "aceita os termos acima" in page.locator(f"#{button.get_attribute('aria-describedby')}").inner_text()
    assert page.get_by_role("region", name="Termos de uso, versão 2026-12").count() == 1
    levels = [int(heading.evaluate("h => h.tagName[1]")) for heading in page.get_by_role("heading").all()]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44  # what a thumb hits
    assert (overflows(page), unreadable(page)) == (False, [])


def test_a_link_that_is_none_is_read_as_well(page: Page, offered: str) -> None:
    page.goto(offered[:-1])
    assert page.get_by_role("heading", level=1).inner_text() == "Link inválido"
    assert (overflows(page), unreadable(page)) == (False, [])


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)
