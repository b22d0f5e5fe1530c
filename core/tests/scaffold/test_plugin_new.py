"""`svahub plugins new`: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from svahub.cli import main


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["plugins", "new", *arguments])
    assert result.exit_code == code, result.output
    return result


def files_in(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_package_is_written_with_all_that_it_needs(tmp_path: Path) -> None:
    new("acme-tv")
    package = "src/svahub_acme_tv"
    code = [
        f"{package}/{name}.py" for name in ("__init__", "demo", "settings", "simulator", "simulator_access", "wire")
    ]
    beside = [".github/workflows/check.yml", ".gitignore", "README.md", "pyproject.toml", "tests/test_contract.py"]
    assert files_in(tmp_path / "svahub-acme-tv") == sorted([*beside, *code, f"{package}/py.typed"])


def test_what_was_written_and_what_to_do_next_is_told() -> None:
    told = new("acme-tv", "--auth", "oauth2").output
    assert "  src/svahub_acme_tv/__init__.py" in told
    assert "pip install -e 'svahub-acme-tv[testing]'" in told
    assert "svahub plugins check svahub-acme-tv" in told
    assert "--set client_id=CLIENT --secret client_secret=env:ACME_TV_SECRET" in told


def test_the_same_is_told_as_json(tmp_path: Path) -> None:
    told = json.loads(new("acme", "--product-type", "tv", "--folder", "here", "--json").stdout)
    assert (told["name"], told["product_type"], told["auth"], told["folder"]) == ("acme", "tv", "bearer", "here")
    assert told["files"] == files_in(tmp_path / "here")
    assert told["next"][0] == "pip install -e 'here[testing]'"


def test_the_product_type_is_an_entry_point_and_by_default_the_name(tmp_path: Path) -> None:
    new("acme", "--product-type", "tv")
    new("other")
    served = {name: (tmp_path / f"svahub-{name}" / "pyproject.toml").read_text() for name in ("acme", "other")}
    assert 'product_types"]\ntv = "svahub_acme:Acme"' in served["acme"]
    assert 'product_types"]\nother = "svahub_other:Other"' in served["other"]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "svahub-acme").mkdir()
    (tmp_path / "svahub-acme" / "mine.txt").write_text("mine")
    assert "not empty: nothing was written" in new("acme", code=1).output
    assert files_in(tmp_path) == ["svahub-acme/mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "svahub-acme").mkdir()
    new("acme")
    assert (tmp_path / "svahub-acme" / "pyproject.toml").is_file()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("mine")
    assert "nothing was written" in new("acme", "--folder", "here", code=1).output


@pytest.mark.parametrize(
    "arguments", [("Acme",), ("acme_tv",), ("acme", "--product-type", "T V"), ("acme", "--auth", "kerberos"), ()]
)
def test_what_cannot_be_is_a_usage_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    new(*arguments, code=2)
    assert files_in(tmp_path) == []


def test_a_name_that_is_taken_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    assert "Choose another name." in new("server", code=1).output
    assert files_in(tmp_path) == []
