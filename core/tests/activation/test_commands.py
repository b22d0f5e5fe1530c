"""The commands by which operators keep terms and make, list and revoke links."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main

from .conftest import IP, TERMS, Door, Shop

Run = Callable[..., Result]
BASE = "https://sva.example.com"
MAKE = ("contracts", "activation-link", "C1", "X", "--price", "9,90")


@pytest.fixture
def run(shop: Shop) -> Run:
    def invoke(*arguments: str, code: int = 0, given: str | None = None) -> Result:
        env = {"SVAHUB_ACTOR": "ana"}
        result = CliRunner().invoke(main, list(arguments), obj=shop.hub, env=env, input=given)
        assert result.exit_code == code, result.output
        return result

    return invoke


def links(run: Run) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = json.loads(run("contracts", "activation-links", "--json").stdout)
    return listed


def test_a_link_that_was_made_opens_the_offer(run: Run, door: Door) -> None:
    made = json.loads(run(*MAKE, "--base-url", f"{BASE}/", "--title", "Filmes", "--json").stdout)
    assert made["url"].startswith(f"{BASE}/ativar/")
    assert "R$ 9,90" in door.get(made["url"].removeprefix(BASE)).text


def test_without_an_address_the_path_is_told_and_what_to_put_before_it(run: Run) -> None:
    result = run(*MAKE)
    assert "/ativar/" in result.stdout
    assert "--base-url" in result.stderr


def test_nothing_tells_a_link_again(run: Run, shop: Shop) -> None:
    path = json.loads(run(*MAKE, "--json").stdout)["path"]
    signature = path.rpartition("-")[2]
    shown = run("contracts", "activation-links", "--json").stdout + run("contracts", "activation-links").stdout
    assert signature not in shown + str(shop.everything())


def test_a_link_ends_when_it_was_said_to(run: Run, shop: Shop) -> None:
    run(*MAKE, "--expires", "12h")
    shop.isp.clock.advance(seconds=12 * 3600)
    assert [link["standing"] for link in links(run)] == ["expired"]


def test_a_link_is_revoked_by_its_id(run: Run, door: Door) -> None:
    path = json.loads(run(*MAKE, "--json").stdout)["path"]
    run("contracts", "activation-links", "--revoke", links(run)[0]["id"], "--yes")
    assert [link["standing"] for link in links(run)] == ["revoked"]
    assert door.get(path).status == 410


def test_links_tell_what_was_sold_by_them(run: Run, shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    (link,) = links(run)
    assert (link["standing"], link["item"], link["terms_version"]) == ("taken", "X", "2026-11")


@pytest.mark.parametrize(
    "base", ["http://sva.example.com", "sva.example.com", "https://sva.example.com/?a=1", "https:"]
)
def test_an_address_that_no_customer_should_follow_is_a_usage_error(run: Run, base: str) -> None:
    run(*MAKE, "--base-url", base, code=2)


@pytest.mark.parametrize("expires", ["0d", "7", "d", "1w", "-1d"])
def test_a_time_that_is_none_is_a_usage_error(run: Run, expires: str) -> None:
    run(*MAKE, f"--expires={expires}", code=2)


def test_a_link_is_good_for_a_year_at_most(run: Run) -> None:
    assert "366 days at most" in run(*MAKE, "--expires", "367d", code=1).stderr


@pytest.mark.parametrize("proxy", ["sva.example.com", "10.0.0.1/8", ""])
def test_a_proxy_that_is_no_address_is_a_usage_error(run: Run, proxy: str) -> None:
    run("serve", "--proxy", proxy, code=2)


def test_terms_are_kept_listed_and_shown(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_text("Não há\r\nmais.\n", encoding="utf-8-sig")
    run("terms", "set", "anything", "--version", "2026-12", "--file", str(file))
    listed = json.loads(run("terms", "list", "--json").stdout)
    assert [(terms["version"], terms["actor"]) for terms in listed] == [("2026-12", "ana"), ("2026-11", "operator")]
    assert run("terms", "show", "anything", "--version", "2026-12").stdout == "Não há\nmais.\n"
    assert json.loads(run("terms", "show", "anything", "--version", "2026-11", "--json").stdout)["text"] == TERMS


def test_terms_that_are_no_text_are_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_bytes("Não".encode("latin-1"))
    assert "UTF-8" in run("terms", "set", "anything", "--version", "2", "--file", str(file), code=1).stderr
    assert "1 to" in run("terms", "set", "anything", "--version", "2", "--file", "-", code=1, given=" ").stderr


def test_terms_for_what_nobody_sells_are_kept_with_a_word_of_it(run: Run) -> None:
    result = run("terms", "set", "streming", "--version", "1", "--file", "-", given="Texto.")
    assert "No product of the type streming" in result.stderr


def test_explain_tells_the_consent_with_a_masked_address(run: Run, shop: Shop) -> None:
    shop.office.offering.take(shop.id(), IP)
    told = run("explain", "C1", "--item", "X").stdout + run("explain", "C1", "--json").stdout
    assert "activation-link from 203.0.***, to text 2026-11" in " ".join(told.split())
    assert IP not in told + run("contracts", "show", "C1", "--json").stdout
