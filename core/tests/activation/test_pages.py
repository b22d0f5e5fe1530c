"""What the server answers to who opens a link and to who presses, over a real socket."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from svahub import errors, link_tokens
from svahub.secrets import KEY_VARIABLE
from svahub.server.app import application
from svahub.server.serving import Serving, bound
from svahub.store import contracts
from svahub.verbs import Action

from .conftest import IP, PRESS, PRICE, Door, Seen, Shop

PROXY = "127.0.0.1"


def consented(shop: Shop) -> str | None:
    """Return from where the customer agreed, as it is kept."""
    with shop.hub.store.read() as connection:
        (row,) = contracts.subscriptions_of(connection, "default", ["C1"])
    agreed = row.what_was_agreed()
    return agreed.ip if agreed else None


def followed(door: Door, pressed: Seen) -> Seen:
    """Go where a press leads: back to the link, wherever a proxy has it."""
    assert pressed.status == 303, pressed.text
    return door.get(urljoin(f"{link_tokens.PATH}/", pressed.headers["location"]))


# -- looking -----------------------------------------------------------------------------------------------------------


def test_the_page_shows_what_is_bought_the_price_and_the_terms_escaped(door: Door) -> None:
    page = door.get(door.shop.path())
    assert page.status == 200
    for said in (
        "Filmes &amp; Séries",
        "R$ 1.234,50 por mês",
        "versão 2026-11",
        "&lt;b&gt;mensal&lt;/b&gt; &amp; custa",
    ):
        assert said in page.text
    assert "<b>mensal" not in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_link_changes_nothing(door: Door, method: str) -> None:
    path = door.shop.path()
    before = door.shop.everything()
    assert door.get(path, method).status == 200
    assert door.shop.everything() == before


def test_no_answer_is_kept_listed_framed_or_fetches_anything(door: Door) -> None:
    path = door.shop.path()
    for page in (door.get(path), door.get(f"{path}x"), door.press(path, "nothing=1")):
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
        assert page.headers["referrer-policy"] == "no-referrer"
        allowed = page.headers["content-security-policy"]
        assert allowed.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in allowed
        assert "unsafe" not in allowed
        assert not re.search(r"<script|<link|<img|src=|https?:", page.text)


# -- pressing ----------------------------------------------------------------------------------------------------------


def test_a_press_sells_and_leads_to_what_came_of_it(door: Door) -> None:
    path = door.shop.path()
    page = followed(door, door.press(path))
    assert "A ativação será feita em seguida" in page.text
    assert consented(door.shop) == "127.0.0.1"
    door.shop.isp.work()
    assert "Pronto, está ativado" in door.get(path).text


def test_a_press_leads_back_to_the_link_below_whatever_path_a_proxy_has_it(door: Door) -> None:
    path = door.shop.path()
    led = urljoin(f"https://isp.example/sva{path}", door.press(path).headers["location"])
    assert led == f"https://isp.example/sva{path}"


def test_a_press_waits_for_who_works_on_it(shop: Shop, serve: Callable[..., Door]) -> None:
    door, path = serve(shop, patience=60), shop.path()
    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(door.press, path)
        while not shop.isp.remote.calls:
            shop.isp.work()
        assert "Pronto, está ativado" in followed(door, pressed.result()).text


def test_what_needs_a_person_is_told_as_such(door: Door) -> None:
    path = door.shop.path()
    door.shop.isp.remote.troubles.append(errors.Rejected("no", "Pessoa Inventada is not welcome"))
    door.press(path)
    door.shop.isp.work()
    page = door.get(path)
    assert "depende da equipe do seu provedor" in page.text
    assert "not welcome" not in page.text


@pytest.mark.parametrize("body", ["", "aceite=nao", "aceite=sim&aceite=sim", "x" * 900, "\xff"])
def test_what_is_not_the_button_sells_nothing(door: Door, body: str) -> None:
    path = door.shop.path()
    before = door.shop.everything()
    assert door.press(path, body).status == 400
    assert door.shop.everything() == before


def test_pressing_again_shows_the_same_sale(door: Door) -> None:
    path = door.shop.path()
    door.press(path)
    once = door.shop.everything()
    assert followed(door, door.press(path)).status == 200
    assert door.shop.everything() == once


def test_many_presses_at_once_are_one_sale(shop_on_each: Shop, serve: Callable[..., Door]) -> None:
    door, path = serve(shop_on_each), shop_on_each.path()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: door.press(path).status, range(6)))
    assert answers == [303] * 6
    shop_on_each.isp.work()
    assert len(shop_on_each.sold) == 1
    assert shop_on_each.isp.remote.calls == ["create"]


def test_two_links_for_one_product_are_one_sale(shop_on_each: Shop, serve: Callable[..., Door]) -> None:
    door, paths = serve(shop_on_each), [shop_on_each.path() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(lambda path: door.press(path).status, paths))
    assert answers == [303, 409]
    assert len(shop_on_each.sold) == 1


# -- what is no link any more ------------------------------------------------------------------------------------------


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whoever_has_not_the_very_link_finds_nothing_and_changes_nothing(door: Door, data: st.DataObject) -> None:
    links = door.shop.office.activation_links
    token = link_tokens.written((next(links.list(), None) or links.make("C1", "X", price=PRICE).view).id)
    forged = data.draw(st.one_of(_altered(token), st.from_regex(link_tokens.TOKEN, fullmatch=True)))
    before = door.shop.books()
    answers = {ask(f"{link_tokens.PATH}/{forged}").status for ask in (door.get, door.press)}
    assert answers == {404}
    assert door.shop.books() == before


def _altered(token: str) -> st.SearchStrategy[str]:
    """Draw the same but for one place, or without it."""
    places = st.integers(0, len(token) - 1)
    letters = st.sampled_from("0123456789abcdefABCDEFxyz-")
    drawn = st.builds(lambda at, letter: token[:at] + letter + token[at + 1 :], places, letters)
    return st.one_of(drawn, places.map(lambda at: token[:at] + token[at + 1 :])).filter(lambda other: other != token)


@pytest.mark.parametrize("odd", ["", "%00", "a%2Fb", "%0A", "..%2F..", "x" * 3000])
def test_an_odd_path_is_no_link(door: Door, odd: str) -> None:
    assert door.get(f"{link_tokens.PATH}/{odd}").status == 404


def test_the_signature_of_another_link_opens_nothing(door: Door) -> None:
    one, other = door.shop.path(), door.shop.path()
    assert door.get(f"{one.rpartition('-')[0]}-{other.rpartition('-')[2]}").status == 404


def test_a_link_that_is_signed_but_not_kept_opens_nothing(door: Door) -> None:
    path = f"{link_tokens.PATH}/{link_tokens.written(link_tokens.drawn_id())}"
    assert door.press(path).status == 404


def expire(shop: Shop) -> None:
    shop.isp.clock.advance(seconds=8 * 86400)


def buy_and_come_back_later(shop: Shop) -> None:
    shop.office.offering.take(next(shop.office.activation_links.list()).id, IP)
    expire(shop)


def revoke(shop: Shop) -> None:
    shop.office.activation_links.revoke(next(shop.office.activation_links.list()).id)


def cancel(shop: Shop) -> None:
    shop.isp.ask(Action.CANCEL)


def block(shop: Shop) -> None:
    shop.isp.ask(Action.BLOCK)


ENDS = {expire: (410, "Link vencido"), revoke: (410, "Link cancelado"), cancel: (410, "Contrato não ativo")}
USED = {buy_and_come_back_later: (410, "Link já usado")}


@pytest.mark.parametrize(("happens", "told"), {**ENDS, **USED, block: (409, "Contrato suspenso")}.items())
def test_an_offer_that_cannot_be_taken_is_told_plainly(
    door: Door, happens: Callable[[Shop], None], told: tuple[int, str]
) -> None:
    path = door.shop.path()
    happens(door.shop)
    before = door.shop.everything()
    status, heading = told
    for page in (door.get(path), door.press(path)):
        assert page.status == status
        assert f"<h1>{heading}</h1>" in page.text
        assert "<button" not in page.text
    assert door.shop.everything() == before


# -- who asks ----------------------------------------------------------------------------------------------------------


def test_who_asks_too_often_waits_and_others_do_not(shop: Shop, serve: Callable[..., Door]) -> None:
    door, path = serve(shop, rate="2/minute", proxies=[PROXY]), shop.path()
    answers = [door.get(path, X_Forwarded_For="198.51.100.1") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert door.get(path, X_Forwarded_For="198.51.100.2").status == 200


def test_neighbours_behind_one_address_do_not_wait_for_each_other(shop: Shop, serve: Callable[..., Door]) -> None:
    door, one, other = serve(shop, rate="1/minute"), shop.path(), shop.path()
    assert [door.get(path).status for path in (one, other, one)] == [200, 200, 429]


def test_who_guesses_links_waits_too(shop: Shop, serve: Callable[..., Door]) -> None:
    door = serve(shop, rate_of_all="2/minute")
    assert [door.get(f"{link_tokens.PATH}/{guess}").status for guess in "abc"] == [404, 404, 429]


def test_a_network_of_ipv6_is_one_that_asks(shop: Shop, serve: Callable[..., Door]) -> None:
    door, path = serve(shop, rate="1/minute", proxies=[PROXY]), shop.path()
    answers = [door.get(path, X_Forwarded_For=f"2001:db8:1:{site}::{n}").status for site, n in ((1, 1), (1, 2), (2, 1))]
    assert answers == [200, 429, 200]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "believed"),
    [
        ([PROXY], f"192.0.2.1, {IP}", IP),
        ([PROXY, "10.0.0.0/8"], f"192.0.2.1, {IP}, 10.1.2.3", IP),
        ([PROXY], "nonsense", PROXY),
        ([], IP, PROXY),
    ],
)
def test_only_known_proxies_are_believed_about_who_asks(
    shop: Shop, serve: Callable[..., Door], proxies: list[str], forwarded: str, believed: str
) -> None:
    door = serve(shop, proxies=proxies)
    door.press(shop.path(), PRESS, X_Forwarded_For=forwarded)
    assert consented(shop) == believed


def test_neither_the_address_nor_the_link_is_logged(
    shop: Shop, serve: Callable[..., Door], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    door, path = serve(shop, proxies=[PROXY]), shop.path()
    door.press(path, X_Forwarded_For=IP)
    monkeypatch.delenv(KEY_VARIABLE)
    assert door.get(path, X_Forwarded_For=IP).status == 503
    assert KEY_VARIABLE in caplog.text
    assert IP not in caplog.text
    assert path.rpartition("-")[2] not in caplog.text


def test_the_server_answers_links_among_the_rest(shop: Shop) -> None:
    with Serving(application(shop.hub), bound("127.0.0.1", 0)) as serving:
        assert Door(shop, serving.url).get(shop.path()).status == 200
