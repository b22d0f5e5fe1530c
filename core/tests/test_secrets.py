"""Secrets: kept by reference or encrypted, resolved when needed, never repeated in an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from svahub import secrets
from svahub.errors import Refused

WORD = "opens-sesame"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv(secrets.KEY_VARIABLE, key)
    monkeypatch.delenv(secrets.KEY_FILE_VARIABLE, raising=False)
    return key


def test_a_variable_is_kept_by_its_name_and_read_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = secrets.reference("env:OF_THIS_TEST")
    monkeypatch.setenv("OF_THIS_TEST", WORD)
    assert (kept, secrets.resolve(kept)) == ("env:OF_THIS_TEST", WORD)


def test_a_variable_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in (WORD, "rotated"):
        monkeypatch.setenv("OF_THIS_TEST", word)
        assert secrets.resolve("env:OF_THIS_TEST") == word


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OF_THIS_TEST", raising=False)
    with pytest.raises(Refused, match="Set OF_THIS_TEST"):
        secrets.resolve("env:OF_THIS_TEST")


def test_a_file_is_kept_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "word").write_text(WORD)
    monkeypatch.chdir(tmp_path)
    kept = secrets.reference("file:word")
    monkeypatch.chdir("/")
    assert (kept, secrets.resolve(kept)) == (f"file:{tmp_path / 'word'}", WORD)


def test_the_newline_at_a_files_end_is_no_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{WORD}\n")
    assert secrets.resolve(f"file:{tmp_path / 'word'}") == WORD


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_secret_in_it_is_refused_by_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "word").write_bytes(content)
    with pytest.raises(Refused, match=str(tmp_path / "word")):
        secrets.resolve(f"file:{tmp_path / 'word'}")


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="FileNotFoundError"):
        secrets.resolve(f"file:{tmp_path / 'absent'}")


@pytest.mark.parametrize("given", [WORD, f"vault:{WORD}", "env:", "file:", "", f"{secrets.STORED}{WORD}"])
def test_a_literal_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(Refused, match="env:VAR, file:PATH") as refusal:
        secrets.reference(given)
    assert WORD not in str(refusal.value)


def test_a_literal_that_came_into_the_store_is_not_repeated_either() -> None:
    with pytest.raises(Refused) as refusal:
        secrets.resolve(WORD)
    assert WORD not in str(refusal.value)


def test_a_sealed_secret_comes_back_and_is_not_readable_meanwhile(key: str) -> None:
    kept = secrets.sealed(WORD)
    assert WORD not in kept
    assert (secrets.resolve(kept), secrets.shown(kept)) == (WORD, "stored, encrypted")


def test_what_is_sealed_or_referred_to_may_be_kept(key: str) -> None:
    sealed = secrets.sealed(WORD)
    assert (secrets.kept(sealed), secrets.kept("env:A")) == (sealed, "env:A")


def test_sealing_nothing_is_refused(key: str) -> None:
    with pytest.raises(Refused, match="empty"):
        secrets.sealed("")


def test_after_a_rotation_old_and_new_secrets_open(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = secrets.sealed(WORD)
    monkeypatch.setenv(secrets.KEY_VARIABLE, f"{Fernet.generate_key().decode()}, {key}")
    assert {secrets.resolve(kept) for kept in (old, secrets.sealed(WORD))} == {WORD}


def test_the_first_key_is_the_one_that_seals(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Fernet.generate_key().decode()
    monkeypatch.setenv(secrets.KEY_VARIABLE, f"{new},{key}")
    kept = secrets.sealed(WORD)
    monkeypatch.setenv(secrets.KEY_VARIABLE, new)
    assert secrets.resolve(kept) == WORD


def test_another_key_opens_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = secrets.sealed(WORD)
    monkeypatch.setenv(secrets.KEY_VARIABLE, Fernet.generate_key().decode())
    with pytest.raises(Refused, match=f"Set the right {secrets.KEY_VARIABLE}"):
        secrets.resolve(kept)


def test_the_key_may_be_in_a_file(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = secrets.sealed(WORD)
    (tmp_path / "key").write_text(f"{key}\n")
    monkeypatch.delenv(secrets.KEY_VARIABLE)
    monkeypatch.setenv(secrets.KEY_FILE_VARIABLE, str(tmp_path / "key"))
    assert secrets.resolve(kept) == WORD


@pytest.mark.parametrize("keys", ["too-short", ","])
def test_what_is_no_key_is_refused_with_how_to_make_one(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(secrets.KEY_VARIABLE, keys)
    with pytest.raises(Refused, match="generate_key") as refusal:
        secrets.sealed(WORD)
    assert "too-short" not in str(refusal.value)


def test_without_a_key_the_store_holds_no_secret(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(secrets.KEY_VARIABLE)
    with pytest.raises(Refused, match=secrets.KEY_FILE_VARIABLE):
        secrets.sealed(WORD)
