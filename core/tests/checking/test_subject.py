"""What `plugins check PACKAGE` means: a package, a provider, or a folder whose package need not be installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from svahub.discovery import PROVIDERS
from svahub.errors import Refused
from svahub.testing.checking.subject import subject_of

PROJECT = """
[project]
name = "svahub-acme"
version = "1.2"
dependencies = [{dependencies}]

[project.entry-points."svahub.providers"]
acme = "svahub_acme:Acme"
"""
CONTRACT = "from svahub.testing import ProviderContract\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a package of a plugin."""
    folder = tmp_path / "acme"
    (folder / "src" / "svahub_acme").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text(PROJECT.format(dependencies='"svahub>=0.0.1"'))
    return folder


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """Return an empty folder to work in."""
    (tmp_path / "workshop").mkdir()
    return tmp_path / "workshop"


def test_a_folder_is_described_as_installing_it_would(folder: Path, workshop: Path) -> None:
    subject = subject_of(str(folder), workshop)
    assert (subject.package, subject.version, subject.providers) == ("svahub-acme", "1.2", ("acme",))
    assert (subject.origin, subject.paths) == (f"the sources in {folder}", (str(workshop), str(folder / "src")))
    (points,) = workshop.glob("*.dist-info/entry_points.txt")
    assert points.read_text() == f"[{PROVIDERS}]\nacme = svahub_acme:Acme"


def test_a_folders_own_contracts_are_those_tests_that_speak_of_one(folder: Path, workshop: Path) -> None:
    (folder / "tests" / "test_contract.py").write_text(CONTRACT)
    (folder / "tests" / "test_other.py").write_text("def test_it(): ...\n")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "test_foreign.py").write_text(CONTRACT)
    assert subject_of(str(folder), workshop).contracts == (str(folder / "tests" / "test_contract.py"),)


def test_modules_may_lie_beside_the_project_file(folder: Path, workshop: Path) -> None:
    (folder / "src" / "svahub_acme").rename(folder / "svahub_acme")
    assert subject_of(str(folder), workshop).paths == (str(workshop), str(folder))


def test_a_name_that_nothing_bears_may_be_a_folder(
    folder: Path, workshop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert subject_of("acme", workshop).origin == "the sources in acme"


def test_what_the_package_needs_and_is_not_installed_is_named(folder: Path, workshop: Path) -> None:
    needed = '"svahub>=99", "no-such-package", "also-not-there; python_version < \'3\'"'
    (folder / "pyproject.toml").write_text(PROJECT.format(dependencies=needed))
    with pytest.raises(Refused, match=r"svahub-acme needs svahub>=99, no-such-package, which .* pip install -e"):
        subject_of(str(folder), workshop)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no pyproject.toml"),
        ("[project", "cannot be read"),
        ('[project]\nname = "acme"\n', "names no provider"),
        (PROJECT.format(dependencies="").replace("svahub_acme", "elsewhere"), "there is no elsewhere in"),
    ],
)
def test_a_folder_without_a_provider_is_refused_with_the_reason(
    folder: Path, workshop: Path, text: str | None, told: str
) -> None:
    (folder / "pyproject.toml").unlink()
    if text is not None:
        (folder / "pyproject.toml").write_text(text)
    with pytest.raises(Refused, match=told):
        subject_of(f"{folder}/", workshop)


def test_an_unknown_name_is_refused_with_what_is_there(workshop: Path) -> None:
    with pytest.raises(Refused, match=r"No installed package or provider 'nothing'.* A folder is named by its path"):
        subject_of("nothing", workshop)
