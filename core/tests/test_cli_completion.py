"""What Tab completes: names that the store and the plugins have, from a store that stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from svahub.cli import main
from svahub.hub import Hub
from svahub.intake import ContractRow
from svahub.models import Environment


def completed(url: str, *words: str) -> list[str]:
    """Return what Tab offers for the last word."""
    typed = {"COMP_WORDS": " ".join(["svahub", "--database", url, *words]), "COMP_CWORD": str(len(words) + 2)}
    result = CliRunner().invoke(main, [], env={"_MAIN_COMPLETE": "bash_complete", **typed})
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.partition(",")[2] for line in result.stdout.split()]


@pytest.fixture
def url(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WORD_OF_TAB", "a word")
    with Hub.open(sqlite_url) as hub:
        hub.add_tenant("north")
        office, secret = hub.tenant("default"), {"password": "env:WORD_OF_TAB"}
        office.integrations.add("clinic", "teleclinica", Environment.STAGING, settings={"username": "u"}, secret=secret)
        customer = {"id": "1", "name": "Ana Exemplo", "document": "11144477735"}
        for id in ("A-1", "C-1", "C-10", "C-2"):
            row = {"contract_id": id, "customer": customer, "items": [{"code": "1", "product_code": "NET"}]}
            office.contracts.take_in([ContractRow.model_validate(row)])
    return sqlite_url


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["explain", "C-1"], ["C-1", "C-10"]),
        (["block", "A-1", "C-2"], ["C-2"]),
        (["contracts", "show", "c"], []),
        (["integration", "test", ""], ["clinic"]),
        (["subscriptions", "list", "--integration", "cl"], ["clinic"]),
        (["--tenant", "no"], ["north"]),
        (["--tenant", "north", "explain", "C"], []),
        (["--tenant", "nobody", "explain", "C"], []),
        (["integration", "add", "x", "--provider", "tele"], ["teleclinica"]),
        (["simulate", "tele"], ["teleclinica"]),
        (["contracts", "li"], ["list"]),
        (["contracts", "list", "--sta"], ["--status"]),
    ],
    ids=" ".join,
)
def test_tab_offers_what_is_there_and_begins_like_this(url: str, words: list[str], offered: list[str]) -> None:
    assert completed(url, *words) == offered


def test_tab_makes_no_store(tmp_path: Path) -> None:
    assert completed(f"sqlite:///{tmp_path / 'none.db'}", "explain", "C") == []
    assert list(tmp_path.iterdir()) == []


def test_tab_says_nothing_of_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("this is no database")
    assert completed(f"sqlite:///{tmp_path / 'other.db'}", "explain", "C") == []
